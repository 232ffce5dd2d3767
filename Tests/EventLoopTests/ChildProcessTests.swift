import CLinux
import EventLoop
import Glibc
import Linux
import SystemPackage
import Testing

@Suite struct ChildProcessTests {
    private func run(_ script: String, act: (ChildProcess) -> Void = { _ in }) throws -> ChildStatus? {
        let loop = EventLoop()
        let statuses = Notes<ChildStatus>()
        let launch = Launch(executable: "/bin/sh", arguments: ["-c", script])
        let child = try ChildProcess(launch, on: loop) {
            statuses.items.append($0)
            loop.stop()
        }
        act(child)
        loop.runBounded()
        #expect(child.exitStatus == statuses.items.first)
        return statuses.items.first
    }

    @Test func exitCodeAndSignalAreTold() throws {
        #expect(try run("exit 7") == .exited(7))
        #expect(try run("kill -9 $$") == .signaled(SIGKILL))
    }

    @Test func childThatIgnoresTheRequestIsKilledAfterTheGrace() throws {
        let loop = EventLoop()
        let pair = try SocketPair()
        let statuses = Notes<ChildStatus>()
        let launch = Launch(
            executable: "/bin/sh", arguments: ["-c", "trap '' TERM; echo ready >&3; while :; do sleep 1; done"],
            descriptors: [.init(source: pair.far.number, target: 3)])
        let child = try ChildProcess(launch, on: loop) {
            statuses.items.append($0)
            loop.stop()
        }
        let near = try ByteStream(owning: pair.near, on: loop)
        near.read { _ in child.terminate(grace: .milliseconds(30)) }
        loop.runBounded()
        #expect(statuses.items == [.signaled(SIGKILL)])
    }

    @Test func missingProgramIsAnErrorOfTheStart() {
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try ChildProcess(Launch(executable: "/nonexistent/program"), on: EventLoop()) { _ in }
        }
    }

    @Test func childSeesOnlyTheDescriptorsAndEnvironmentItWasGiven() throws {
        let loop = EventLoop()
        var pair = try SocketPair()
        let launch = Launch(
            executable: "/bin/sh", arguments: ["-c", "ls /proc/self/fd | tr '\\n' ' ' >&9; echo $ONLY-$HOME- >&9"],
            environment: ["ONLY=this", "PATH=/usr/bin:/bin"],
            descriptors: [.init(source: pair.far.number, target: 9)])
        let child = try ChildProcess(launch, on: loop) { _ in }
        let near = try ByteStream(owning: pair.near, on: loop)
        let text = Notes<UInt8>()
        // Ours would keep the stream from ending with the child.
        pair.far = Descriptor(owning: -1)
        near.read { input in
            if case .bytes(let bytes) = input { text.items += bytes } else { loop.stop() }
        }
        loop.runBounded()
        // 3 is the directory that ls itself has open.
        #expect(String(decoding: text.items, as: UTF8.self) == "0 1 2 3 9 this--\n")
        _ = child
    }

    @Test func lettingGoOfAChildEndsIt() throws {
        let loop = EventLoop()
        var child: ChildProcess? = try ChildProcess(
            Launch(executable: "/bin/sleep", arguments: ["100"]), on: loop
        ) { _ in }
        let pid = try #require(child).pid
        child = nil
        #expect(kill(pid, 0) == -1)
    }

    @Test func childEndsWithTheThreadThatStartedIt() throws {
        let loop = EventLoop()
        let statuses = Notes<ChildStatus>()
        let watches = Notes<EventSource>()
        let (mailbox, receiver) = loop.mailbox { (pid: CInt) in
            watches.items.append(
                loop.onChildExit(pid) { rawStatus in
                    statuses.items.append(ChildStatus(rawStatus: rawStatus))
                    loop.stop()
                })
        }
        let thread = try Thread(name: "short-lived") {
            let arguments = [strdup("sleep"), strdup("100"), nil]
            defer { arguments.forEach { free($0) } }
            mailbox.post(cl_spawn("/bin/sleep", arguments, cl_environment(), nil, 0, 0))
        }
        loop.runBounded()
        thread.join()
        #expect(statuses.items == [.signaled(SIGKILL)])
        receiver.cancel()
    }
}
