import SystemPackage

/// Small files of text.
enum HostText {
    /// All that a file holds, as UTF-8.
    ///
    /// - Throws: What open(2) or read(2) failed with.
    static func read(_ path: String) throws -> String {
        let file = try FileDescriptor.open(path, .readOnly)
        return try file.closeAfter {
            var text: [UInt8] = []
            var block = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = try block.withUnsafeMutableBytes { try file.read(into: $0) }
                if count == 0 { return String(decoding: text, as: UTF8.self) }
                text += block[0..<count]
            }
        }
    }
}
