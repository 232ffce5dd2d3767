/// How long a guest goes by what it knows of a share before it asks again.
///
/// A virtio-fs device cannot tell its guest that something has changed. So what a change on the host takes to be seen is
/// what the guest was allowed to believe.
public enum CachePolicy: String, CaseIterable, Sendable {
    /// Names, also those that are not there, and attributes for a second; a file's data until its attributes change.
    case auto
    /// Everything for a day: names, also those that are not there, attributes, data and listings.
    case always
    /// Nothing: each use is a request, data go past the guest's page cache.
    case never
    /// Names, attributes and listings for a day, data not at all.
    case metadata

    /// Whether files' data go past the guest's page cache: `FOPEN_DIRECT_IO`.
    var isDirect: Bool { self == .never || self == .metadata }

    /// Whether the guest goes by a listing that it has read before: `FOPEN_CACHE_DIR`.
    ///
    /// Not where names are soon to be asked for again: the guest then looks up each of them, instead of having all told with
    /// the listing.
    var keepsListings: Bool { self == .always || self == .metadata }

    /// How long names and attributes inside a share are believed.
    var times: CacheTimes {
        switch self {
        case .auto: CacheTimes(seconds: 1, absentSeconds: 1)
        case .always: CacheTimes(seconds: CachePolicy.day, absentSeconds: CachePolicy.day)
        case .never: CacheTimes(seconds: 0, absentSeconds: 0)
        // A name that appears is seen, for whoever waits for it.
        case .metadata: CacheTimes(seconds: CachePolicy.day, absentSeconds: 0)
        }
    }

    private static var day: UInt64 { 86_400 }
}
