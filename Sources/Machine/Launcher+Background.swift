internal import EventLoop
internal import Glibc
internal import Linux
internal import SystemPackage

/// What a launcher in the background does besides.
extension Launcher {
    /// Whether the VM is one that nobody waits for the end of.
    public var isInBackground: Bool { configuration.isDetached }

    /// Takes up with the process that started this one: without it the VM has nobody who knows of it.
    func joinStarter() throws(LaunchError) {
        guard let background = configuration.background else { return }
        launchLog = background.log
        do throws(Errno) {
            let starter = try Starter(owning: Descriptor(owning: background.socket), on: loop)
            starter.onLeft = { [unowned self] in
                settle(.signaled(number: UInt8(SIGHUP)), "who started the VM left before it was ready")
                end(orderly: false)
            }
            self.starter = starter
        } catch {
            throw LaunchError("the socket to who started this process cannot be used: \(error.explained)")
        }
    }

    /// Gives the log its name, now that the VM has its own.
    func nameLaunchLog() throws(LaunchError) {
        guard let draft = launchLog, let name = directory?.name else { return }
        let kind: StateDirectory.Log = configuration.command.isEmpty ? .launcher : .output
        launchLog = try StateDirectory().keep(draft, as: kind, of: name)
    }

    /// Tells who started this process that the guest is ready.
    func tellStarter() {
        guard let starter, let name = directory?.name else { return }
        self.starter = nil
        isOnItsOwn = true
        starter.tellReady(name: name)
    }

    /// Removes the log of a launch that failed: who started it has read it.
    func removeLaunchLog() {
        guard let launchLog, !isOnItsOwn else { return }
        unlink(launchLog.string)
    }
}
