import Foundation
import Testing

/// What goes wrong before anything boots: said in a sentence, with exit status 125 (64 for usage).
@Suite struct ErrorTests {
    private func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Finished {
        try await Program(["\(Sheaf.products)/sheaf", "run"] + arguments, environment: environment).finish(limit: 30)
    }

    @Test func namesAMissingSource() async throws {
        let finished = try await run([
            "--kernel", try Sheaf.kernel("6.12"), "-v", "/nonexistent/folder:/x", "--", "true",
        ])

        #expect(finished.status == 125)
        #expect(finished.errors.contains("/nonexistent/folder"))
        #expect(finished.errors.contains("ENOENT"))
    }

    @Test(arguments: [["-v", "/dev/null:/x"], ["--root", "/etc/passwd"]])
    func namesASourceThatCannotBeHad(arguments: [String]) async throws {
        let finished = try await run(["--kernel", try Sheaf.kernel("6.12")] + arguments + ["--", "true"])

        #expect(finished.status == 125)
        #expect(finished.errors.contains(arguments[1].split(separator: ":")[0]))
    }

    @Test func saysWhatToInstallWithoutAKernel() async throws {
        let finished = try await run(["--kernel", "99.99", "--", "true"])

        #expect(finished.status == 125)
        #expect(finished.errors.contains("99.99"))
        #expect(finished.errors.contains("linux-image"))
    }

    @Test func namesAQEMUThatIsNotThere() async throws {
        let finished = try await run(
            ["--kernel", try Sheaf.kernel("6.12"), "--", "true"], environment: ["SHEAF_QEMU": "/nonexistent/qemu"])

        #expect(finished.status == 125)
        #expect(finished.errors.contains("/nonexistent/qemu"))
    }

    @Test func refusesTwoSharesAtOneTarget() async throws {
        let finished = try await run([
            "--kernel", try Sheaf.kernel("6.12"), "-v", "/usr:/x", "-v", "/etc:/x/", "--", "true",
        ])

        #expect(finished.status == 125)
        #expect(finished.errors.contains("/x"))
    }

    @Test func refusesACommandLineThatTheKernelWouldHangOn() async throws {
        let append = String(repeating: "a.b=cccccc ", count: 300)

        let finished = try await run(["--kernel", try Sheaf.kernel("6.12"), "--append", append, "--", "true"])

        #expect(finished.status == 125)
        #expect(finished.errors.contains("command line"))
    }

    @Test func refusesACommandThatDoesNotFitTheLink() async throws {
        let long = String(repeating: "x", count: 100_000)

        let finished = try await run(["--kernel", try Sheaf.kernel("6.12"), "--", "echo", long])

        #expect(finished.status == 125)
        #expect(finished.errors.contains("script"))
    }

    @Test func showsNothingButTextOfWhatQEMUWrites() async throws {
        let scratch = try Scratch()
        let script = """
            #!/bin/sh
            case "$*" in *-version*) echo 'QEMU emulator version 7.2.0'; exit 0 ;; esac
            printf '\\033]0;title\\007\\033[2Jred\\n' >&2
            exit 1

            """
        try Data(script.utf8).write(to: URL(fileURLWithPath: scratch.path("qemu")))
        chmod(scratch.path("qemu"), 0o755)

        let finished = try await run(
            ["--kernel", try Sheaf.kernel("6.12"), "--", "true"], environment: ["SHEAF_QEMU": scratch.path("qemu")])

        #expect(finished.status == 125)
        #expect(finished.errors.contains("?]0;title??[2Jred"), "\(finished.errors)")
        #expect(!finished.errors.utf8.contains(0x1b))
        #expect(!finished.errors.contains("console"))
    }

    /// A program that a launch waits for, and that does not end.
    private func endless(_ name: String, in scratch: Scratch) throws -> [String: String] {
        let program = try scratch.directory("bin") + "/" + name
        let script = "#!/bin/sh\n: > '\(scratch.path("started"))'\nexec sleep 60\n"
        try Data(script.utf8).write(to: URL(fileURLWithPath: program))
        chmod(program, 0o755)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return ["XDG_CACHE_HOME": scratch.path("cache"), "PATH": "\(scratch.path("bin")):\(path)"]
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func endsBySignalWhileItPrepares(signal: CInt) async throws {
        let scratch = try Scratch()
        let program = try Program(
            ["\(Sheaf.products)/sheaf", "run", "--kernel", try Sheaf.kernel("6.12"), "--", "true"],
            environment: try endless("xz", in: scratch))
        #expect(
            try await program.waits(upTo: 30) { FileManager.default.fileExists(atPath: scratch.path("started")) },
            "\(program.errorsSoFar)")
        let children = program.children

        program.signal(signal)
        let finished = try await program.finish(limit: 10)

        #expect(finished.status == 128 + signal)
        #expect(try await Program.survivors(of: children).isEmpty)
    }

    @Test func explainsAKernelThatAnOrdinaryUserCannotRead() async throws {
        guard getuid() == 0 else { return }
        let user = try OrdinaryUser(kernel: "6.12")
        let kernel = try Sheaf.kernel("6.12")
        try FileManager.default.copyItem(atPath: kernel, toPath: user.scratch.path("vmlinuz-6.12"))
        chmod(user.scratch.path("vmlinuz-6.12"), 0o600)

        let finished = try await Program(["env"] + user.run(user.scratch.path("vmlinuz-6.12"), ["--", "true"])).finish()

        #expect(finished.status == 125)
        #expect(finished.errors.contains("EACCES"))
    }

    @Test(arguments: [
        ["--cpus", "0"], ["--memory", "x"], ["-v", "/a:/b:rx"], ["--accel", "warp"], ["--bogus"],
        ["--timeout", "inf"], ["--timeout", "nan"], ["--timeout", "1e300"], ["--timeout", "0"],
    ])
    func callsBadOptionsAUsageError(arguments: [String]) async throws {
        let finished = try await run(arguments + ["--", "true"])

        #expect(finished.status == 64)
        #expect(finished.errors.contains("Error:"))
    }

    @Test func printsARunnableCommandWithoutRunningIt() async throws {
        let finished = try await run([
            "--kernel", try Sheaf.kernel("6.12"), "-v", "/usr:/x:ro", "--dry-run", "--", "true",
        ])

        #expect(finished.status == 0, "\(finished.errors)")
        #expect(finished.text.contains("qemu-system"))
        #expect(finished.text.contains("vhost-user-fs-pci"))
        #expect(finished.text.contains("sheaf-ro"))
    }

    @Test func teachesByItsHelp() async throws {
        let finished = try await Program(["\(Sheaf.products)/sheaf", "run", "--help"]).finish(limit: 30)

        #expect(finished.status == 0)
        #expect(finished.text.contains("sheaf run -v ~/src:/src"))
    }
}
