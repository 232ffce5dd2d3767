internal import ArgumentParser
internal import Control
internal import EventLoop
internal import Glibc
internal import Linux
internal import Machine
internal import Synchronization
internal import SystemPackage

/// `sheaf stop`: end a VM that runs, or all of them.
struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Power a VM off.",
        discussion: """
            The guest's programs are asked to end (SIGTERM), then what they wrote is put on disk and the guest powers off.
            Returns when all of the VM is gone. Exit status 1 when there is none, or one that does not answer.
            """)

    @Argument(help: ArgumentHelp(MachineChoice.help, valueName: "VM"), completion: .machines)
    var vm: String?

    @Flag(help: "Stop all VMs that run.")
    var all = false

    @Option(help: ArgumentHelp("How long the guest may take before it is ended.", valueName: "SECONDS"))
    var timeout = MachineStop.defaultTimeout

    func validate() throws {
        guard timeout >= 0, timeout <= Duration.mostSeconds else {
            throw ValidationError(
                "--timeout \(timeout) is not a number of seconds between 0 and \(Int(Duration.mostSeconds))")
        }
        if all, let vm { throw ValidationError("--all and '\(vm)': stop one of them, or all") }
    }

    func run() throws {
        let entries = try saying { () throws(LaunchError) in
            all ? try RuntimePlace().liveMachines() : [try MachineChoice.entry(for: vm)]
        }
        // Side by side: the slowest of them is waited for, and not the sum of all.
        let failures = MachineFailures()
        let seconds = timeout
        let threads = entries.map { entry in
            try? Thread(name: "stop") {
                if let failure = entry.stop(within: seconds) { failures.add(failure) }
            }
        }
        for thread in threads { thread?.join() }
        let sentences = failures.sentences + (threads.contains { $0 == nil } ? ["no thread can be started"] : [])
        for sentence in sentences { FileDescriptor.standardError.say("sheaf: \(printable(sentence))") }
        if !sentences.isEmpty { throw ExitCode(1) }
    }
}

/// What went wrong with some of several VMs.
private final class MachineFailures: Sendable {
    private let list = Mutex<[String]>([])

    func add(_ sentence: String) {
        list.withLock { $0.append(sentence) }
    }

    var sentences: [String] { list.withLock { $0.sorted() } }
}

extension RuntimePlace.Entry {
    /// Seconds that what is left of a VM may take when its guest is off.
    private static let lastMoments = 10.0

    /// Stops the VM and waits until it is gone.
    ///
    /// - Parameter seconds: How long the guest may take.
    /// - Returns: Why it is not gone, as a sentence; nil where it is.
    fileprivate func stop(within seconds: Double) -> String? {
        do throws(ControlClientError) {
            let client = try ControlClient(path: controlSocket)
            do throws(ControlClientError) {
                if try client.stop(MachineStop(timeout: seconds)).isForced {
                    FileDescriptor.standardError.say(
                        "sheaf: the guest of '\(printable(name))' did not power off in time and was ended: "
                            + "what it had not written yet is lost")
                }
            } catch .disconnected {
                // It has ended by itself.
            }
            guard client.waitForEnd(within: .seconds(Self.lastMoments)), isGone(within: Self.lastMoments) else {
                return "the guest of '\(name)' is off, but its launcher does not end"
            }
            return nil
        } catch {
            return "the VM '\(name)' is not stopped: \(error)"
        }
    }

    /// Waits until nobody holds the VM's name any more.
    private func isGone(within seconds: Double) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        // One that is known by a path alone has none.
        while !name.contains("/"), (try? RuntimePlace().liveMachines().contains(self)) ?? false {
            guard ContinuousClock.now < end else { return false }
            usleep(5000)
        }
        return true
    }
}
