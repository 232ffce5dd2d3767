import FUSE
import Foundation
import Frontend
import GuestLink
import SystemPackage
import Testing

/// Shares that come and go while `sheaf serve` serves a guest that is not Sheaf's.
@Suite struct LiveServeTests {
    /// A server that is reached by its control socket, and a frontend of ours.
    private final class Scene {
        let scratch: Scratch
        let server: Program
        /// The guest; nil for none.
        var client: FuseClient?
        private let environment: [String: String]

        init(_ arguments: [String], name: String? = nil) async throws {
            scratch = try Scratch()
            chmod(try scratch.directory("runtime"), 0o700)
            environment = ["XDG_RUNTIME_DIR": scratch.path("runtime")]
            let place = name.map { ["--name", $0] } ?? ["--control", scratch.path("control")]
            server = try await Sheaf.serve(place + arguments, at: scratch.path("s"), environment: environment)
            try connect()
        }

        func connect() throws {
            client = try Sheaf.mount(scratch.path("s"))
        }

        func share(_ arguments: String...) async throws -> Finished {
            try await Program(["\(Sheaf.products)/sheaf"] + arguments, environment: environment).finish(limit: 30)
        }

        func content(_ path: String) throws -> String {
            let client = try #require(client)
            let found = try client.walk(.root, path)
            let handle = try client.open(found.node).handle
            return String(decoding: try client.read(found.node, handle, at: 0, count: 100), as: UTF8.self)
        }

        func end() async throws {
            server.signal(SIGTERM)
            let finished = try await server.finish(limit: 20)
            #expect(finished.status == 0, "\(finished.errors)")
            let left = try FileManager.default.contentsOfDirectory(atPath: scratch.root)
            #expect(!left.contains("s") && !left.contains("control"))
        }
    }

    @Test func showsALiveShareBelowTheMountedRoot() async throws {
        let scene = try await Scene([])
        let a = try scene.scratch.directory("a")
        try scene.scratch.write("a/x", "content")
        let control = scene.scratch.path("control")
        let client = try #require(scene.client)
        #expect(try client.list(.root).map(\.name.description).filter { !$0.hasPrefix(".") }.isEmpty)

        let added = try await scene.share("share", "add", control, "\(a),name=work")
        #expect(added.status == 0, "\(added.errors)")
        #expect(added.text.contains("/work (read-write)"), "\(added.text)")
        #expect(
            added.text.contains(
                "in the guest: mkdir -p /run/sheaf/sheaf-rw && { mountpoint -q /run/sheaf/sheaf-rw || "
                    + "mount -t virtiofs sheaf-rw /run/sheaf/sheaf-rw; } && ls /run/sheaf/sheaf-rw/work"))
        #expect(try scene.content("work/x") == "content")
        let again = try await scene.share("share", "add", control, "\(a),name=work")
        #expect(again.status == 0, "\(again.errors)")
        let listed = try await scene.share("share", "ls", control)
        #expect(listed.text.contains(a) && listed.text.contains("work"), "\(listed.text)")

        let readOnly = try await scene.share("share", "add", control, "\(a):ro")
        #expect(readOnly.status == 1 && readOnly.errors.contains("cannot be ro here"), "\(readOnly.errors)")
        let missing = try await scene.share("share", "add", control, scene.scratch.path("missing"))
        #expect(missing.status == 1 && missing.errors.contains("ENOENT"))
        let set = try await scene.share("share", "set", control, "work", "--ro")
        #expect(set.status == 1 && set.errors.contains("no agent"), "\(set.errors)")

        let root = try client.walk(.root, "work")
        #expect(try await scene.share("share", "rm", control, "work").status == 0)
        #expect(throws: Errno.noSuchFileOrDirectory) { try client.walk(.root, "work") }
        // What the guest had of it still works.
        #expect(throws: Never.self) { try client.lookup(root.node, "x") }
        #expect(try await scene.share("share", "add", control, "\(a),name=work").status == 0)
        let other = try client.walk(.root, "work")
        #expect(try await scene.share("share", "rm", control, a, "--revoke").status == 0)
        #expect(throws: (any Error).self) { try client.lookup(other.node, "x") }
        try await scene.end()
    }

    @Test func letsNobodyWriteToALiveShareOfAReadOnlyServer() async throws {
        let scene = try await Scene(["--ro"], name: "files")
        let a = try scene.scratch.directory("a")
        try scene.scratch.write("a/x", "content")

        // Its name, and the only one that runs.
        let added = try await scene.share("share", "add", "files", "\(a),name=one")
        #expect(added.status == 0 && added.text.contains("read-only"), "\(added.text)\(added.errors)")
        #expect(try await scene.share("share", "add", "\(a):ro,name=two").status == 0)
        let client = try #require(scene.client)
        let root = try client.walk(.root, "one")

        #expect(try scene.content("one/x") == "content")
        #expect(try scene.content("two/x") == "content")
        #expect(throws: Errno.readOnlyFileSystem) { try client.mkdir(root.node, "new") }
        #expect(try await scene.share("ps").text.contains("files"))
        #expect(try await scene.share("share", "rm", "one").status == 0)
        #expect(throws: Errno.noSuchFileOrDirectory) { try client.walk(.root, "one") }
        try await scene.end()
    }

    @Test func keepsSharesForTheNextFrontend() async throws {
        let scene = try await Scene([])
        let a = try scene.scratch.directory("a")
        try scene.scratch.write("a/x", "content")
        #expect(
            try await scene.share("share", "add", scene.scratch.path("control"), "\(a),name=work").status == 0)
        #expect(try scene.content("work/x") == "content")

        scene.client = nil
        try scene.connect()

        #expect(try scene.content("work/x") == "content")
        try await scene.end()
    }

    /// As a client may say them that is no `sheaf`.
    @Test(arguments: [1e300, -1e300, 0.001])
    func livesWithAnyLimitOfTime(seconds: Double) async throws {
        let scene = try await Scene([])
        let control = try ControlSocket(scene.scratch.path("control"))
        let source = try scene.scratch.directory("a")

        try control.send(1, "share.add", ["source": source, "name": "work", "timeout": seconds])
        _ = try control.answer()
        try control.send(2, "share.remove", ["share": "work", "timeout": seconds])
        _ = try control.answer()

        #expect(try control.ask("status")["pid"] != nil)
        try await scene.end()
    }
}

