/// QEMU's version.
public struct QEMUVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
    /// 8 in 8.2.1.
    public var major: Int
    /// 2 in 8.2.1.
    public var minor: Int
    /// 1 in 8.2.1.
    public var micro: Int

    /// A version by its parts.
    public init(_ major: Int, _ minor: Int, _ micro: Int = 0) {
        self.major = major
        self.minor = minor
        self.micro = micro
    }

    /// From `"QMP"` of a greeting; 0.0.0 where it names none.
    init(greeting: JSONValue) {
        let version = greeting["version"]?["qemu"]
        func part(_ name: String) -> Int { Int(clamping: version?[name]?.integer ?? 0) }
        self.init(part("major"), part("minor"), part("micro"))
    }

    /// From the first line of `qemu --version`, or from `8.2.1`; nil where there is no version.
    public init?(text: some StringProtocol) {
        guard let word = text.split(whereSeparator: \.isWhitespace).first(where: { $0.first?.isNumber == true }) else {
            return nil
        }
        let parts = word.split(separator: ".").map { Int($0.prefix(while: \.isNumber)) }
        guard parts.count >= 2, let major = parts[0], let minor = parts[1] else { return nil }
        self.init(major, minor, parts.count > 2 ? parts[2] ?? 0 : 0)
    }

    /// `8.2.1`.
    public var description: String { "\(major).\(minor).\(micro)" }

    /// The earlier is less.
    public static func < (left: Self, right: Self) -> Bool {
        (left.major, left.minor, left.micro) < (right.major, right.minor, right.micro)
    }
}
