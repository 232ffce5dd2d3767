internal import Control
internal import QEMU
internal import SystemPackage

/// A guest that has no agent of ours: its user mounts the device, once, and finds every share there.
enum AgentlessGuest {
    /// The line to type in the guest, as root, to see a share; where it is a file, to have it at a target, which is made an
    /// empty file if there is none.
    ///
    /// - Parameters:
    ///   - tag: What the guest knows the device by.
    ///   - share: The share.
    ///   - target: Where a file is to be; where it is on the host when nil.
    /// - Returns: A line for a POSIX shell.
    static func mountCommand(tag: String, share: ShareStatus, target: String? = nil) -> String {
        let place = ShellWord.quoted("/run/sheaf/\(tag)")
        let child = ShellWord.quoted("/run/sheaf/\(tag)/\(share.subname)")
        let mount = "{ mountpoint -q \(place) || mount -t virtiofs \(ShellWord.quoted(tag)) \(place); }"
        let line = "mkdir -p \(place) && \(mount) && "
        guard share.kind == .file else { return line + "ls \(child)" }
        let path = FilePath(target ?? share.source)
        let file = ShellWord.quoted(path.string)
        let directory = ShellWord.quoted(path.removingLastComponent().string)
        return line + "mkdir -p \(directory) && { test -e \(file) || touch \(file); } && mount --bind \(child) \(file)"
    }
}
