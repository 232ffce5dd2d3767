import Foundation
import Testing

/// A shell line in a terminal of its own, with a person's hands on the keyboard: script(1) makes the terminal.
final class TypedProgram {
    private let program: Program
    private let scratch: Scratch
    private let keyboard: FileHandle

    init(_ line: String) throws {
        scratch = try Scratch()
        try #require(mkfifo(scratch.path("keyboard"), 0o600) == 0)
        // For reading too, so that neither side waits for the other.
        keyboard = try #require(FileHandle(forUpdatingAtPath: scratch.path("keyboard")))
        program = try Program(
            ["sh", "-c", "exec script -qefc \"$LINE\" /dev/null < \"$0\"", scratch.path("keyboard")],
            environment: ["LINE": line])
    }

    func type(_ text: String) throws {
        try keyboard.write(contentsOf: Data(text.utf8))
    }

    /// Waits until the screen has shown a text.
    func shows(_ text: String) async throws -> Bool {
        try await program.waits { program.outputSoFar.contains(text) }
    }

    /// Waits for the end of the line: its status, and what the screen has shown.
    func finish(limit: Double = 60) async throws -> Finished {
        try await program.finish(limit: limit)
    }
}
