import CAgent

/// A live mount or unmount, done by a process of its own: a share whose host folder hangs then holds up that process and
/// not PID 1.
struct MountWorker {
    /// What it is to do.
    enum Task {
        case mount(ShareSetting)
        case unmount(UnmountRequest)
    }

    /// The launcher's number of the request.
    let request: UInt32
    let task: Task
    let process: pid_t

    /// Starts it.
    init(_ request: UInt32, _ task: Task) throws(Errno) {
        self.request = request
        self.task = task
        process = try unwrapped(agent_fork())
        if process == 0 { _exit(MountWorker.carryOut(task)) }
    }

    /// What was tried, for people.
    var attempt: Text {
        switch task {
        case .mount(let share): "mount the share on \(share.target)"
        case .unmount(let request): "unmount \(request.target)"
        }
    }

    /// Does it; the errno, which fits an exit status.
    private static func carryOut(_ task: Task) -> Int32 {
        do throws(Failure) {
            switch task {
            case .mount(let share): try Shares.bind(share)
            case .unmount(let request): try Shares.unbind(request)
            }
            return 0
        } catch {
            return error.reason.code
        }
    }
}
