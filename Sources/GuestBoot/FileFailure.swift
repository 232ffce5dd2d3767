internal import Linux
public import SystemPackage

/// Why a file of the host was not read.
public enum FileFailure: Error, Equatable {
    /// It cannot be opened or read.
    case system(Errno)
    /// What is there is no regular file.
    case notRegular
    /// A symbolic link on the way leads out of the directory that it was looked for in.
    case leadsOut
    /// It has more bytes than are taken.
    case tooLarge(limit: Int)
    /// What is in it is no kernel module.
    case notModule

    /// What is wrong, to stand after the file's path and a colon.
    var explained: String {
        switch self {
        case .system(let error): error.explained
        case .notRegular: "it is no regular file"
        case .leadsOut: "a symbolic link leads out of the modules directory, and such a one is not followed"
        case .tooLarge(let limit): "it has more than \(limit >> 20) MiB"
        case .notModule: "it is no kernel module (no ELF file)"
        }
    }
}
