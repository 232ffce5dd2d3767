/// A kind of request, made again and again.
enum Workload: String, CaseIterable, Sendable {
    case getattr
    case lookup
    case lookupMiss = "lookup-miss"
    case read4k
    case seqread
    case statfs
}
