import CLinux
import FUSE
import Foundation
import Frontend
import SystemPackage
import Testing

/// The walls around the file server and QEMU, seen from outside.
@Suite struct WallTests {
    /// Has a worker make pipe2(2) when a guest asks for STATFS.
    private static let stray = ["SHEAF_TEST_STRAY_CALL": "1"]

    private func serve(_ scratch: borrowing Scratch, _ options: [String] = []) async throws -> Program {
        let share = try scratch.directory("share")
        return try await Sheaf.serve(
            ["-v", "\(share),name=work"] + options, at: scratch.path("s"), environment: Self.stray)
    }

    @Test func endsTheServerAtAForbiddenCall() async throws {
        let scratch = try Scratch()
        let server = try await serve(scratch)

        let client = try Sheaf.mount(scratch.path("s"))
        let root = try client.walk(.root, "work").node
        client.timeout = 1000
        _ = try? client.statfs(root)
        let finished = try await server.finish(limit: 20)

        #expect(finished.status == 125)
        #expect(finished.errors.contains("its thread fs-queue-1 ("))
        #expect(finished.errors.contains("made the system call pipe2 (293)"))
        #expect(!FileManager.default.fileExists(atPath: scratch.path("s")))
    }

    @Test(arguments: ["log", "off"]) func servesOnWhereItIsNotToEnd(mode: String) async throws {
        let scratch = try Scratch()
        let server = try await serve(scratch, ["--seccomp", mode])

        let client = try Sheaf.mount(scratch.path("s"))
        #expect(try client.statfs(try client.walk(.root, "work").node).nameLength == 255)

        #expect(server.errorsSoFar.contains("--seccomp \(mode)"))
        server.signal(SIGTERM)
        #expect(try await server.finish(limit: 20).status == 0)
    }

    @Test func filtersAllThreadsThatTakeWhatGuestsAndFrontendsSend() async throws {
        let scratch = try Scratch()
        let server = try await serve(scratch)
        let client = try Sheaf.mount(scratch.path("s"))
        _ = try client.walk(.root, "work")

        func look() throws -> [String: [String]] {
            var walls: [String: [String]] = [:]
            let tasks = "/proc/\(server.identifier)/task"
            for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
                let status = try String(contentsOfFile: "\(tasks)/\(task)/status", encoding: .utf8)
                let lines = status.split(separator: "\n").map { $0.split(separator: "\t") }
                let found = ["Seccomp:", "NoNewPrivs:", "CapEff:"].map { name in
                    String(lines.first { $0.first?.elementsEqual(name) == true }?.last ?? "")
                }
                let name = String(lines.first?.last ?? "")
                if name.hasPrefix("fs-") { walls[name] = found }
            }
            return walls
        }
        // Nothing has waited for it: it may not have its name yet.
        #expect(try await server.waits(upTo: 20) { (try? look())?["fs-connection"] != nil })
        let walls = try look()

        // These two get no byte of theirs.
        let unfiltered = walls.filter { $0.value[0] != "2" || $0.value[1] != "1" }.keys.sorted()
        #expect(unfiltered == ["fs-connection", "fs-starter"])
        #expect(walls["fs-session"]?[2] == "0000000000000000")
        #expect(Set(walls.keys).isSuperset(of: ["fs-hiprio", "fs-queue-1"]))
        server.signal(SIGTERM)
        #expect(try await server.finish(limit: 20).status == 0)
    }

    @Test func examinesTheMachine() async throws {
        let surroundings = try Surroundings()
        func examine(_ environment: [String: String] = [:]) async throws -> (CInt?, [String: [String: String]]) {
            let all = surroundings.environment.merging(environment) { $1 }
            let finished = try await Program(
                ["\(Sheaf.products)/sheaf", "doctor", "--format", "json"], environment: all
            ).finish(limit: 60)
            let list = try JSONSerialization.jsonObject(with: Data(finished.output)) as? [[String: String]] ?? []
            return (finished.status, Dictionary(uniqueKeysWithValues: list.map { ($0["name"] ?? "", $0) }))
        }

        let (_, found) = try await examine()
        #expect(found["seccomp"]?["state"] == "ok")
        #expect(found["no-new-privs"]?["state"] == "ok")
        #expect(found["qemu"]?["state"] == "ok")
        #expect(found["runtime-directory"]?["found"]?.contains("0 VMs run") == true)

        let (status, without) = try await examine(["SHEAF_QEMU": "/nonexistent"])
        #expect(status == 1)
        #expect(without["qemu"]?["state"] == "missing")
        #expect(without["qemu"]?["advice"]?.contains("SHEAF_QEMU") == true)
    }
}

extension Boots {
    @Suite(.serialized) struct StrayCallTests {
        @Test func endsTheRunWithAnOutcomeThatSaysSo() async throws {
            let surroundings = try Surroundings()
            let scratch = try Scratch()
            let share = try scratch.directory("share")
            let program = try Program(
                Sheaf.run(
                    arguments: [
                        "--report", scratch.path("report"), "-v", "\(share):/s", "--", "sh", "-c",
                        "stat -f /s; sleep 100",
                    ]), environment: surroundings.environment.merging(["SHEAF_TEST_STRAY_CALL": "1"]) { $1 })
            let isSandboxed = try await program.waits {
                program.children.contains { pid in
                    let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
                    return status?.contains("Seccomp:\t2") ?? false
                }
            }
            let qemu = program.children
            let finished = try await program.finish()

            #expect(finished.status == 125, "\(finished.errors)")
            #expect(finished.errors.contains("made the system call pipe2 (293)"))
            let report = try JSONSerialization.jsonObject(with: Data(scratch.text("report").utf8)) as? [String: Any]
            #expect(report?["outcome"] as? String == "launcher-error")
            #expect((report?["message"] as? String)?.contains("pipe2") == true)
            #expect(try await Program.survivors(of: qemu).isEmpty)
            #expect(isSandboxed)
            #expect(surroundings.leftovers.allSatisfy { $0.hasSuffix(".console.log") }, "\(surroundings.leftovers)")
        }
    }
}
