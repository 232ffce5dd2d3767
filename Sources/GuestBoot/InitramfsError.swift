internal import Linux
public import SystemPackage

/// Why no initramfs could be made, with the way out in its description.
public enum InitramfsError: Error, Equatable, CustomStringConvertible {
    /// The agent's program is not there.
    case noAgent(FilePath, FileFailure)
    /// A file that goes into the archive cannot be read.
    case unreadable(FilePath, FileFailure)
    /// All modules together have more bytes than are taken.
    case tooMuch(limit: Int)
    /// A module's decompression failed: the file, the program, what it said.
    case cannotDecompress(FilePath, program: FilePath, String)
    /// A file has no place in a cpio archive.
    case tooLong(String)
    /// The archive cannot be kept in the cache.
    case cannotWrite(FilePath, Errno)

    /// What was tried, on what, why it failed and what to do.
    public var description: String {
        switch self {
        case .noAgent(let path, let error):
            "cannot read the guest agent \(path): \(error.explained); build it with `swift build --product sheaf-agent`"
        case .unreadable(let path, let error):
            "cannot read \(path) for the initramfs: \(error.explained)"
        case .tooMuch(let limit):
            "the guest's modules have more than \(limit >> 20) MiB together, and no more is put into the initramfs"
        case .cannotDecompress(let path, let program, let reason):
            "cannot decompress the module \(path) with \(program): \(reason)"
        case .tooLong(let name):
            "cannot put \(name) into the initramfs: it is longer than the cpio format allows"
        case .cannotWrite(let path, let error):
            "cannot write the initramfs \(path): \(error.explained); set XDG_CACHE_HOME to a directory with room"
        }
    }
}
