/// Why a kernel command line cannot be used, with the way out in its description.
public enum CommandLineError: Error, Equatable, CustomStringConvertible {
    /// The line is longer than the kernel takes, although everything that can go another way does: the length of what
    /// Sheaf needs, of what the user added, and the limit, in bytes.
    case tooLong(needed: Int, appended: Int, limit: Int)
    /// The user's text has a byte that no kernel command line can have.
    case badCharacter(UInt8)

    /// What was tried, why it failed and what to do.
    public var description: String {
        switch self {
        case .tooLong(let needed, let appended, let limit):
            "the kernel command line is too long: \(needed) bytes of Sheaf's and \(appended) bytes of --append make"
                + " \(needed + appended), and this kernel takes \(limit); shorten --append"
        case .badCharacter(let byte):
            "--append has a \(byte == 0 ? "NUL" : byte == 0x0a ? "line break" : "control character (byte \(byte))")"
                + " in it, which a kernel command line cannot have"
        }
    }
}
