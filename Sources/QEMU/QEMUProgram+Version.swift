internal import CLinux
internal import EventLoop
internal import FoundationEssentials
internal import Glibc
internal import Linux
internal import SystemPackage

extension QEMUProgram {
    /// How long `--version` may take.
    private static let patience = Duration.seconds(10)

    /// The program's version: the one remembered of this very file, else what it says when asked, which costs as much as all
    /// else before the start and is therefore remembered. To be called on the main thread, as every start of a child.
    ///
    /// - Parameter directory: Where it is remembered, in the file `qemu-version`; must exist. Nil to remember nothing.
    /// - Returns: Nil when the program does not say.
    public func version(rememberedIn directory: String?) -> QEMUVersion? {
        let memory = directory.map { "\($0)/qemu-version" }
        if let memory, let version = remembered(in: memory) { return version }
        guard let version = ask() else { return nil }
        if let memory, let stamp {
            // A cache that cannot be written costs the next start its time and nothing else.
            try? Data("\(stamp)\n\(version)\n".utf8).write(to: URL(filePath: memory), options: .atomic)
        }
        return version
    }

    private func remembered(in file: String) -> QEMUVersion? {
        guard let stamp, let data = try? Data(contentsOf: URL(filePath: file)) else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 2, lines[0] == stamp else { return nil }
        return QEMUVersion(text: lines[1])
    }

    /// What changes when another QEMU takes the path.
    private var stamp: String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let changed = "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        return "\(path) \(status.st_dev):\(status.st_ino) \(status.st_size) \(changed)"
    }

    private func ask() -> QEMUVersion? {
        let loop = EventLoop()
        var line = CommandLine()
        line.add("--version")
        var said: QEMUVersion?
        let process = try? QEMUProcess(self, line, inheriting: InheritedDescriptors(), on: loop) { exit in
            said = QEMUVersion(text: exit.lastWords)
            loop.stop()
        }
        guard let process else { return nil }
        let limit = loop.after(Self.patience) { process.kill() }
        loop.run()
        limit.cancel()
        return said
    }
}
