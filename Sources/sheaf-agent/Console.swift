import CAgent

/// The guest's console: short lines for whoever reads its log.
enum Console {
    /// Makes the console the agent's three standard streams, so that no other file ever takes their numbers.
    static func open() {
        guard let console = try? Descriptor(opening: "/dev/console", O_RDWR | O_NOCTTY) else { return }
        for stream in Int32(0)...2 { dup2(console.number, stream) }
    }

    /// Prints a line.
    static func log(_ line: Text) {
        ("sheaf-agent: \(line)\n" as Text).bytes.withUnsafeBytes { bytes in
            _ = write(2, bytes.baseAddress, bytes.count)
        }
    }

    /// Prints that something failed.
    static func log(_ failure: Failure) { log("cannot \(failure.attempt): \(failure.reason)") }
}
