import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Sandbox
internal import Synchronization
internal import SystemPackage

/// The extended attributes that take CAP_SYS_ADMIN on the host: `trusted.*`, and `security.*` but for file capabilities.
///
/// The threads that serve a guest do without that capability. One thread keeps it, and can do nothing but these calls.
final class PrivilegedAttributes: Sendable {
    /// One call, on an inode that is held.
    enum Call {
        case get(name: UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int)
        case list(UnsafeMutablePointer<CChar>?, Int)
        case set(name: UnsafePointer<CChar>, UnsafeRawPointer?, Int, flags: CInt)
        case remove(name: UnsafePointer<CChar>)

        /// Makes it: what it has, or -errno.
        func perform(on held: CInt) -> Int {
            switch self {
            case .get(let name, let value, let size): cl_getxattr_held(held, name, value, size)
            case .list(let list, let size): cl_listxattr_held(held, list, size)
            case .set(let name, let value, let size, let flags): Int(cl_setxattr_held(held, name, value, size, flags))
            case .remove(let name): Int(cl_removexattr_held(held, name))
            }
        }
    }

    /// What the thread has of this, so that it does not keep it alive.
    private final class Office: Sendable {
        struct State: @unchecked Sendable {
            /// The memory that it names is its caller's, who waits.
            var order: (call: Call, held: CInt)?
            var result = 0
            var isEnding = false
        }

        let state = Mutex(State())
        let orders = Semaphore()
        let results = Semaphore()

        func run(_ confinement: WorkerConfinement) {
            var refusal: Errno?
            do throws(Errno) {
                try confinement.enter()
                try confinement.seal(for: .labels)
            } catch {
                refusal = error
            }
            while true {
                orders.wait()
                let (order, isEnding) = state.withLock { ($0.order.take(), $0.isEnding) }
                if isEnding { return }
                guard let order else { continue }
                let result = refusal.map { 0 - Int($0.rawValue) } ?? order.call.perform(on: order.held)
                state.withLock { $0.result = result }
                results.signal()
            }
        }
    }

    private let office = Office()
    /// One call at a time.
    private let turn = Mutex(())

    /// Starts the thread.
    ///
    /// - Parameter threads: What starts it.
    /// - Throws: What pthread_create(3) failed with.
    init(threads: WorkerThreads) throws(Errno) {
        let office = office
        let confinement = threads.confinement
        // It may be in a call that the host does not answer when this goes: nobody waits for its end.
        try threads.start(name: "fs-labels") { office.run(confinement) }.detach()
    }

    deinit {
        office.state.withLock { $0.isEnding = true }
        office.orders.signal()
    }

    /// Makes a call.
    ///
    /// - Parameters:
    ///   - call: What is to be done.
    ///   - held: The inode.
    /// - Returns: What it has, or -errno.
    func perform(_ call: Call, on held: CInt) -> Int {
        turn.withLock { _ in
            office.state.withLock { $0.order = (call, held) }
            office.orders.signal()
            office.results.wait()
            return office.state.withLock { $0.result }
        }
    }

    /// Whether reading the attribute of this name takes the capability.
    static func isNeeded(toRead name: UnsafeRawBufferPointer) -> Bool { name.starts(with: "trusted.".utf8) }

    /// Whether changing the attribute of this name takes the capability.
    static func isNeeded(toChange name: UnsafeRawBufferPointer) -> Bool {
        isNeeded(toRead: name) || name.starts(with: "security.".utf8) && !name.elementsEqual("security.capability".utf8)
    }
}
