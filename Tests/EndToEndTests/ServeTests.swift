import FUSE
import Foundation
import Frontend
import SystemPackage
import Testing

/// `sheaf serve` with frontends of ours; with a QEMU of somebody else's in `Boots`.
@Suite struct ServeTests {
    /// Starts a server and waits until it listens.
    private func serve(_ arguments: [String], at socket: String) async throws -> Program {
        let server = try Program(["\(Sheaf.products)/sheaf", "serve", "--socket", socket] + arguments)
        let listens = try await server.waits(upTo: 20) { server.errorsSoFar.contains("listening") }
        try #require(listens, "\(server.errorsSoFar)")
        return server
    }

    private func mount(_ socket: String) throws -> FuseClient {
        let client = try FuseClient(try Frontend(path: socket))
        try client.initialize()
        return client
    }

    @Test func servesTheNextFrontendWhenOneLeavesAndRemovesItsSocketAtTheEnd() async throws {
        let scratch = try Scratch()
        let share = try scratch.directory("share")
        try scratch.write("share/x", "content")
        let server = try await serve(["-v", "\(share),name=work"], at: scratch.path("s"))

        for _ in 0..<3 {
            let client = try mount(scratch.path("s"))
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
        let server = try await serve(["--ro", "-v", "\(share),name=work"], at: scratch.path("s"))

        let client = try mount(scratch.path("s"))
        let root = try client.walk(.root, "work")

        #expect(throws: Errno.readOnlyFileSystem) { try client.mkdir(root.node, "new") }
        server.signal(SIGINT)
        #expect(try await server.finish(limit: 20).status == 0)
    }

    @Test func takesOverAStaleSocketButNoLiveOneAndNoFile() async throws {
        let scratch = try Scratch()
        let share = try scratch.directory("share")
        let first = try await serve(["-v", share], at: scratch.path("s"))

        let second = try await Program(
            ["\(Sheaf.products)/sheaf", "serve", "--socket", scratch.path("s"), "-v", share]
        ).finish(limit: 20)
        #expect(second.status == 125)
        #expect(second.errors.contains("listens there already"))

        first.signal(SIGKILL)
        _ = try await first.finish(limit: 20)
        #expect(FileManager.default.fileExists(atPath: scratch.path("s")))
        let third = try await serve(["-v", share], at: scratch.path("s"))
        third.signal(SIGTERM)
        #expect(try await third.finish(limit: 20).status == 0)

        try scratch.write("file", "precious")
        let fourth = try await Program(
            ["\(Sheaf.products)/sheaf", "serve", "--socket", scratch.path("file"), "-v", share]
        ).finish(limit: 20)
        #expect(fourth.status == 125)
        #expect(scratch.text("file") == "precious")
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
            try scratch.write("share/x", "content")
            let printed = try await Program(
                Sheaf.run(arguments: ["--name", "by-hand", "--root", "none", "-v", "\(share):/s", "--dry-run"])
            ).finish(limit: 60)
            #expect(printed.status == 0, "\(printed.errors)")

            // What the agent says on the console before it waits for a launcher that is not there is all that comes.
            let program = try Program(
                ["sh", "-c", "PATH=\(Sheaf.products):$PATH\n\(printed.text) & wait; wait"])
            let boots = try await program.waits(upTo: 90) { program.errorsSoFar.contains("a frontend has connected") }
            #expect(boots, "\(program.errorsSoFar)")
            _ = try await Program(["pkill", "-f", "sheaf-by-hand"]).finish()
            _ = try await program.finish(limit: 30)
        }
    }
}
