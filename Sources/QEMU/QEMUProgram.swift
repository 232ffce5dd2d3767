internal import Glibc

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
    /// - Parameters:
    ///   - environment: Looks variables up, as getenv(3) does.
    ///   - fallbacks: The places out of PATH.
    /// - Returns: The program, which can be run.
    /// - Throws: ``QEMUError`` with what to install.
    public static func find(
        environment: (String) -> String? = Self.ownEnvironment,
        fallbacks: [String] = ["/usr/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm"]
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
        let candidates = directories.map { "\($0)/qemu-system-x86_64" } + fallbacks
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
