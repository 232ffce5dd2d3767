/// How much of what a guest says is written to a log: its end is not for the guest to say, and the file system is the user's.
struct LogAllowance {
    /// The bytes of a console's log. A kernel that says all it has to say takes a hundredth of it.
    static let console = LogAllowance(of: 64 << 20)
    /// The bytes of the log of a VM in the background.
    static let output = LogAllowance(of: 256 << 20)

    private let limit: Int
    private var rest: Int
    private var hasEnded = false

    /// An allowance of so many bytes, and a line that says that there were more.
    init(of limit: Int) {
        self.limit = limit
        rest = limit
    }

    /// What is to be written of the next bytes.
    mutating func take(_ bytes: [UInt8]) -> [UInt8] {
        guard !hasEnded else { return [] }
        guard bytes.count > rest else {
            rest -= bytes.count
            return bytes
        }
        hasEnded = true
        return bytes.prefix(rest) + Array("\nsheaf: this log ends here, after \(limit) bytes\n".utf8)
    }
}
