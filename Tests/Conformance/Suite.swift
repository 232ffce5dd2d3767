import CSystemCall

/// Cases, each run in an empty directory of its own by a process of its own, and printed as one line: its name and what the
/// kernel answered. Nothing in a line differs from one run to the next.
final class Suite {
    /// The user that cases become to be refused something, and that user's group.
    static let stranger = 12345

    /// What a name must begin with for its case to be run.
    private let beginning: Path
    private let directory: Path
    private var number = 0
    /// The user that the program runs as.
    let user: Int

    var isRoot: Bool { user == 0 }

    /// Makes a suite that works in a directory, which need not be empty.
    init(directory: Path, beginning: Path) {
        self.directory = directory
        self.beginning = beginning
        user = Suite.call(SYS_geteuid).value
        Suite.call(SYS_umask, 0o022)
        // PR_SET_SECUREBITS: who becomes another user loses root's capabilities, whatever the program was started by.
        Suite.call(SYS_prctl, 28, 0)
    }

    /// Runs a case and prints what it returns.
    ///
    /// - Parameters:
    ///   - name: What it is about: a family, a slash, words.
    ///   - body: The case, whose working directory is a fresh one.
    func test(_ name: String, _ body: () -> String) {
        guard name.utf8.starts(with: beginning.bytes) else { return }
        number += 1
        let room = Path(directory.bytes + Array("/case-\(number)".utf8))
        let found = inChild {
            let made = mkdir(room, 0o755)
            let entered = room.withAddress { Suite.call(SYS_chdir, $0) }
            guard made.isSuccess, entered.isSuccess else { return "no directory to work in: \(made), \(entered)" }
            return body()
        }
        Suite.print("\(name): \(found)\n")
        remove(room)
    }

    /// A case that only root can try.
    func testAsRoot(_ name: String, _ body: () -> String) {
        if isRoot { test(name, body) }
    }

    /// Runs `body` in a child process and returns what it returned there, or how the child ended.
    func inChild(_ body: () -> String) -> String {
        var ends: [CInt] = [-1, -1]
        ends.withUnsafeMutableBytes { _ = Suite.call(SYS_pipe2, Int(bitPattern: $0.baseAddress), Int(O_CLOEXEC)) }
        let child = csc_fork()
        if child == 0 {
            // What hangs is a result too.
            Suite.alarm(seconds: 60)
            Suite.write(body(), to: Int(ends[1]))
            Suite.call(SYS_exit_group, 0)
        }
        Suite.call(SYS_close, Int(ends[1]))
        let found = Suite.readAll(Int(ends[0]))
        Suite.call(SYS_close, Int(ends[0]))
        var status: CInt = 0
        let ended = withUnsafeMutablePointer(to: &status) { Suite.call(SYS_wait4, child, Int(bitPattern: $0)) }
        guard child > 0, ended.isSuccess else { return "no child" }
        let signal = status & 0x7F
        return signal > 0 ? found + "signal \(signal)" : found
    }

    /// The same as another user, with no group but that user's own, or these.
    func asUser(_ user: Int, group: Int? = nil, groups: [UInt32] = [], _ body: () -> String) -> String {
        inChild {
            let group = group ?? user
            groups.withUnsafeBytes { list in
                _ = Suite.call(SYS_setgroups, groups.count, Int(bitPattern: list.baseAddress))
            }
            Suite.call(SYS_setresgid, group, group, group)
            guard Suite.call(SYS_setresuid, user, user, user).isSuccess else { return "not allowed to be another" }
            return body()
        }
    }

    /// The same as a user that owns nothing.
    func asStranger(_ body: () -> String) -> String { asUser(Suite.stranger, body) }

    // MARK: Plain calls

    @discardableResult
    static func call(
        _ number: CInt, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0, _ f: Int = 0
    ) -> Answer {
        Answer(value: csc_call(Int(number), a, b, c, d, e, f))
    }

    static func print(_ text: String) { write(text, to: 1) }

    private static func write(_ text: String, to descriptor: Int) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes {
                call(SYS_write, descriptor, Int(bitPattern: $0.baseAddress), $0.count)
            }
            guard written.value > 0 else { return }
            rest = rest.dropFirst(written.value)
        }
    }

    private static func readAll(_ descriptor: Int) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let got = buffer.withUnsafeMutableBytes {
                call(SYS_read, descriptor, Int(bitPattern: $0.baseAddress), $0.count)
            }
            guard got.value > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<got.value]
        }
    }

    private static func alarm(seconds: Int) {
        // struct itimerval: the interval, then the time.
        let timer: [Int] = [0, 0, seconds, 0]
        timer.withUnsafeBytes { _ = call(SYS_setitimer, 0, Int(bitPattern: $0.baseAddress)) }
    }
}
