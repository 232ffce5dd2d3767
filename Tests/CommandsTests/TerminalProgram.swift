import CLinux
import Glibc
import Linux
import SystemPackage

/// A built program on a pseudoterminal of a test's own, with a person's hands on the keyboard.
///
/// To be used by one thread: the program goes with the thread that started it.
final class TerminalProgram {
    private let keyboard: Descriptor
    private let screen: Descriptor
    private let pid: pid_t
    private let companion: AnyObject?
    /// The terminal's settings before there was a program.
    let firstSettings: [tcflag_t]
    private var rawStatus: CInt?
    /// All that the program has written to the terminal so far.
    private(set) var output: [UInt8] = []

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - program: Its path.
    ///   - arguments: Its arguments.
    ///   - environment: All its variables but PATH and TERM, unless they are in it.
    ///   - rows: The terminal's size.
    ///   - columns: The terminal's size.
    ///   - companion: What is to be there while it runs.
    /// - Throws: What there could be no terminal or no process by.
    init(
        _ program: String, _ arguments: [String], environment: [String: String],
        rows: UInt16 = 24, columns: UInt16 = 80, beside companion: AnyObject? = nil
    ) throws {
        self.companion = companion
        var path = [CChar](repeating: 0, count: 64)
        keyboard = try Descriptor(result: cl_open_pty(&path, 64))
        screen = Descriptor(owning: open(path, O_RDWR | O_NOCTTY | O_CLOEXEC))
        try checked(cl_set_window_size(keyboard.number, rows, columns))
        try checked(cl_set_nonblocking(keyboard.number, true))
        firstSettings = Self.settings(of: screen)
        let number = screen.number
        let map = (0...2).map { cl_fd_mapping(source: number, target: CInt($0)) }
        let variables = ["PATH": "/usr/bin:/bin", "TERM": "xterm"].merging(environment) { $1 }.map { "\($0)=\($1)" }
        pid = try Self.withStrings([program] + arguments) { arguments throws(Errno) in
            try Self.withStrings(variables) { variables throws(Errno) in
                try checked(
                    cl_spawn(program, arguments, variables, map, UInt32(map.count), CL_SPAWN_NEW_SESSION.rawValue))
            }
        }
    }

    private static func withStrings<Value>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) throws(Errno) -> Value
    ) throws(Errno) -> Value {
        let copies = strings.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return try body(copies)
    }

    var text: String { String(decoding: output, as: UTF8.self) }

    /// The terminal's settings, such as whether it shows what is typed.
    var settings: [tcflag_t] { Self.settings(of: screen) }

    private static func settings(of screen: borrowing Descriptor) -> [tcflag_t] {
        var settings = termios()
        tcgetattr(screen.number, &settings)
        return [settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag]
    }

    func type(_ text: String) {
        _ = text.utf8.withContiguousStorageIfAvailable { write(keyboard.number, $0.baseAddress, $0.count) }
    }

    /// Changes the window's size, of which a terminal tells by a signal.
    func resize(rows: UInt16, columns: UInt16) {
        _ = cl_set_window_size(keyboard.number, rows, columns)
        signal(SIGWINCH)
    }

    func signal(_ number: CInt) {
        if rawStatus == nil { _ = cl_kill(pid, number) }
    }

    /// Waits until a condition holds or the program has ended.
    ///
    /// - Returns: Whether it holds.
    func waits(upTo seconds: Double = 30, until condition: () -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while !condition() {
            guard ContinuousClock.now < end, !hasEnded else {
                readScreen()
                return condition()
            }
            readScreen()
            usleep(5000)
        }
        return true
    }

    /// Waits until the screen has been sent a text after so many bytes.
    func shows(_ text: String, after count: Int = 0) -> Bool {
        waits { String(decoding: output.dropFirst(count), as: UTF8.self).contains(text) }
    }

    /// Waits for the end; past the limit the program is killed.
    ///
    /// - Returns: Its exit status, or 128 + N where signal N ended it.
    func finish(limit: Double = 30) -> CInt {
        if !waits(upTo: limit, until: { hasEnded }) {
            signal(SIGKILL)
            _ = waits { hasEnded }
        }
        readScreen()
        guard let rawStatus else { return -1 }
        let signal = cl_term_signal(rawStatus)
        return signal >= 0 ? 128 + signal : cl_exit_code(rawStatus)
    }

    private var hasEnded: Bool {
        if rawStatus != nil { return true }
        var status: CInt = 0
        guard cl_wait(pid, &status, false) == 0 else { return false }
        rawStatus = status
        return true
    }

    private func readScreen() {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(keyboard.number, &chunk, chunk.count)
            guard count > 0 else { return }
            output += chunk.prefix(count)
        }
    }

    deinit {
        if !hasEnded {
            signal(SIGKILL)
            var status: CInt = 0
            _ = cl_wait(pid, &status, true)
        }
    }
}

/// The programs that were built with the tests.
enum BuiltProgram {
    /// Beside the test bundle.
    static let sheaf: String = {
        let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments[0]
        var directory = FilePath(bundle)
        while !directory.components.isEmpty {
            directory.removeLastComponent()
            let program = directory.appending("sheaf").string
            if access(program, X_OK) == 0 { return program }
        }
        return "sheaf"
    }()
}
