import CLinux
import EventLoop
import Glibc
import Linux
import QEMU
import Testing

/// The QEMU of this machine, if there is one.
private let installed = try? QEMUProgram.find()

@Suite struct QEMUProcessTests {
    /// A machine without anything in it, with its monitor on an inherited socket.
    private static func bareLine(monitor: Backend) -> CommandLine {
        var line = CommandLine()
        for option in ["-nodefaults", "-no-user-config", "-S"] { line.add(option) }
        line.add("-display", "none")
        line.add("-machine", "none")
        guard case .descriptor(let number) = monitor else { return line }
        line.add("-chardev", "socket", [.property("id", "monitor"), .property("fd", number)])
        line.add("-mon", "chardev=monitor,mode=control")
        return line
    }

    private func run(_ loop: EventLoop) {
        let limit = loop.after(.seconds(60)) {
            Issue.record("nothing stopped the loop")
            loop.stop()
        }
        loop.run()
        limit.cancel()
    }

    @Test(.enabled(if: installed != nil, "needs an installed QEMU"))
    func realQemuAnswersReportsItsEndAndLeaves() throws {
        let program = try #require(installed)
        let loop = EventLoop()
        let pair = try SocketPair()
        var inherited = InheritedDescriptors()
        let line = Self.bareLine(monitor: inherited.add(pair.far.number))
        var exits: [QEMUProcess.Exit] = []
        var closed: [QMPError] = []
        let process = try QEMUProcess(program, line, inheriting: inherited, on: loop) {
            exits.append($0)
            if !closed.isEmpty { loop.stop() }
        }
        let client = try QMPClient(owning: pair.near, on: loop)
        _ = consume pair.far
        var status: QMPClient.Answer?
        var refusal: QMPClient.Answer?
        var events: [QMPEvent] = []
        client.onEvent = { events.append($0) }
        client.onClosed = {
            closed.append($0)
            if !exits.isEmpty { loop.stop() }
        }
        client.onReady = { _ in
            client.execute("query-status") { status = $0 }
            client.execute("device_add", ["driver": "no-such-device"]) { answer in
                refusal = answer
                client.execute("quit")
            }
        }
        run(loop)
        #expect(client.version == program.version(rememberedIn: nil))
        #expect(try status?.get()["status"] == "prelaunch")
        #expect(throws: QMPError.self) { try refusal?.get() }
        #expect(events.contains(.shutdown(byGuest: false, reason: "host-qmp-quit")))
        #expect(exits == [.init(status: .exited(0), lastWords: "")])
        #expect(closed == [.disconnected])
        #expect(!process.isRunning)
    }

