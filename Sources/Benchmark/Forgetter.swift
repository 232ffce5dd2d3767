import FUSE
import Frontend

/// Gives nodes back as a guest does: one FORGET each, on the hiprio queue.
final class Forgetter {
    private static let depth = 256
    /// How often a silence of 20 ms is answered with a nudge.
    private static let patience = 500

    private let client: FuseClient
    private let nudge: () throws -> Void

    /// - Parameters:
    ///   - frontend: Whose hiprio queue is used.
    ///   - nudge: Makes a request on another queue: a backend may leave hiprio alone until it is at work anyway.
    /// - Throws: `BackendFault.host` when guest memory is used up.
    init(_ frontend: Frontend, nudge: @escaping () throws -> Void) throws(BackendFault) {
        client = try FuseClient(frontend, queue: frontend.hiprio, depth: Self.depth, dataCapacity: 0)
        client.timeout = 20
        self.nudge = nudge
    }

    /// Gives `count` references to each node back; returns when all chains have come back.
    ///
    /// - Throws: A `BackendFault`.
    func forget(_ nodes: [NodeID], count: UInt64) throws {
        var next = 0
        while next < nodes.count || client.inFlight > 0 {
            while next < nodes.count, let slot = client.acquire() {
                try client.submit(slot, opcode: .forget, node: nodes[next], reply: .none) { request in
                    request.append(ForgetIn { $0.count = count })
                }
                next += 1
            }
            client.queue.publish()
            var reply: Reply? = try wait()
            while let finished = reply {
                client.release(finished.slot)
                reply = try client.completeNow()
            }
        }
    }

    private func wait() throws -> Reply {
        var silence = 0
        while true {
            do throws(BackendFault) {
                return try client.complete()
            } catch {
                guard case .silent = error, silence < Self.patience else { throw error }
            }
            silence += 1
            try nudge()
        }
    }
}
