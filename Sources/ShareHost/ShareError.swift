public import FileService
internal import Linux
public import SystemPackage

/// Why a directory or file could not be shared. The text is for the person who asked.
public enum ShareError: Error, Equatable, Sendable {
    /// No path was given.
    case emptySource
    /// The path does not lead to anything that can be shared.
    case source(FilePath, Errno)
    /// The device cannot take it.
    case child(AddChildError)
    /// Another share is to appear at the same place in the guest.
    case targetInUse(target: String, by: FilePath)
    /// The guest's path is not absolute.
    case relativeTarget(String, of: FilePath)
    /// The share is there, served in another way than asked for now.
    case otherOptions(FilePath)
    /// The share cannot have its options together: the rest of a sentence that says why.
    case conflict(FilePath, String)
    /// There is no share of this name to be changed.
    case noShare(named: String, Bucket)
    /// The bucket's file system could not be made.
    case aggregate(Bucket, Errno)
}

extension ShareError: CustomStringConvertible {
    /// What was tried, on what, and what to do.
    public var description: String {
        switch self {
        case .emptySource:
            "cannot share an empty path; give a directory or a file, such as -v .:/work"
        case .source(let path, .noSuchFileOrDirectory):
            "cannot share \(path): no such file or directory (ENOENT); create it first, nothing is created on the host for you"
        case .source(let path, .notDirectory):
            "cannot share \(path): not a directory (ENOTDIR)"
        case .source(let path, .invalidArgument):
            "cannot share \(path): neither a directory nor a regular file (EINVAL); share the directory that it is in"
        case .source(let path, let error):
            "cannot share \(path): \(error.explained)"
        case .child(let error):
            error.description
        case .targetInUse(let target, let path):
            "cannot mount two shares at \(target) in the guest: \(path) is there; give another target"
        case .relativeTarget(let target, let path):
            "cannot mount \(path) at \"\(target)\" in the guest: the target must start with \"/\""
        case .otherOptions(let path):
            "\(path) is shared already, with other options; give a name= to share it once more"
        case .conflict(let path, let reason):
            "\(path) \(reason)"
        case .noShare(let name, let bucket):
            "there is no \(bucket.rawValue) share named \"\(name)\""
        case .aggregate(let bucket, let error):
            "cannot make the file system for \(bucket.rawValue) shares: \(error.explained)"
        }
    }

    /// The error as a number, for a reply to a program.
    public var errno: Errno {
        switch self {
        case .emptySource, .relativeTarget, .conflict: .invalidArgument
        case .source(_, let error), .aggregate(_, let error): error
        case .child(let error): error.errno
        case .targetInUse, .otherOptions: .fileExists
        case .noShare: .noSuchFileOrDirectory
        }
    }
}