    @Test func itsLastWordsAreNothingButText() throws {
        let loop = EventLoop()
        var line = CommandLine()
        line.add("-c")
        line.add(#"printf '\033]0;title\007\033[2Jone\ntwo\303\274\n' >&2"#)
        var words: String?
        let process = try QEMUProcess(
            QEMUProgram(path: "/bin/sh"), line, inheriting: InheritedDescriptors(), on: loop
        ) { exit in
            words = exit.lastWords
            loop.stop()
        }
        run(loop)
        #expect(words == "?]0;title??[2Jone\ntwoü")
        withExtendedLifetime(process) {}
    }

    @Test(.enabled(if: installed != nil, "needs an installed QEMU"))
    func whatQemuFindsAmissIsToldByItsExit() throws {
        let program = try #require(installed)
        let loop = EventLoop()
        var line = CommandLine()
        line.add("-no-such-option")
        var exits: [QEMUProcess.Exit] = []
        let process = try QEMUProcess(program, line, inheriting: InheritedDescriptors(), on: loop) {
            exits.append($0)
            loop.stop()
        }
        run(loop)
        #expect(exits.first?.status == .exited(1))
        #expect(exits.first?.lastWords.contains("no-such-option") == true)
        _ = process
    }

    @Test(.enabled(if: installed != nil, "needs an installed QEMU"))
    func realQemuTakesTheWholeMachineOnInheritedSockets() throws {
        let program = try #require(installed)
        let loop = EventLoop()
        let monitor = try SocketPair()
        let link = try SocketPair()
        let console = try SocketPair()
        var inherited = InheritedDescriptors()
        var hardware = Hardware(
            name: "whole", accelerator: .tcg, cpus: 2, memory: 64 << 20, kernel: "/dev/null", initramfs: nil,
            kernelCommandLine: "", console: inherited.add(console.far.number))
        hardware.monitor = inherited.add(monitor.far.number)
        hardware.agentLink = inherited.add(link.far.number)
        hardware.reservedPorts = 2
        hardware.network = .user(forwards: [])
        var line = hardware.commandLine(for: program.version(rememberedIn: nil))
        // There need not be a kernel on the machine that tests: the firmware is started with nothing to boot.
        line.remove("-kernel")
        line.remove("-append")
        var exits: [QEMUProcess.Exit] = []
        let process = try QEMUProcess(program, line, inheriting: inherited, on: loop) {
            exits.append($0)
            loop.stop()
        }
        let client = try QMPClient(owning: monitor.near, on: loop)
        _ = consume monitor.far
        var events: [QMPEvent] = []
        client.onEvent = { event in
            events.append(event)
            if event == .resumed { process.terminate(grace: .seconds(20)) }
        }
        client.execute("cont")
        run(loop)
        #expect(events.first == .resumed)
        #expect(exits.first?.status == .exited(0))
        withExtendedLifetime(client) {}
    }

    @Test(.enabled(if: installed != nil, "needs an installed QEMU"))
    func qemuAndItsClientEndWhenTheyAreLetGo() throws {
        let program = try #require(installed)
        let loop = EventLoop()
        let pair = try SocketPair()
        var inherited = InheritedDescriptors()
        let line = Self.bareLine(monitor: inherited.add(pair.far.number))
        weak var freedProcess: QEMUProcess?
        weak var freedClient: QMPClient?
        var pid: CInt = -1
        do {
            let process = try QEMUProcess(program, line, inheriting: inherited, on: loop) { _ in }
            let client = try QMPClient(owning: pair.near, on: loop)
            client.onReady = { _ in loop.stop() }
            run(loop)
            client.execute("query-status")
            (freedProcess, freedClient, pid) = (process, client, process.pid)
        }
        #expect(freedProcess == nil)
        #expect(freedClient == nil)
        #expect(pid > 0 && kill(pid, 0) == -1)
        _ = consume pair.far
    }

    @Test func lendsQemuNothingBeyondWhatItIsMeantToHave() throws {
        let loop = EventLoop()
        // Not close-on-exec, as a careless library would have it.
        let secret = open("/dev/null", O_RDONLY)
        defer { close(secret) }
        setenv("SHEAF_TEST_SECRET", "hidden", 1)
        defer { unsetenv("SHEAF_TEST_SECRET") }
        let pair = try SocketPair()
        var inherited = InheritedDescriptors()
        _ = inherited.add(pair.far.number)
        var line = CommandLine()
        line.add("-c")
        // Without listing the directory, which takes a descriptor.
        let numbers = (0..<100).map { "\($0)" }.joined(separator: " ")
        line.add("env; for n in \(numbers); do [ -e /proc/$$/fd/$n ] && echo fd=$n; done; true")
        var said: [Substring] = []
        let process = try QEMUProcess(QEMUProgram(path: "/bin/sh"), line, inheriting: inherited, on: loop) { exit in
            said = exit.lastWords.split(separator: "\n")
            loop.stop()
        }
        run(loop)
        withExtendedLifetime(process) {}

        #expect(said.filter { $0.hasPrefix("fd=") } == ["fd=0", "fd=1", "fd=2", "fd=3"], "\(said)")
        // PWD and _ are the shell's own.
        let names = said.filter { !$0.hasPrefix("fd=") }.map { $0.prefix { $0 != "=" } }
        let meant: Set<Substring> = [
            "PATH", "TMPDIR", "LD_LIBRARY_PATH", "QEMU_MODULE_DIR", "PWD", "_", "SHLVL", "OLDPWD",
        ]
        #expect(Set(names).isSubset(of: meant), "\(names)")
    }

    @Test func programThatIsNotThereIsAnErrorThatNamesIt() {
        let error = #expect(throws: QEMUError.self) {
            try QEMUProcess(
                QEMUProgram(path: "/nonexistent/qemu"), CommandLine(), inheriting: InheritedDescriptors(),
                on: EventLoop()
            ) { _ in }
        }
        #expect(error?.code == .cannotStart)
        #expect(error?.description.contains("/nonexistent/qemu") == true)
        #expect(error?.description.contains("ENOENT") == true)
    }
}
