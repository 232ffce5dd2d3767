/// A workload and how hard it is driven.
struct Load: Hashable, Sendable {
    let workload: Workload
    /// Operations in flight on each queue.
    var depth = 1
    /// Request queues, each driven by a thread of its own.
    var queues = 1
    /// Spin on the used rings and ask for no interrupts.
    var isPolling = false
    /// Where a file is written and synced all the time meanwhile.
    var syncing: SyncPlace?
    /// How long to measure.
    var seconds = 1.0
    /// Runs a tenth of that before, uncounted.
    var warmsUp = true
    /// Room of a reply of READDIRPLUS, in bytes: Linux asks for a page up to 6.12.
    var listingRoom = 4096
}
