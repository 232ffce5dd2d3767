/// What has come of a stream of lines, up to the first newline that is still missing.
struct LineBuffer {
    private var bytes: [UInt8] = []
    /// Where in `bytes` the next line begins.
    private var start = 0
    /// Up to where there is no newline.
    private var searched = 0

    /// How many bytes wait for their line's end, once ``next()`` has brought nil.
    var count: Int { bytes.count - start }

    mutating func append(_ more: some Sequence<UInt8>) {
        if start > 0 {
            bytes.removeFirst(start)
            searched -= start
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// The next whole line, without its end.
    mutating func next() -> [UInt8]? {
        guard let newline = bytes[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = bytes.count
            return nil
        }
        defer {
            start = newline + 1
            searched = start
        }
        return Array(bytes[start..<newline])
    }
}
