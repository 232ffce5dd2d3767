internal import QEMU

/// A guest that has no agent of ours: its user mounts the device, once, and finds every share there.
enum AgentlessGuest {
    /// The line to type in the guest, as root, to see a share.
    ///
    /// - Parameters:
    ///   - tag: What the guest knows the device by.
    ///   - subname: The share's directory in it.
    /// - Returns: A line for a POSIX shell.
    static func mountCommand(tag: String, subname: String) -> String {
        let place = ShellWord.quoted("/run/sheaf/\(tag)")
        let share = ShellWord.quoted("/run/sheaf/\(tag)/\(subname)")
        let mount = "{ mountpoint -q \(place) || mount -t virtiofs \(ShellWord.quoted(tag)) \(place); }"
        return "mkdir -p \(place) && \(mount) && ls \(share)"
    }
}
