import CLinux
import Foundation
import SystemPackage

/// What a finished program left behind.
struct Finished {
    /// Its exit status, or 128 + N where signal N ended it.
    var status: Int32
    var output: Data
    var errors: String

    var text: String { String(decoding: output, as: UTF8.self) }
}

/// A program run as its users run it: as a process with three streams and an exit status. Its streams are files, so that
/// nothing here can stall it.
final class Program {
    private let process = Process()
    private let scratch: Scratch

    var identifier: pid_t { process.processIdentifier }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - arguments: The program, looked up in PATH, and its arguments.
    ///   - input: What its standard input holds; nil for /dev/null.
    ///   - environment: Variables set over the test's own.
    /// - Throws: What the files or the process could not be made with.
    init(_ arguments: [String], input: Data? = nil, environment: [String: String] = [:]) throws {
        scratch = try Scratch()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // The runner itself may have been started in the background, with interrupts ignored.
        process.arguments = ["--default-signal=INT,TERM,HUP"] + arguments
        // A place of its own for live VMs: what other tests run is not this program's to see.
        chmod(try scratch.directory("runtime"), 0o700)
        let own = ["XDG_RUNTIME_DIR": scratch.path("runtime")].merging(environment) { $1 }
        process.environment = ProcessInfo.processInfo.environment.merging(own) { $1 }
        process.standardInput = FileHandle.nullDevice
        if let input {
            try input.write(to: URL(fileURLWithPath: scratch.path("stdin")))
            process.standardInput = FileHandle(forReadingAtPath: scratch.path("stdin"))
        }
        for name in ["stdout", "stderr"] {
            _ = FileManager.default.createFile(atPath: scratch.path(name), contents: nil)
        }
        process.standardOutput = FileHandle(forWritingAtPath: scratch.path("stdout"))
        process.standardError = FileHandle(forWritingAtPath: scratch.path("stderr"))
        try process.run()
    }

    /// What it has written to standard output so far.
    var outputSoFar: String { scratch.text("stdout") }

    /// What it has written to standard error so far.
    var errorsSoFar: String { scratch.text("stderr") }

    func signal(_ number: CInt) {
        _ = cl_kill(process.processIdentifier, number)
    }

    /// Waits until `condition` holds or the program has ended.
    ///
    /// - Returns: Whether the condition holds.
    func waits(upTo seconds: Double = 120, until condition: () -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while !condition() {
            guard process.isRunning, ContinuousClock.now < end else { return condition() }
            try await Task.sleep(for: .milliseconds(20))
        }
        return true
    }

    /// Waits for its end; past the limit it is killed.
    func finish(limit: Double = 180) async throws -> Finished {
        let end = ContinuousClock.now + .seconds(limit)
        while process.isRunning {
            if ContinuousClock.now > end { signal(SIGKILL) }
            // The end is told by a socket that children of the program inherit: one that outlives it must not hold us up.
            guard ContinuousClock.now < end + .seconds(10) else { throw Errno.timedOut }
            try await Task.sleep(for: .milliseconds(10))
        }
        let isSignal = process.terminationReason == .uncaughtSignal
        return Finished(
            status: isSignal ? 128 + process.terminationStatus : process.terminationStatus,
            output: (try? Data(contentsOf: URL(fileURLWithPath: scratch.path("stdout")))) ?? Data(),
            errors: scratch.text("stderr"))
    }

    deinit {
        if process.isRunning { signal(SIGKILL) }
    }
}

/// A directory of a test's own, removed with it.
final class Scratch: Sendable {
    let root: String

    init() throws {
        var template = Array("/tmp/sheaf-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Ordinary users of some tests go in and out.
        chmod(root, 0o755)
    }

    /// The path of an entry.
    func path(_ name: String) -> String { "\(root)/\(name)" }

    /// Makes a directory in it.
    func directory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
        return path(name)
    }

    /// Writes a file in it.
    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    }

    /// The text of a file in it; empty where there is none.
    func text(_ name: String) -> String {
        (try? Data(contentsOf: URL(fileURLWithPath: path(name)))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    deinit {
        try? FileManager.default.removeItem(atPath: root)
    }
}
