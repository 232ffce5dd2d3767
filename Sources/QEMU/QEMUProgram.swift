internal import CLinux
internal import FoundationEssentials
internal import Glibc
internal import Linux
internal import SystemPackage

/// The QEMU program of this host.
public struct QEMUProgram: Equatable, Sendable {
    /// The environment variable that names another one.
    public static let environmentVariable = "SHEAF_QEMU"

    /// An absolute path.
    public var path: String

    /// A program at a path that is known.
    public init(path: String) {
        self.path = path
    }

    /// Finds QEMU: the program that `SHEAF_QEMU` names, else `qemu-system-x86_64` in PATH, else where distributions put it
    /// out of PATH.
    ///
    /// - Parameter environment: Looks variables up, as getenv(3) does.
    /// - Throws: ``QEMUError`` with what to install.
    public static func find(
        environment: (String) -> String? = Self.ownEnvironment
    ) throws(QEMUError) -> QEMUProgram {
        if let named = environment(environmentVariable), !named.isEmpty {
            guard isExecutable(named) else {
                throw QEMUError(
                    code: .notFound,
                    description: "\(environmentVariable) names \(named), which is no program that can be run; "
                        + "set it to the path of a qemu-system-x86_64, or unset it")
            }
            return QEMUProgram(path: named)
        }
        let directories = (environment("PATH") ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        let candidates =
            directories.map { "\($0)/qemu-system-x86_64" } + ["/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm"]
        guard let found = candidates.first(where: { $0.hasPrefix("/") && isExecutable($0) }) else {
            throw QEMUError(
                code: .notFound,
                description: "QEMU is not installed: no qemu-system-x86_64 in PATH; install it with "
                    + "'apt install qemu-system-x86' (Debian, Ubuntu), 'dnf install qemu-system-x86-core' (Fedora) or "
                    + "'pacman -S qemu-system-x86' (Arch), or name it in \(environmentVariable)")
        }
        return QEMUProgram(path: found)
    }

    /// The environment of this process.
    public static func ownEnvironment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func isExecutable(_ path: String) -> Bool {
        var isDirectory = stat()
        return access(path, X_OK) == 0 && stat(path, &isDirectory) == 0 && isDirectory.st_mode & S_IFMT == S_IFREG
    }
}

// MARK: - Version

/// QEMU tells its version in every greeting of its monitor, but by then its command line is long fixed; and asking it with
/// `--version` costs more than all else before the start. So the last greeting is remembered, for as long as the program's
/// file stays the same.
extension QEMUProgram {
    /// The version that this very file had when it last ran; nil when that is not known.
    ///
    /// - Parameter directory: Sheaf's cache.
    public func rememberedVersion(in directory: String) -> QEMUVersion? {
        guard let stamp, let data = try? Data(contentsOf: URL(filePath: memory(in: directory))) else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 2, lines[0] == stamp else { return nil }
        return QEMUVersion(text: lines[1])
    }

    /// Remembers what a greeting said. A cache that cannot be written costs nothing but the memory.
    ///
    /// - Parameter directory: Sheaf's cache, which must exist.
    public func remember(_ version: QEMUVersion, in directory: String) {
        guard let stamp, rememberedVersion(in: directory) != version else { return }
        try? Data("\(stamp)\n\(version)\n".utf8).write(to: URL(filePath: memory(in: directory)), options: .atomic)
    }

    private func memory(in directory: String) -> String { "\(directory)/qemu-version" }

    /// What changes when another QEMU takes the path.
    private var stamp: String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return "\(path) \(status.st_dev):\(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }
}
