import CLinux
import FUSE
import Foundation
import Frontend
import GuestLink
import Linux
import SystemPackage
import Testing

/// `sheaf serve` with frontends of ours; with a QEMU of somebody else's in `Boots`.
@Suite struct ServeTests {
    @Test func servesTheNextFrontendWhenOneLeavesAndRemovesItsSocketAtTheEnd() async throws {
        let scratch = try Scratch()
        let share = try scratch.directory("share")
        try scratch.write("share/x", "content")
        let server = try await Sheaf.serve(["-v", "\(share),name=work"], at: scratch.path("s"))

        for _ in 0..<3 {
            let client = try Sheaf.mount(scratch.path("s"))
            let found = try client.walk(.root, "work/x")
            let handle = try client.open(found.node).handle
            #expect(try client.read(found.node, handle, at: 0, count: 100) == Array("content".utf8))
        }
        server.signal(SIGTERM)
        let finished = try await server.finish(limit: 20)

        #expect(finished.status == 0, "\(finished.errors)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path("s")))
    }

    @Test func letsNobodyWriteToAReadOnlyDevice() async throws {
        let scratch = try Scratch()
        let share = try scratch.directory("share")
        let server = try await Sheaf.serve(["--ro", "-v", "\(share),name=work"], at: scratch.path("s"))

        let client = try Sheaf.mount(scratch.path("s"))
        let root = try client.walk(.root, "work")

        #expect(throws: Errno.readOnlyFileSystem) { try client.mkdir(root.node, "new") }
        server.signal(SIGINT)
        #expect(try await server.finish(limit: 20).status == 0)
    }

    @Test func takesOverAStaleSocketButNoLiveOneAndNoFile() async throws {
        let scratch = try Scratch()
        let share = try scratch.directory("share")
        let first = try await Sheaf.serve(["-v", share], at: scratch.path("s"))

        let second = try await Program(
            ["\(Sheaf.products)/sheaf", "serve", "--socket", scratch.path("s"), "-v", share]
        ).finish(limit: 20)
        #expect(second.status == 125)
        #expect(second.errors.contains("listens there already"))

        first.signal(SIGKILL)
        _ = try await first.finish(limit: 20)
        #expect(FileManager.default.fileExists(atPath: scratch.path("s")))
        let third = try await Sheaf.serve(["-v", share], at: scratch.path("s"))
        third.signal(SIGTERM)
        #expect(try await third.finish(limit: 20).status == 0)

        try scratch.write("file", "precious")
        let fourth = try await Program(
            ["\(Sheaf.products)/sheaf", "serve", "--socket", scratch.path("file"), "-v", share]
        ).finish(limit: 20)
        #expect(fourth.status == 125)
        #expect(scratch.text("file") == "precious")
    }

    @Test func findsALiveSocketWhoseBacklogIsFull() async throws {
        let scratch = try Scratch()
        let listener = try Descriptor(result: cl_listen_unix(scratch.path("s"), 0))
        let connection = try Descriptor(result: cl_connect_unix(scratch.path("s")))

        let finished = try await Program(
            ["\(Sheaf.products)/sheaf", "serve", "--socket", scratch.path("s"), "-v", scratch.root]
        ).finish(limit: 20)

        #expect(finished.status == 125)
        #expect(finished.errors.contains("listens there already"))
        _ = (listener.number, connection.number)
    }

    @Test func waitsAtRestForDescriptorsWhenItHasNone() async throws {
        let scratch = try Scratch()
        let limit = 48
        // Root would raise the limit again.
        let bound = getuid() == 0 ? ["setpriv", "--bounding-set", "-sys_resource"] : []
        let words =
            bound + ["\(Sheaf.products)/sheaf", "serve", "--socket", scratch.path("s"), "-v", "\(scratch.root),name=x"]
        let server = try Program(["sh", "-c", "ulimit -n \(limit); exec \(Sheaf.shellLine(words))"])
        try #require(
            try await server.waits(upTo: 20) { server.errorsSoFar.contains("listening") }, "\(server.errorsSoFar)")
        let descriptors = "/proc/\(server.identifier)/fd"
        var clients: [CInt] = []
        defer { for client in clients { _ = cl_close(client) } }
        let isFull = try await server.waits(upTo: 20) {
            let count = (try? FileManager.default.contentsOfDirectory(atPath: descriptors).count) ?? 0
            // No more than one in each round: a connection to a full backlog would wait.
            if count < limit { clients.append(cl_connect_unix(scratch.path("s"))) }
            return count >= limit
        }
        try #require(isFull)
        for _ in 0..<2 { clients.append(cl_connect_unix(scratch.path("s"))) }

        let before = try server.processorTime
        try await Task.sleep(for: .seconds(1))
        let spent = try server.processorTime - before

        #expect(spent < 0.3)
        for client in clients { _ = cl_close(client) }
        clients = []
        let client = try Sheaf.mount(scratch.path("s"))
        #expect(throws: Never.self) { try client.walk(.root, "x") }
        server.signal(SIGTERM)
        #expect(try await server.finish(limit: 20).status == 0)
    }

    @Test func saysWhatIsWrongWithASocketsPath() async throws {
        let scratch = try Scratch()
        let path = scratch.path(String(repeating: "x", count: 120))

        let finished = try await Program(
            ["\(Sheaf.products)/sheaf", "serve", "--socket", path, "-v", scratch.root]
        ).finish(limit: 20)

        #expect(finished.status == 125)
        #expect(finished.errors.contains("107"))
    }
}

extension Boots {
    @Suite(.serialized) struct HandMadeTests {
        @Test func bootsAsTheDryRunSaysByHand() async throws {
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            let printed = try await Program(
                Sheaf.run(arguments: ["--name", "by-hand", "-v", "\(share):/s", "--dry-run"]),
                environment: ["XDG_RUNTIME_DIR": scratch.root]
            ).finish(limit: 60)
            #expect(printed.status == 0, "\(printed.errors)")

            // The servers go with the shell that started them; QEMU goes when the guest powers off.
            let shell = try Program([
                "bash", "-c", "PATH=\(Sheaf.products):$PATH; trap 'kill $(jobs -p)' EXIT\n\(printed.text)",
            ])
            let agent = try await AgentSocket(scratch.path("sheaf-by-hand/agent.sock"))
            #expect(try agent.next() == .hello)
            agent.send(.begin)
            let answer = try agent.next()
            agent.send(.powerOff)
            let finished = try await shell.finish(limit: 60)

            #expect(answer == .ready)
            #expect(finished.errors.contains("a frontend has connected"))
        }
    }
}
