import CAgent

/// The descriptors of one turn of the loop, and what each is watched for.
struct Watch {
    /// What a descriptor belongs to.
    enum Source {
        case link
        case signals
        case requests
        case devices
        case report(Session)
        case input(Session)
        case output(Session, OutputStream)
    }

    private var entries: [pollfd] = []
    private var sources: [Source] = []

    /// Watches a descriptor for `events`, the POLL constants of poll(2).
    mutating func add(_ source: Source, _ descriptor: Int32, _ events: Int32) {
        entries.append(pollfd(fd: descriptor, events: Int16(truncatingIfNeeded: events), revents: 0))
        sources.append(source)
    }

    /// Waits until one of them is ready, or for a time; -1 is for ever.
    mutating func wait(milliseconds: Int32) {
        entries.withUnsafeMutableBufferPointer { _ = poll($0.baseAddress, nfds_t($0.count), milliseconds) }
    }

    /// Those that are ready.
    var ready: [Source] {
        var ready: [Source] = []
        for (entry, source) in zip(entries, sources) where entry.revents != 0 { ready.append(source) }
        return ready
    }
}
