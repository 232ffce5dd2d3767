import Linux
import Synchronization
import SystemPackage
import VhostUser
import Virtio

/// A device that notes what the session tells it. It behaves as a worker would: a ring it is given has "taken" what
/// `taken` says when it is stopped.
final class RecordingHost: RingHost, Sendable {
    enum Event: Equatable {
        case start(ring: Int, next: UInt16, size: UInt16, eventIndex: Bool, hasKick: Bool)
        case stop(ring: Int)
        case call(ring: Int, isSet: Bool)
        case error(ring: Int, isSet: Bool)
        case memory(regions: Int, settled: Bool)
    }

    private struct State {
        var events: [Event] = []
        var next: [Int: UInt16] = [:]
        var calls: [Int: SharedDescriptor] = [:]
        var refusal: Errno?
    }

    let ringCount: Int
    private let taken: UInt16
    private let state = Mutex(State())

    init(ringCount: Int, taken: UInt16) {
        self.ringCount = ringCount
        self.taken = taken
    }

    var events: [Event] { state.withLock { $0.events } }

    /// Makes every start fail from now on.
    func refuseStarts(with error: Errno) { state.withLock { $0.refusal = error } }

    func start(ring: Int, _ setup: RingSetup) throws(Errno) {
        let refusal = state.withLock { state in
            state.next[ring] = setup.next &+ taken
            state.events.append(
                .start(
                    ring: ring, next: setup.next, size: setup.layout.size, eventIndex: setup.layout.eventIndex,
                    hasKick: setup.kick != nil))
            return state.refusal
        }
        if let refusal { throw refusal }
    }

    func stop(ring: Int) -> UInt16 {
        state.withLock { state in
            state.events.append(.stop(ring: ring))
            return state.next[ring] ?? 0
        }
    }

    func setCall(ring: Int, _ call: SharedDescriptor?) {
        state.withLock {
            $0.events.append(.call(ring: ring, isSet: call != nil))
            $0.calls[ring] = call
        }
    }

    func setError(ring: Int, _ error: SharedDescriptor?) {
        state.withLock { $0.events.append(.error(ring: ring, isSet: error != nil)) }
    }

    func setMemory(_ memory: GuestMemory, settled: Bool) {
        state.withLock { $0.events.append(.memory(regions: memory.regions.count, settled: settled)) }
    }
}
