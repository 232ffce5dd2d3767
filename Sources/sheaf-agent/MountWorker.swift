import CAgent

/// A live mount or unmount, done by a process of its own: a share whose host folder hangs then holds up that process and
/// not PID 1.
struct MountWorker {
    /// What it is to do.
    enum Task {
        case mount(ShareSetting)
        case unmount(UnmountRequest)
        /// Mount again what is dead because its device was away. Nobody has asked for it.
        case recover
    }

    /// An exit status from here up is a success: how many entries were made is added to it. No errno is as high.
    private static let success: Int32 = 192

    /// The launcher's number of the request.
    let request: UInt32
    let task: Task
    let process: pid_t

    /// Starts it, with the shares that there are.
    init(_ request: UInt32, _ task: Task, _ shares: Shares) throws(Errno) {
        self.request = request
        self.task = task
        process = try unwrapped(agent_fork())
        if process == 0 { _exit(MountWorker.carryOut(task, shares)) }
    }

    /// What was tried, for people.
    var attempt: Text {
        switch task {
        case .mount(let share): "mount the share on \(share.target)"
        case .unmount(let request): "unmount \(request.target)"
        case .recover: "mount again what a device had taken with it"
        }
    }

    /// How many entries of the target's path its process has made.
    ///
    /// - Throws: Why it failed, by its exit status.
    static func entriesMade(exitStatus: Int32) throws(Errno) -> Int {
        guard exitStatus >= success else { throw Errno(code: exitStatus) }
        return Int(exitStatus - success)
    }

    /// Does it; the process's exit status.
    private static func carryOut(_ task: Task, _ shares: Shares) -> Int32 {
        do throws(Failure) {
            switch task {
            case .mount(let share): return success + Int32(min(try Shares.bind(share), 63))
            case .unmount(let request): try shares.unbind(request)
            case .recover: try shares.recover()
            }
            return success
        } catch {
            return error.reason.code
        }
    }
}
