internal import Linux
internal import Sandbox
internal import SystemPackage

extension WorkerConfinement {
    /// Starts a thread, and waits until it has confined itself.
    ///
    /// - Parameters:
    ///   - name: The thread's.
    ///   - duty: What it is for.
    ///   - threads: What starts it, where the caller may not; nil where it may.
    ///   - prepare: Makes on it, before it is under its list, what it works with; told whether it has a umask of its own.
    ///   - body: What it does from then on.
    /// - Returns: The thread.
    /// - Throws: What a thread could not be made with, or what confining it failed with; it is gone then.
    func start<Tool>(
        _ name: String, for duty: Duty = .files, by threads: WorkerThreads? = nil,
        prepare: @escaping @Sendable (_ hasOwnUmask: Bool) -> Tool, _ body: @escaping @Sendable (Tool) -> Void
    ) throws(Errno) -> Linux.Thread {
        let readiness = Readiness()
        let run: @Sendable () -> Void = {
            let tool: Tool
            do throws(Errno) {
                tool = prepare(try self.enter())
                try self.seal(for: duty)
            } catch {
                return readiness.tell(error)
            }
            readiness.tell()
            body(tool)
        }
        let thread = if let threads { try threads.start(name: name, run) } else { try Linux.Thread(name: name, run) }
        do throws(Errno) {
            try readiness.wait()
        } catch {
            thread.join()
            throw error
        }
        return thread
    }
}
