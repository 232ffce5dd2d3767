import CLinux
import Frontend
import Glibc
import Linux
import SystemPackage

/// A program that this one starts, and ends: a backend, or what traces it.
final class BackendProgram {
    let pid: pid_t
    private let name: String
    private let log: String
    private var status: CInt?

    /// Starts a program, with /dev/null for its input and a file for what it says. To be called on the main thread: it is
    /// killed when that ends.
    ///
    /// - Parameters:
    ///   - arguments: The program, looked for in PATH if there is no `/` in it, and its arguments.
    ///   - log: Where its output goes.
    /// - Throws: `BackendFault.host`.
    init(_ arguments: [String], log: String) throws(BackendFault) {
        guard let program = arguments.first.flatMap(Self.find) else {
            throw .host("find the program \(arguments.first ?? "''")", .noSuchFileOrDirectory)
        }
        name = program
        self.log = log
        let null = try BackendFault.wrapping("open /dev/null") { () throws(Errno) in
            try Descriptor(result: cl_openat(CL_AT_FDCWD, "/dev/null", O_RDONLY, 0))
        }
        let output = try BackendFault.wrapping("write \(log)") { () throws(Errno) in
            try Descriptor(result: cl_openat(CL_AT_FDCWD, log, O_CREAT | O_TRUNC | O_WRONLY, 0o644))
        }
        let map = [
            cl_fd_mapping(source: null.number, target: 0), cl_fd_mapping(source: output.number, target: 1),
            cl_fd_mapping(source: output.number, target: 2),
        ]
        let copies = ([program] + arguments.dropFirst()).map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        let result = (copies + [nil]).withUnsafeBufferPointer { list in
            list.baseAddress.map { cl_spawn(program, $0, environ, map, UInt32(map.count), 0) } ?? -EINVAL
        }
        guard result > 0 else { throw .host("start \(program)", Errno(rawValue: -result)) }
        pid = result
    }

    deinit { stop() }

    /// Whether it has not ended by itself.
    var isRunning: Bool {
        guard status == nil else { return false }
        var raw: CInt = 0
        if cl_wait(pid, &raw, false) == -EAGAIN { return true }
        status = raw
        return false
    }

    /// What it has said.
    var output: String { (try? HostText.read(log)) ?? "" }

    /// Waits until something is the case.
    ///
    /// - Parameters:
    ///   - what: For the error.
    ///   - seconds: How long.
    ///   - condition: Asked every millisecond.
    /// - Throws: `.silent` when it is not in time, or the program ends first.
    func wait(until what: String, seconds: UInt64 = 20, _ condition: () -> Bool) throws(BackendFault) {
        let end = cl_monotonic_time() + seconds * 1_000_000_000
        while !condition() {
            guard isRunning, cl_monotonic_time() < end else {
                throw .silent("\(name) \(isRunning ? "runs" : "ended") before \(what); it said: \(output)")
            }
            usleep(1000)
        }
    }

    /// Ends it.
    ///
    /// - Parameter signal: What to ask it with; it is killed after five seconds.
    func stop(_ signal: CInt = SIGTERM) {
        _ = cl_kill(pid, isRunning ? signal : 0)
        let end = cl_monotonic_time() + 5_000_000_000
        while isRunning {
            if cl_monotonic_time() > end { _ = cl_kill(pid, SIGKILL) }
            usleep(1000)
        }
    }

    private static func find(_ program: String) -> String? {
        if program.contains("/") { return program }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }
}
