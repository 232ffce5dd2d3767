internal import CLinux
public import EventLoop
internal import Glibc
internal import Linux
internal import SystemPackage

/// A running QEMU: its end, and the last it said.
public final class QEMUProcess {
    /// How QEMU ended. Its status tells nothing of the guest: it is 0 for a panic too.
    public struct Exit: Equatable, Sendable {
        /// The process's status.
        public var status: ChildStatus
        /// The last it wrote on standard output and error; empty when all went well.
        public var lastWords: String

        /// An end.
        public init(status: ChildStatus, lastWords: String) {
            self.status = status
            self.lastWords = lastWords
        }
    }

    /// How much of QEMU's own output is kept.
    private static let lastWordsLimit = 8 * 1024
    /// How long the end of its output may lag behind its own.
    private static let outputGrace = Duration.milliseconds(500)

    /// What QEMU has of its launcher's environment: where its own libraries, modules and temporary files are. The rest may
    /// hold what is nobody's business who has taken QEMU over.
    private static let passedVariables = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "QEMU_MODULE_DIR"]

    private let loop: EventLoop
    private let output: ByteStream
    private var child: ChildProcess?
    private var tail: [UInt8] = []
    private var outputEnded = false
    private var deadline: EventSource?
    private var onExit: ((Exit) -> Void)?

    /// Starts QEMU, in a session of its own (the terminal's Ctrl-C is for its launcher) and without standard input. To be
    /// called on the main thread, with whose end QEMU is killed.
    ///
    /// - Parameters:
    ///   - program: Which QEMU.
    ///   - line: Its command line.
    ///   - descriptors: What the command line names by number.
    ///   - loop: Where `onExit` runs.
    ///   - onExit: Called once, when QEMU has ended and all it wrote has been read.
    /// - Throws: ``QEMUError`` when it cannot be started. What QEMU itself finds amiss is told by its exit.
    public init(
        _ program: QEMUProgram, _ line: CommandLine, inheriting descriptors: InheritedDescriptors, on loop: EventLoop,
        onExit: @escaping (Exit) -> Void
    ) throws(QEMUError) {
        self.loop = loop
        self.onExit = onExit
        do throws(Errno) {
            var (read, write): (CInt, CInt) = (-1, -1)
            try checked(cl_pipe(&read, &write))
            let readEnd = Descriptor(owning: read)
            let writeEnd = Descriptor(owning: write)
            let nothing = try Descriptor(result: cl_openat(CL_AT_FDCWD, "/dev/null", O_RDONLY, 0))
            output = try ByteStream(owning: readEnd, on: loop)
            let standard = [
                Launch.Mapping(source: nothing.number, target: 0), Launch.Mapping(source: writeEnd.number, target: 1),
                Launch.Mapping(source: writeEnd.number, target: 2),
            ]
            let launch = Launch(
                executable: program.path, arguments: line.arguments,
                environment: Self.passedVariables.compactMap { name in
                    QEMUProgram.ownEnvironment(name).map { "\(name)=\($0)" }
                }, descriptors: standard + descriptors.mappings, newSession: true)
            child = try ChildProcess(launch, on: loop) { [weak self] _ in self?.childEnded() }
        } catch {
            throw QEMUError(
                code: .cannotStart, description: "QEMU (\(program.path)) cannot be started: \(error.explained)")
        }
        output.read { [weak self] input in self?.take(input) }
    }

    /// QEMU's process id.
    public var pid: CInt { child?.pid ?? -1 }

    /// Whether it has not ended yet.
    public var isRunning: Bool { child.map { $0.exitStatus == nil } ?? false }

    /// What QEMU has said lately on standard output and error, as lines that a terminal takes for nothing but text.
    public var lastWords: String {
        printable(lines: String(decoding: tail, as: UTF8.self).trimmingSuffix(while: \.isNewline))
    }

    /// Asks QEMU to end (SIGTERM: it closes its files), and kills it when `grace` has passed in vain.
    public func terminate(grace: Duration) {
        child?.terminate(grace: grace)
    }

    /// Kills QEMU.
    public func kill() {
        child?.kill()
    }

    private func take(_ input: ByteStream.Input) {
        if case .bytes(let bytes) = input {
            tail += bytes
            tail.removeFirst(max(0, tail.count - Self.lastWordsLimit))
            return
        }
        outputEnded = true
        reportIfOver()
    }

    private func childEnded() {
        // A process that QEMU left behind would hold its standard error open for ever.
        deadline = loop.after(Self.outputGrace) { [weak self] in
            self?.outputEnded = true
            self?.reportIfOver()
        }
        reportIfOver()
    }

    private func reportIfOver() {
        guard outputEnded, let status = child?.exitStatus, let onExit else { return }
        self.onExit = nil
        deadline = nil
        output.close()
        onExit(Exit(status: status, lastWords: lastWords))
    }
}

extension String {
    fileprivate func trimmingSuffix(while drop: (Character) -> Bool) -> String {
        var end = endIndex
        while end > startIndex, drop(self[index(before: end)]) { end = index(before: end) }
        return String(self[..<end])
    }
}
