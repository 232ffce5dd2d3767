internal import CLinux
internal import Glibc
internal import Linux
internal import Synchronization
public import SystemPackage

/// What a thread of the file server on this machine is confined by: found out by one that is, and ends.
public struct ConfinementTrial: Equatable, Sendable {
    /// Why a thread cannot be confined as asked for; nil when it can.
    public var failure: Errno?
    /// Whether it has a umask of its own.
    public var hasOwnUmask = false
    /// Whether it can gain no privilege by executing a program.
    public var hasNoNewPrivileges = false
    /// Whether it is under a list of system calls.
    public var isFiltered = false
    /// The capabilities that it has, by their names in capabilities(7), and numbers for those without one here.
    public var capabilities: [String] = []
    /// The version of the kernel's Landlock; 0 where it has none that can be used.
    public var landlockVersion = 0

    /// Tries.
    ///
    /// - Parameters:
    ///   - confinement: What the thread is confined by.
    ///   - duty: What it is for.
    public init(
        _ confinement: WorkerConfinement = WorkerConfinement(), for duty: WorkerConfinement.Duty = .files
    ) {
        let found = Found()
        let (isConfined, isSeen) = (Semaphore(), Semaphore())
        let thread: Thread
        do throws(Errno) {
            thread = try Thread(name: "trial") {
                found.thread.store(cl_thread_id(), ordering: .relaxed)
                found.value.withLock { $0.confine(by: confinement, duty) }
                isConfined.signal()
                isSeen.wait()
            }
        } catch {
            self.init(())
            failure = error
            return
        }
        isConfined.wait()
        self = found.value.withLock { $0 }
        if failure == nil { look(at: found.thread.load(ordering: .relaxed)) }
        isSeen.signal()
        thread.join()
    }

    private final class Found: Sendable {
        let value = Mutex(ConfinementTrial(()))
        let thread = Atomic<CInt>(0)
    }

    private init(_: Void) {}

    private mutating func confine(by confinement: WorkerConfinement, _ duty: WorkerConfinement.Duty) {
        landlockVersion = max(0, Int(cl_landlock_version()))
        do throws(Errno) {
            hasOwnUmask = try confinement.enter()
            try confinement.seal(for: duty)
        } catch {
            failure = error
        }
    }

    /// The kernel's word on the thread, and not ours; asked from outside, for it may not do so itself.
    private mutating func look(at thread: CInt) {
        do throws(Errno) {
            let path = "/proc/self/task/\(thread)/status"
            note(try Descriptor(result: path.withCString { cl_openat(CL_AT_FDCWD, $0, O_RDONLY, 0) }))
        } catch {
            failure = error
        }
    }

    private mutating func note(_ status: borrowing Descriptor) {
        for line in Self.text(of: status).split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == ":" || $0 == "\t" })
            guard words.count == 2 else { continue }
            switch words[0] {
            case "NoNewPrivs": hasNoNewPrivileges = words[1] == "1"
            case "Seccomp": isFiltered = words[1] == "2"
            case "CapEff": capabilities = Self.names(UInt64(words[1], radix: 16) ?? 0)
            default: break
            }
        }
    }

    private static func text(of file: borrowing Descriptor) -> String {
        let bytes = [UInt8](unsafeUninitializedCapacity: 8192) { buffer, count in
            count = buffer.baseAddress.map { max(0, cl_read(file.number, $0, buffer.count)) } ?? 0
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func names(_ mask: UInt64) -> [String] {
        (0..<64 as Range<UInt64>).filter { mask >> $0 & 1 == 1 }.map { Capability(rawValue: $0)?.name ?? "\($0)" }
    }
}

extension Capability {
    /// The name in capabilities(7).
    fileprivate var name: String {
        switch self {
        case .changeOwner: "CAP_CHOWN"
        case .overridePermissions: "CAP_DAC_OVERRIDE"
        case .ownEveryFile: "CAP_FOWNER"
        case .keepSetID: "CAP_FSETID"
        case .setGroup: "CAP_SETGID"
        case .setUser: "CAP_SETUID"
        case .makeImmutable: "CAP_LINUX_IMMUTABLE"
        case .administer: "CAP_SYS_ADMIN"
        case .setFileCapabilities: "CAP_SETFCAP"
        }
    }
}
