/// Options as they are written: in `-v SRC:DST,acl,locks=host`, in the control protocol, in status views.
extension ChildOptions {
    /// What is wrong with an option's text.
    public struct Malformed: Error, Equatable, CustomStringConvertible, Sendable {
        /// What was expected, as the rest of a sentence that names the text: "is no share option (…)".
        public let description: String
    }

    /// The options there are, for a person.
    public static let synopsis =
        "ro, rw, name=NAME, cache=auto|always|never|metadata, writeback, owner=host|UID:GID|mapped, locks=guest|host, acl, "
        + "hide=personal"

    /// The options as texts, without those that are as they are by default; ``set(_:)`` reads them.
    public var texts: [String] {
        let unlessDefault = ChildOptions()
        var texts: [String] = []
        if hidesPersonalData { texts.append("hide=personal") }
        if cache != unlessDefault.cache { texts.append("cache=\(cache.rawValue)") }
        if buffersWrites { texts.append("writeback") }
        if locks != unlessDefault.locks { texts.append("locks=\(locks.rawValue)") }
        if enforcesAccessLists { texts.append("acl") }
        if ownership != unlessDefault.ownership { texts.append("owner=\(ownership.text)") }
        return texts
    }

    /// Sets one option.
    ///
    /// - Parameter text: `KEY=VALUE`, or `KEY` for one that is on or off.
    /// - Throws: That there is no such option, or which values it has.
    public mutating func set(_ text: String) throws(Malformed) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count == 2 ? parts[1] : nil) {
        case ("hide", "personal"): hidesPersonalData = true
        case ("cache", let value): cache = try Self.value(value, of: "cache")
        case ("writeback", nil): buffersWrites = true
        case ("locks", let value): locks = try Self.value(value, of: "locks")
        case ("acl", nil): enforcesAccessLists = true
        case ("owner", let value):
            guard let owner = value.flatMap(Ownership.init(text:)) else {
                throw Malformed(
                    description: "is no share option (write owner=host|UID:GID|mapped, with ids as numbers)")
            }
            ownership = owner
        case ("hide", _): throw Malformed(description: "is no share option (all that can be hidden is hide=personal)")
        case ("writeback", _): throw Malformed(description: "is no share option (writeback has no value)")
        case ("acl", _): throw Malformed(description: "is no share option (acl has no value)")
        default: throw Malformed(description: "is no share option (there are \(Self.synopsis))")
        }
    }

    private static func value<V: RawRepresentable & CaseIterable>(
        _ text: String?, of key: String
    ) throws(Malformed) -> V where V.RawValue == String {
        guard let value = text.flatMap(V.init(rawValue:)) else {
            let values = V.allCases.map(\.rawValue).joined(separator: "|")
            throw Malformed(description: "is no share option (write \(key)=\(values))")
        }
        return value
    }
}
