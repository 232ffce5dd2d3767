/// What guests may do with every share of an aggregate.
public enum Access: String, Sendable {
    /// Everything that the host lets the launcher do.
    case readWrite = "rw"
    /// Look and read; whatever would change something is refused with EROFS, by whatever way it comes.
    case readOnly = "ro"
}
