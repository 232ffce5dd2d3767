public import SystemPackage

extension FileDescriptor {
    /// Writes a line for a person; one that cannot be written has nobody to read it.
    public func say(_ line: String) {
        _ = try? writeAll((line + "\n").utf8)
    }
}
