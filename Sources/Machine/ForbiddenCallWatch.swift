internal import CLinux
internal import EventLoop
internal import Glibc
internal import Linux
internal import Sandbox
internal import SystemPackage

/// Tells a launcher of the first thread of the file server that was stopped at a system call; one for a process.
final class ForbiddenCallWatch {
    /// How long the launcher has to end by itself then, in milliseconds.
    private static let patience: UInt32 = 10_000

    private let notice: Descriptor
    private var source: EventSource?

    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - loop: Where `onCall` runs.
    ///   - onCall: Called once. No thread of the file server may be waited for any more: the one that was stopped may hold
    ///     what another waits for.
    /// - Throws: ``LaunchError`` when there is no descriptor to be had.
    init(on loop: EventLoop, _ onCall: @escaping (ForbiddenCall) -> Void) throws(LaunchError) {
        do throws(Errno) {
            notice = try Descriptor(result: cl_eventfd(0, false))
        } catch {
            throw LaunchError("the file server cannot be watched: \(error.explained)")
        }
        source = loop.onReadable(notice.number) { [weak self] in
            self?.source = nil
            if let call = ForbiddenCall.first { onCall(call) }
        }
        ForbiddenCall.tell(
            notice.number, patience: Self.patience, status: Int32(Outcome.launcherError.exitCode()))
    }

    deinit {
        ForbiddenCall.tell(-1, patience: 0, status: 0)
    }
}
