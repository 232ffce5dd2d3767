import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import Sandbox
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

    /// A call and the inode it is made on. The memory that it names is its caller's, who waits.
    private struct Order: @unchecked Sendable {
        let call: Call
        let held: CInt
    }

    private let desk = Rendezvous<Order, Int>()

    /// Starts the thread.
    ///
    /// - Parameter threads: What starts it.
    /// - Throws: What pthread_create(3) failed with.
    init(threads: WorkerThreads) throws(Errno) {
        let desk = desk
        let confinement = threads.confinement
        // It may be in a call that the host does not answer when this goes: nobody waits for its end.
        try threads.start(name: "fs-labels") {
            var refusal: Errno?
            do throws(Errno) {
                try confinement.enter()
                try confinement.seal(for: .labels)
            } catch {
                refusal = error
            }
            desk.serve { order in refusal.map { 0 - Int($0.rawValue) } ?? order.call.perform(on: order.held) }
        }.detach()
    }

    deinit { desk.end() }

    /// Makes a call.
    ///
    /// - Parameters:
    ///   - call: What is to be done.
    ///   - held: The inode.
    /// - Returns: What it has, or -errno.
    func perform(_ call: Call, on held: CInt) -> Int {
        desk.ask(Order(call: call, held: held)) ?? 0 - Int(EINTR)
    }

    /// Whether reading the attribute of this name takes the capability.
    static func isNeeded(toRead name: UnsafeRawBufferPointer) -> Bool { name.starts(with: "trusted.".utf8) }

    /// Whether changing the attribute of this name takes the capability.
    static func isNeeded(toChange name: UnsafeRawBufferPointer) -> Bool {
        isNeeded(toRead: name) || name.starts(with: "security.".utf8) && !name.elementsEqual("security.capability".utf8)
    }
}
