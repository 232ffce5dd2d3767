import Foundation

/// Directories of a run's own for what programs leave behind, and what there was in the one that all share.
struct Surroundings {
    private let scratch: Scratch
    private let before: Set<String>

    init() throws {
        scratch = try Scratch()
        before = Self.shared
        for name in ["state", "runtime"] { chmod(try scratch.directory(name), 0o700) }
    }

    /// Variables for the program. The cache stays the user's: what is in it is meant to stay.
    var environment: [String: String] {
        ["XDG_STATE_HOME": scratch.path("state"), "XDG_RUNTIME_DIR": scratch.path("runtime")]
    }

    /// What is there now and was not before: the names of files and sockets, in no order.
    var leftovers: [String] {
        let own = FileManager.default.enumerator(atPath: scratch.root)?.compactMap { $0 as? String } ?? []
        let files = own.filter { name in
            var isDirectory: ObjCBool = false
            return !FileManager.default.fileExists(atPath: scratch.path(name), isDirectory: &isDirectory)
                || !isDirectory.boolValue
        }
        return files + Self.shared.subtracting(before)
    }

    /// What is Sheaf's in /tmp, but for what tests make and for `sheaf-UID`, where VMs live that have no runtime directory
    /// given: those of whoever else is at work on this machine.
    private static var shared: Set<String> {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? []
        return Set(
            names.filter { name in
                name.hasPrefix("sheaf-") && !name.hasPrefix("sheaf-test-") && UInt32(name.dropFirst(6)) == nil
            })
    }
}
