/// What a guest may keep of a share, and for how long without asking again.
public enum CachePolicy: String, CaseIterable, Sendable {
    /// Names and attributes for a second; pages of a file as long as its attributes are the same when it is opened or
    /// looked at. Both sides may change things.
    case auto
    /// Everything for a day, that a name is not there among it. For what only this guest changes, or nobody.
    case always
    /// Nothing: every question is asked, every read and write goes to the host.
    case never
    /// Names, attributes and listings for a day, no pages.
    case metadata
}
