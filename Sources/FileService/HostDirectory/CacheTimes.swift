/// How long the guest may believe a reply, in nanoseconds.
struct CacheTimes {
    let entrySeconds: UInt64
    let attributeSeconds: UInt64
    let attributeNanoseconds: UInt32

    /// The synthetic root: shares come and go.
    static let root = CacheTimes(entrySeconds: 0, attributeSeconds: 0, attributeNanoseconds: 1_000_000)
    /// Inside a share, by its policy.
    private static let second = CacheTimes(entrySeconds: 1, attributeSeconds: 1, attributeNanoseconds: 0)
    private static let none = CacheTimes(entrySeconds: 0, attributeSeconds: 0, attributeNanoseconds: 0)
    private static let day = CacheTimes(entrySeconds: 86_400, attributeSeconds: 86_400, attributeNanoseconds: 0)

    static func inside(_ policy: CachePolicy) -> CacheTimes {
        switch policy {
        case .auto: second
        case .never: none
        case .always, .metadata: day
        }
    }
}

extension CachePolicy {
    /// Whether the guest may keep listings from one opendir(3) to the next. For a second that would not pay: a listing that is
    /// kept brings no attributes with it, and each name of it is then asked for.
    var keepsListings: Bool { self == .always || self == .metadata }
    /// Whether the guest may believe for as long that a name is missing as that it is there. Most of what compilers, shells
    /// and interpreters look for is not where they look first.
    var keepsAbsence: Bool { self != .never }
    /// Whether reads and writes pass the guest's page cache by.
    var isDirect: Bool { self == .never || self == .metadata }
}

extension CacheTimes {
    /// For a share's root: its name may be gone at any time, what it is like is asked on each way into the share.
    var ofShareRoot: CacheTimes {
        CacheTimes(
            entrySeconds: 0, attributeSeconds: attributeSeconds, attributeNanoseconds: attributeNanoseconds)
    }
}

extension Node {
    var cacheTimes: CacheTimes { isChildRoot ? child.rootCacheTimes : child.cacheTimes }
}
