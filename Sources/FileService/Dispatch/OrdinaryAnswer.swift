internal import FUSE
internal import SystemPackage

extension Opcode {
    /// Whether an error is an ordinary answer to such a request, and so none that a share's activity counts.
    ///
    /// The rule: an error counts when somebody in the guest did not get what the host could have given. It is an ordinary
    /// answer when it is how Linux or a program finds something out and goes on from there: that a name is free or taken,
    /// an attribute not there, a directory not empty yet, a file without more data, a way of doing something not offered
    /// here. ESTALE counts: it also is what a network file system says that has lost its server.
    func isOrdinary(_ error: Errno) -> Bool {
        // The guest asks once and remembers.
        if error == .noFunction { return true }
        switch self {
        case .lookup: return error == .noSuchFileOrDirectory
        case .getxattr, .listxattr, .removexattr:
            return error == .noData || error == .outOfRange || error == .notSupported
        case .ioctl: return error == .inappropriateIOCTLForDevice
        case .create, .mkdir, .mknod, .symlink: return error == .fileExists
        // The other way of doing it is a copy.
        case .link, .rename, .rename2: return error == .fileExists || error == .improperLink
        case .rmdir: return error == .directoryNotEmpty
        case .lseek: return error == .noSuchAddressOrDevice
        case .setlk: return error == .resourceTemporarilyUnavailable
        case .setlkw: return error == .interrupted || error == .deadlock
        case .fallocate, .tmpfile: return error == .notSupported
        case .copyFileRange: return error == .notSupported || error == .improperLink
        default: return false
        }
    }
}
