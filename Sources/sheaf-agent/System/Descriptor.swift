import CAgent

/// An open file that is closed with its last owner.
final class Descriptor {
    let number: Int32

    /// Takes over an open descriptor.
    init(owning number: Int32) { self.number = number }

    /// Opens a file.
    init(opening path: Text, _ flags: Int32) throws(Errno) {
        number = try unwrapped(path.withCString { agent_open($0, flags) })
    }

    deinit { close(number) }

    /// Makes reads and writes fail with EAGAIN where they would wait.
    func makeNonblocking() throws(Errno) { try unwrapped(agent_make_nonblocking(number)) }

    /// Reads what is there; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let count = CAgent.read(number, buffer.baseAddress, buffer.count)
        guard count >= 0 else { throw Errno(code: agent_errno()) }
        return count
    }

    /// Writes as much as there is room for.
    func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let count = CAgent.write(number, bytes.baseAddress, bytes.count)
        guard count >= 0 else { throw Errno(code: agent_errno()) }
        return count
    }

    /// A pipe: the end to read from and the end to write to.
    static func pipe() throws(Errno) -> (reading: Descriptor, writing: Descriptor) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &ends) {
            agent_pipe($0.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        try unwrapped(result)
        return (Descriptor(owning: ends.0), Descriptor(owning: ends.1))
    }

    /// A pseudoterminal.
    static func terminal() throws(Errno) -> (master: Descriptor, slave: Descriptor) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &ends) {
            agent_open_terminal($0.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        try unwrapped(result)
        return (Descriptor(owning: ends.0), Descriptor(owning: ends.1))
    }
}
