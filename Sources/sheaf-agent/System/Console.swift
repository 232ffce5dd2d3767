import CAgent

/// The guest's console: short lines for whoever reads its log.
enum Console {
    /// Makes the console the agent's three standard streams, so that no other file ever takes their numbers: the kernel
    /// has opened it already, but not where the initramfs had no device of that name.
    static func open() {
        var console = ("/dev/console" as Text).withCString { agent_open($0, O_RDWR | O_NOCTTY) }
        if console < 0 { console = ("/dev/null" as Text).withCString { agent_open($0, O_RDWR) } }
        for stream in Int32(0)...2 { dup2(console, stream) }
        if console > 2 { close(console) }
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
