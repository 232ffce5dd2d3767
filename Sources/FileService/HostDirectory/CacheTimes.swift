/// How long the guest may believe a reply, in nanoseconds.
struct CacheTimes {
    let entrySeconds: UInt64
    let attributeSeconds: UInt64
    let attributeNanoseconds: UInt32

    /// The synthetic root and the root directories of shares: shares come and go.
    static let root = CacheTimes(entrySeconds: 0, attributeSeconds: 0, attributeNanoseconds: 1_000_000)
    /// A file that is a share: its name comes and goes, and what is known of it is believed as of any file.
    static let rootFile = CacheTimes(entrySeconds: 0, attributeSeconds: 1, attributeNanoseconds: 0)
    /// Everything inside a share: a host's edit is seen after a second at the latest.
    static let inside = CacheTimes(entrySeconds: 1, attributeSeconds: 1, attributeNanoseconds: 0)
}

extension Node {
    var cacheTimes: CacheTimes { isChildRoot ? isDirectory ? .root : .rootFile : .inside }
}
