internal import SystemPackage

/// A module's name as the kernel knows it: its file's name without `.ko` and what follows, and with `_` for `-`.
struct ModuleName: Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    let description: String

    /// The name that a person writes, with either of `-` and `_`.
    init(_ name: String) {
        description = String(name.map { $0 == "-" ? "_" : $0 })
    }

    init(stringLiteral name: String) { self.init(name) }

    /// The module in a file; nil for one that is not named as a module is.
    init?(file path: String) {
        let name = path.split(separator: "/").last ?? ""
        for suffix in [".ko"] + Compression.allCases.map({ ".ko" + $0.suffix }) where name.hasSuffix(suffix) {
            self.init(String(name.dropLast(suffix.count)))
            return
        }
        return nil
    }
}

/// How a module's file is compressed.
enum Compression: String, CaseIterable {
    case xz
    case zstd
    case gzip

    /// What the file's name ends with.
    var suffix: String {
        switch self {
        case .xz: ".xz"
        case .zstd: ".zst"
        case .gzip: ".gz"
        }
    }

    /// What a file begins with.
    var magic: [UInt8] {
        switch self {
        case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
        case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
        case .gzip: [0x1f, 0x8b]
        }
    }

    /// The compression that a file's name tells; nil for none.
    init?(file path: String) {
        guard let compression = Compression.allCases.first(where: { path.hasSuffix($0.suffix) }) else { return nil }
        self = compression
    }
}
