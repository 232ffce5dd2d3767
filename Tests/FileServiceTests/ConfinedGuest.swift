import FUSE
import FileService
import Linux
import Sandbox
import Testing

/// Runs a guest of a share on a thread that has entered its confinement as workers do: an own umask, no groups.
///
/// - Parameters:
///   - host: The share's directory.
///   - access: What the guest may do with it.
///   - options: How it is served.
///   - caller: Who asks in the guest; the test's own user when nil.
///   - body: What the guest does, with the node of the share's root; what it throws is an issue of the test.
/// - Throws: Why no thread could be started.
func onWorker(
    _ host: HostDirectory, _ access: Access = .readWrite, options: ChildOptions = ChildOptions(),
    as caller: CallerIdentity? = nil, _ body: @escaping @Sendable (GuestClient, NodeID, HostDirectory) throws -> Void
) throws {
    nonisolated(unsafe) let directory = host
    let worker = try Thread(name: "worker") {
        do {
            _ = try WorkerConfinement().enter()
            let aggregate = try Aggregate(access: access)
            try aggregate.addChild(name: "share", hostPath: directory.path, access: access, options: options)
            let guest = try GuestClient(aggregate)
            guest.host = directory
            if let caller { (guest.uid, guest.gid) = (caller.uid, caller.gid) }
            try body(guest, guest.walk("share"), directory)
        } catch {
            Issue.record(error)
        }
    }
    worker.join()
}
