internal import CLinux
internal import Glibc
internal import Linux
internal import SystemPackage

/// A kernel's modules directory, held open.
///
/// Who may write in it may be a guest that has it as a share. So all that is read of it is a regular file below it, whatever
/// links there are, and what its lists say is taken for names alone.
final class ModulesDirectory: Sendable, Equatable {
    /// Where it is.
    let path: FilePath
    private let descriptor: SharedDescriptor

    /// How much of a list is read: a distribution's `modules.dep` has less than a tenth of it.
    private static let listLimit = 8 << 20

    /// Opens what `path` leads to, symlinks followed.
    init(_ path: FilePath) throws(Errno) {
        self.path = path
        descriptor = SharedDescriptor(
            try Descriptor(
                result: path.withPlatformString { cl_openat(CL_AT_FDCWD, $0, CL_O_PATH | O_DIRECTORY, 0) }))
    }

    /// Two are the same where they are at the same place.
    static func == (left: ModulesDirectory, right: ModulesDirectory) -> Bool { left.path == right.path }

    /// Opens a file below it.
    func open(_ name: String) throws(FileFailure) -> HostFile {
        let result = cl_open_beneath(descriptor.number, name, HostFile.flags)
        if result == 0 &- EXDEV { throw .leadsOut }
        return try HostFile(opened: result)
    }

    /// A list's text; empty where there is none: a kernel without modules has no modules.dep.
    func list(_ name: String) throws(ModuleError) -> [UInt8] {
        do {
            return try open(name).contents(atMost: Self.listLimit)
        } catch .system(.noSuchFileOrDirectory) {
            return []
        } catch {
            throw .unreadable(path.appending(name), error)
        }
    }

    /// Whether a list's word for a module's file can be one below the directory.
    static func accepts(_ name: String) -> Bool {
        !name.hasPrefix("/") && name.utf8.count < 1024 && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
            && !name.split(separator: "/").contains("..")
    }
}
