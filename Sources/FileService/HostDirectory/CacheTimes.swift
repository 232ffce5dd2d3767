/// How long the guest may believe a reply.
struct CacheTimes: Equatable, Sendable {
    /// That a name stands for what it does.
    let entrySeconds: UInt64
    /// That there is no such name; 0 for not at all.
    let absentSeconds: UInt64
    /// Attributes, with `attributeNanoseconds`.
    let attributeSeconds: UInt64
    let attributeNanoseconds: UInt32

    /// What is inside a share.
    init(seconds: UInt64, absentSeconds: UInt64) {
        entrySeconds = seconds
        self.absentSeconds = absentSeconds
        attributeSeconds = seconds
        attributeNanoseconds = 0
    }

    private init(attributeNanoseconds: UInt32) {
        entrySeconds = 0
        absentSeconds = 0
        attributeSeconds = 0
        self.attributeNanoseconds = attributeNanoseconds
    }

    /// The synthetic root.
    static let root = CacheTimes(attributeNanoseconds: 1_000_000)
}

extension Node {
    var cacheTimes: CacheTimes { child.cacheTimes }

    /// How long the guest may believe that the node's name leads to it. Shares come and go: their roots' not at all.
    var entrySeconds: UInt64 { isChildRoot ? 0 : child.cacheTimes.entrySeconds }
}
