import CLinux
import Glibc
import Linux
import SystemPackage

@testable import VhostUser
@testable import Virtio

/// A frontend's messages, each after a byte that says what descriptors come with it, through a real socket into a session.
struct VhostUserTarget: FuzzTarget {
    func run(_ input: FuzzInput) {
        guard let pair = try? SocketPair() else { return }
        var input = input
        // More would fill the socket before anybody reads from it.
        for _ in 0..<48 where !input.isEmpty {
            let description = input.byte()
            let descriptors = (0..<(description & 15)).compactMap { _ in Self.descriptor(description >> 4) }
            var message = input.bytes(12)
            if message.count == 12 {
                // A length that lies is as well tried as one that does not.
                message += input.bytes(min(Int(message[8]) | Int(message[9]) << 8, 4096))
            }
            let numbers = descriptors.map(\.number)
            _ = message.withUnsafeBytes { bytes in
                bytes.baseAddress.map { cl_send(pair.far.number, $0, bytes.count, numbers, UInt32(numbers.count)) }
            }
        }
        _ = shutdown(pair.far.number, CInt(SHUT_WR))
        let host = WalkingHost()
        _ = Session(socket: pair.near.number, host: host).run()
        require(host.running.isEmpty, "the session left rings running: \(host.running)")
    }

    private static func descriptor(_ kind: UInt8) -> SharedDescriptor? {
        let number: CInt =
            switch kind {
            case 0, 1, 2, 3: cl_memfd("guest", 64 * 1024)
            case 4, 5, 6: cl_eventfd(0, false)
            case 7: cl_memfd("empty", 0)
            case 8: cl_memfd("odd", 4097)
            case 9: cl_openat(CL_AT_FDCWD, "/", CL_O_PATH, 0)
            default: cl_openat(CL_AT_FDCWD, "/dev/null", O_RDWR, 0)
            }
        return number < 0 ? nil : SharedDescriptor(Descriptor(owning: number))
    }
}

/// A device that takes, when a ring is started, what is in it, and gives it back.
private final class WalkingHost: RingHost {
    let ringCount = 3
    private(set) var running: Set<Int> = []
    private var memory = GuestMemory.none
    private var next: [Int: UInt16] = [:]
    private var calls: [Int: SharedDescriptor] = [:]

    func start(ring: Int, _ setup: RingSetup) throws(Errno) {
        require(running.insert(ring).inserted, "ring \(ring) is started twice")
        var queue = SplitQueue(setup.layout, next: setup.next)
        let walk = QueueWalk(memory)
        walk.drain(&queue, limit: 64)
        next[ring] = queue.nextAvailable
    }

    func stop(ring: Int) -> UInt16 {
        require(running.remove(ring) != nil, "ring \(ring) is stopped without running")
        return next[ring] ?? 0
    }

    func setCall(ring: Int, _ call: SharedDescriptor?) {
        require((0..<ringCount).contains(ring), "there is no ring \(ring)")
        calls[ring] = call
    }

    func setError(ring: Int, _ error: SharedDescriptor?) {
        require((0..<ringCount).contains(ring), "there is no ring \(ring)")
    }

    func setMemory(_ memory: GuestMemory, settled: Bool) { self.memory = memory }
}
