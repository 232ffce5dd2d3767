public import ArgumentParser

/// An amount of memory as people write it: `512M`, `2G`, `1.5G`; a bare number is mebibytes.
public struct MemorySize: ExpressibleByArgument, Equatable, Sendable {
    /// The amount in MiB.
    public let mebibytes: Int

    /// An amount in MiB.
    public init(mebibytes: Int) {
        self.mebibytes = mebibytes
    }

    /// Reads an amount; nil for anything that is no positive number with an optional unit (M, G or T, with or without iB).
    public init?(argument: String) {
        var text = argument.uppercased()
        for ending in ["IB", "B"] where text.hasSuffix(ending) {
            text.removeLast(ending.count)
            break
        }
        var unit = 1.0
        if let factor = ["M": 1.0, "G": 1024.0, "T": 1024.0 * 1024.0][String(text.suffix(1))] {
            unit = factor
            text.removeLast()
        }
        guard let number = Double(text), number > 0, number * unit < 1e9 else { return nil }
        mebibytes = Int((number * unit).rounded())
        guard mebibytes > 0 else { return nil }
    }

    /// How help shows a default.
    public var defaultValueDescription: String {
        mebibytes % 1024 == 0 ? "\(mebibytes / 1024)G" : "\(mebibytes)M"
    }
}
