internal import FoundationEssentials
internal import Glibc
internal import Linux
public import SystemPackage

/// What `--report` writes: one JSON object, with stable keys.
public struct Report: Codable, Sendable {
    /// A share as it was served.
    public struct Share: Codable, Sendable {
        /// The host directory, resolved.
        public var source: String
        /// Where the guest has it.
        public var target: String
        /// `rw` or `ro`.
        public var access: String
        /// Its name in the aggregate.
        public var subname: String
    }

    /// How the run ended: `Outcome.name`.
    public var outcome: String
    /// What the launcher exits with.
    public var exitCode: UInt8
    /// A sentence on the outcome, where there is more to say than its name.
    public var message: String?
    /// The kernel image and its release.
    public var kernel: String?
    /// The guest kernel's own word on its release.
    public var kernelRelease: String?
    /// `kvm` or `tcg`.
    public var accelerator: String?
    /// Milliseconds from the start to each phase that was reached.
    public var phases: [String: Double]
    /// The shares.
    public var shares: [Share]
    /// The last lines of the guest's console.
    public var consoleTail: [String]

    /// Writes the report over whatever is at `path`, or to standard error for `-`.
    ///
    /// - Throws: A sentence that says what could not be written.
    public func write(to path: FilePath) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        var bytes = Array(try encoder.encode(self))
        bytes.append(0x0a)
        do {
            guard path != "-" else {
                _ = try FileDescriptor.standardError.writeAll(bytes)
                return
            }
            // Who reads it while it is written sees all of it or nothing.
            let draft = FilePath("\(path).\(getpid())")
            let file = try FileDescriptor.open(
                draft, .writeOnly, options: [.create, .truncate, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
            try file.closeAfter { _ = try file.writeAll(bytes) }
            guard rename(draft.string, path.string) == 0 else {
                let error = Errno(rawValue: errno)
                unlink(draft.string)
                throw error
            }
        } catch let error as Errno {
            throw LaunchError("the report cannot be written to '\(path)': \(error.explained)")
        }
    }
}
