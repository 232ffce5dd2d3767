import CLinux
import Glibc
import SystemPackage

/// The CPU time of another process, to the nanosecond: the first field of /proc/PID/task/TID/schedstat (proc(5)),
/// of all threads.
struct ProcessClock: Sendable {
    let pid: Int32

    /// CPU time in nanoseconds; nil when the process is gone. Threads that ended before are not counted.
    func read() -> UInt64? {
        guard let directory = opendir("/proc/\(pid)/task") else { return nil }
        defer { closedir(directory) }
        var total: UInt64 = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let thread = Int32(name) else { continue }
            total += Self.time(ofThread: thread, of: pid) ?? 0
        }
        return total
    }

    private static func time(ofThread thread: Int32, of pid: Int32) -> UInt64? {
        guard let file = try? FileDescriptor.open("/proc/\(pid)/task/\(thread)/schedstat", .readOnly) else {
            return nil
        }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 128)
        guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0) }) else { return nil }
        let text = String(decoding: bytes[0..<count], as: UTF8.self)
        return text.split(separator: " ").first.flatMap { UInt64($0) }
    }
}
