import Frontend
import Glibc
import Linux
import SystemPackage

/// Counts the system calls of a process by strace(1), which slows it down many times: not to be combined with a clock.
final class SystemCallTrace {
    private let program: BackendProgram
    private let report: String

    /// Starts counting; returns when all threads are traced.
    ///
    /// - Parameters:
    ///   - usage: Of which process.
    ///   - directory: For files of its own.
    /// - Throws: A `BackendFault`, where strace is not installed too.
    init(_ usage: ProcessUsage, directory: String) throws(BackendFault) {
        report = "\(directory)/strace.counts"
        let processes = usage.processes
        program = try BackendProgram(
            ["strace", "-f", "-c", "-o", report] + processes.flatMap { ["-p", "\($0)"] },
            log: "\(directory)/strace.log")
        try program.wait(until: "it traced \(processes)") {
            processes.allSatisfy { process in
                names(in: FilePath("/proc/\(process)/task")).allSatisfy {
                    ProcessUsage.tracer(of: process, thread: $0) != 0
                }
            }
        }
    }

    /// Ends the trace.
    ///
    /// - Returns: How many calls there were, by name.
    /// - Throws: `.malformed` when strace's table is not understood.
    func stop() throws(BackendFault) -> [String: UInt64] {
        program.stop(SIGINT)
        return try Self.parse((try? HostText.read(report)) ?? "")
    }

    /// Reads the table of `strace -c`: share of time, seconds, microseconds a call, calls, errors if any, name.
    static func parse(_ table: String) throws(BackendFault) -> [String: UInt64] {
        var calls: [String: UInt64] = [:]
        var total: UInt64?
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 5, let count = UInt64(fields[3]), let name = fields.last else { continue }
            if name == "total" { total = count } else { calls[String(name), default: 0] += count }
        }
        guard total == calls.values.reduce(0, +) else { throw .malformed("strace's table is not understood: \(table)") }
        return calls
    }
}
