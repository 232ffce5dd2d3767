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
