internal import Glibc

/// What standard output can show.
struct TerminalOutput: Equatable {
    /// Its size; nil where it is no terminal.
    let size: WindowSize?
    /// Whether the cursor can be moved about.
    let canRedraw: Bool
    /// Whether parts may stand out, by bold letters or colours.
    let isStyled: Bool

    /// Standard output as it is, and as the user wants it.
    init() {
        self.init(size: WindowSize(of: STDOUT_FILENO)) { name in getenv(name).map { String(cString: $0) } }
    }

    /// An output of this size, in this environment.
    init(size: WindowSize?, environment: (String) -> String?) {
        self.size = size
        canRedraw = size != nil && !["", "dumb"].contains(environment("TERM") ?? "")
        isStyled = canRedraw && (environment("NO_COLOR") ?? "").isEmpty
    }
}