extension LiveBoots {
    @Suite(.serialized) struct AgentlessGuestTests {
        @Test func showsALiveShareByTheLineThatIsPrinted() async throws {
            let scratch = try Scratch()
            let a = try scratch.directory("a b")
            try scratch.write("a b/x", "content\n")
            let runtime = ["XDG_RUNTIME_DIR": scratch.root]
            let server = try await Sheaf.serve(
                ["--control", scratch.path("control"), "--tag", "mine"], at: scratch.path("s"), environment: runtime)
            let printed = try await Program(
                Sheaf.run(arguments: ["--name", "by-hand", "--dry-run"]), environment: runtime
            ).finish(limit: 60)
            // Somebody's own QEMU, with a device of the server's, whose guest nobody has told of it.
            let device =
                "-chardev socket,id=mine,path=\(scratch.path("s")) "
                + "-device vhost-user-fs-pci,chardev=mine,tag=mine,queue-size=1024 -device pvpanic-pci"
            let text = printed.text.replacingOccurrences(of: "-device pvpanic-pci", with: device)
            let shell = try Program(
                ["bash", "-c", "PATH=\(Sheaf.products):$PATH; trap 'kill $(jobs -p)' EXIT\n\(text)"],
                environment: runtime)
            let agent = try await AgentSocket(scratch.path("sheaf-by-hand/agent.sock"))
            #expect(try agent.next() == .hello)
            agent.send(.begin)
            #expect(try agent.next() == .ready)
            func share(_ arguments: String...) async throws -> Finished {
                try await Program(["\(Sheaf.products)/sheaf", "share"] + arguments, environment: runtime).finish(
                    limit: 30)
            }

            let added = try await share("add", scratch.path("control"), "\(a),name=it's")
            #expect(added.status == 0, "\(added.errors)")
            let prefix = "in the guest: "
            let line = try #require(added.text.split(separator: "\n").first { $0.hasPrefix(prefix) })
            let command = String(line.dropFirst(prefix.count))

            #expect(try agent.run(command) == "x\n")
            #expect(
                try agent.run("cat \"/run/sheaf/mine/it's/x\"; echo new > \"/run/sheaf/mine/it's/new\"") == "content\n")
            #expect(scratch.text("a b/new") == "new\n")
            // The next one is there without another mount.
            #expect(try await share("add", scratch.path("control"), "\(a),name=second").status == 0)
            #expect(try agent.run("ls /run/sheaf/mine") == "it's\nsecond\n")
            // A file goes to a place of its own, which is made.
            try scratch.write("a file", "one\n")
            let file = try await share(
                "add", scratch.path("control"), "\(scratch.path("a file")):/etc/o'ne/file,name=third")
            let bind = try #require(file.text.split(separator: "\n").first { $0.hasPrefix(prefix) })
            #expect(try agent.run("\(bind.dropFirst(prefix.count)) && cat \"/etc/o'ne/file\"") == "one\n")
            #expect(try await share("ls", scratch.path("control")).text.contains("mount --bind /run/sheaf/mine/third"))
            #expect(try agent.run("umount \"/etc/o'ne/file\"") == "")
            #expect(try await share("rm", scratch.path("control"), "third").status == 0)
            #expect(try await share("rm", scratch.path("control"), "it's").status == 0)
            #expect(try agent.run("ls /run/sheaf/mine; cat /run/sheaf/mine/second/x") == "second\ncontent\n")

            agent.send(.powerOff)
            _ = try await shell.finish(limit: 60)
            server.signal(SIGTERM)
            #expect(try await server.finish(limit: 20).status == 0)
        }
    }
}
