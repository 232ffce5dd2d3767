/// How long a request may take.
public enum RequestPace: Sendable {
    /// It is answered at once, as far as the host does so.
    case quick
    /// It waits for a disk as a rule, and should hold up nobody else.
    case slow
    /// It may wait for other requests, and without end.
    case patient
}
