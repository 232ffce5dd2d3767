/// Who sees the locks that programs in the guest take on a share's files.
public enum LockScope: String, CaseIterable, Sendable {
    /// Only the guest's own programs.
    case guest
    /// The host's programs, and other guests', too: each lock is one on the host's file.
    case host
}
