import CAgent

/// The two ends of a command's standard streams.
struct Streams {
    /// The agent's ends.
    let input: Descriptor
    let outputs: [OutputStream]
    /// The terminal's master; nil where the streams are pipes.
    let terminal: Descriptor?

    /// The child's ends.
    let childInput: Descriptor
    let childOutput: Descriptor
    let childErrorOutput: Descriptor

    /// Three pipes.
    init() throws(Errno) {
        let input = try Descriptor.pipe()
        let output = try Descriptor.pipe()
        let errorOutput = try Descriptor.pipe()
        for end in [input.writing, output.reading, errorOutput.reading] { try end.makeNonblocking() }
        self.input = input.writing
        outputs = [
            OutputStream(from: output.reading, as: .output),
            OutputStream(from: errorOutput.reading, as: .errorOutput),
        ]
        terminal = nil
        childInput = input.reading
        childOutput = output.writing
        childErrorOutput = errorOutput.writing
    }

    /// A pseudoterminal of this size.
    init(rows: UInt16, columns: UInt16) throws(Errno) {
        let (master, slave) = try Descriptor.terminal()
        try master.makeNonblocking()
        try unwrapped(agent_set_terminal_size(master.number, rows, columns))
        input = master
        outputs = [OutputStream(from: master, as: .output)]
        terminal = master
        childInput = slave
        childOutput = slave
        childErrorOutput = slave
    }
}
