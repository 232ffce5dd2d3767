internal import Linux
internal import SystemPackage

/// The guest's console on the disk, as much of it as is allowed.
final class ConsoleLog {
    private let path: FilePath
    private let file: FileDescriptor
    private var allowance: LogAllowance
    private var hasFailed = false

    /// Makes the log.
    ///
    /// - Throws: That it cannot be made, as where there is something.
    init(at path: FilePath, _ allowance: LogAllowance = .console) throws(LaunchError) {
        self.path = path
        self.allowance = allowance
        do {
            file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .exclusiveCreate, .append, .closeOnExec, .noFollow],
                permissions: .ownerReadWrite)
        } catch {
            let reason = (error as? Errno)?.explained ?? "\(error)"
            throw LaunchError("the console's log '\(path)' cannot be made: \(reason)")
        }
    }

    deinit { try? file.close() }

    /// Writes what the guest has said.
    ///
    /// - Returns: Why nothing more is written, the first time that something could not be.
    func append(_ bytes: [UInt8]) -> String? {
        let bytes = allowance.take(bytes)
        guard !hasFailed, !bytes.isEmpty else { return nil }
        do {
            _ = try file.writeAll(bytes)
            return nil
        } catch {
            hasFailed = true
            return "the console's log '\(path)' cannot be written: \((error as? Errno)?.explained ?? "\(error)")"
        }
    }
}
