public import SystemPackage

extension FileDescriptor {
    /// Writes a line for a person, or several; one that cannot be written has nobody to read it. What is in it of others, such as a
    /// guest or QEMU, is nothing but text to a terminal.
    public func say(_ line: String) {
        _ = try? writeAll((printable(lines: line) + "\n").utf8)
    }
}
