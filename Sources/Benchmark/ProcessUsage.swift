import CLinux
import Glibc
import Linux
import SystemPackage

/// What a process uses, its descendants included: a backend may serve from a child of the process that was started.
struct ProcessUsage: Sendable {
    let pid: Int32

    /// The process and its descendants that run now, ancestors first.
    var processes: [Int32] {
        var found = [pid]
        var index = 0
        while index < found.count {
            let parent = found[index]
            for thread in names(in: FilePath("/proc/\(parent)/task")) {
                found += Self.text("/proc/\(parent)/task/\(thread)/children").split(separator: " ").compactMap {
                    Int32($0)
                }
            }
            index += 1
        }
        return found
    }

    /// CPU time in nanoseconds, to the nanosecond, of threads that have ended too; nil when the process is gone.
    /// Corresponds to `clock_getcpuclockid(3)`.
    func cpuTime() -> UInt64? {
        var total: UInt64 = 0
        for (index, process) in processes.enumerated() {
            var clock = clockid_t()
            var time = timespec()
            guard clock_getcpuclockid(process, &clock) == 0, clock_gettime(clock, &time) == 0 else {
                if index == 0 { return nil }
                continue
            }
            total += UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
        return total
    }

    /// Memory in bytes that is resident now (VmRSS), and the most that ever was (VmHWM).
    func resident() -> (now: UInt64, peak: UInt64) {
        var now: UInt64 = 0
        var peak: UInt64 = 0
        for process in processes {
            let status = Self.text("/proc/\(process)/status")
            now += Self.field("VmRSS", of: status) << 10
            peak += Self.field("VmHWM", of: status) << 10
        }
        return (now, peak)
    }

    /// The process that traces a thread; zero if none does.
    static func tracer(of process: Int32, thread: String) -> UInt64 {
        field("TracerPid", of: text("/proc/\(process)/task/\(thread)/status"))
    }

    private static func field(_ name: String, of status: String) -> UInt64 {
        for line in status.split(separator: "\n") where line.hasPrefix(name + ":") {
            return line.dropFirst(name.utf8.count + 1).split { $0 == " " || $0 == "\t" }.first.flatMap { UInt64($0) }
                ?? 0
        }
        return 0
    }

    /// What a small file of /proc holds; nothing when it cannot be read.
    private static func text(_ path: String) -> String { (try? HostText.read(path)) ?? "" }
}
