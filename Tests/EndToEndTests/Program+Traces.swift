import Foundation

/// What a program has started and may leave running.
extension Program {
    /// The processes that it is the parent of now; of its ended ones those that it has not waited for yet.
    var children: [pid_t] { Self.children(of: identifier) }

    /// The processes that its children are the parents of now.
    var grandchildren: [pid_t] { children.flatMap(Self.children) }

    private static func children(of process: pid_t) -> [pid_t] {
        let tasks = "/proc/\(process)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
        return threads.flatMap { thread in
            let list = (try? String(contentsOfFile: "\(tasks)/\(thread)/children", encoding: .utf8)) ?? ""
            return list.split(separator: " ").compactMap { pid_t($0) }
        }
    }

    /// Seconds of a processor that it has used; see proc_pid_stat(5).
    var processorTime: Double {
        get throws {
            let status = try String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)
            let fields = (status.split(separator: ")").last ?? "").split(separator: " ")
            let ticks = fields.dropFirst(11).prefix(2).compactMap { Double($0) }.reduce(0, +)
            return ticks / Double(sysconf(CInt(_SC_CLK_TCK)))
        }
    }

    /// Waits until processes have ended.
    ///
    /// - Returns: Those that have not.
    static func survivors(of processes: [pid_t], after seconds: Double = 5) async throws -> [pid_t] {
        let end = ContinuousClock.now + .seconds(seconds)
        var alive = processes
        while true {
            alive = alive.filter { kill($0, 0) == 0 && !isZombie($0) }
            guard !alive.isEmpty, ContinuousClock.now < end else { return alive }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Whether a process has ended and nobody has asked for its status: an orphan's is whoever adopts orphans here to ask.
    private static func isZombie(_ process: pid_t) -> Bool {
        let status = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        return status.contains(") Z ")
    }
}
