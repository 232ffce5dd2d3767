import Glibc
import Linux
import SystemPackage

/// A directory of this program's own, removed with all that is in it when this value goes.
struct WorkDirectory: ~Copyable {
    let path: String

    /// Makes it.
    ///
    /// - Parameter parent: Where.
    /// - Throws: What mkdtemp(3) failed with.
    init(in parent: String) throws(Errno) {
        var template = [CChar]("\(parent)/sheaf-bench-XXXXXX".utf8CString)
        let made: String? = template.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress, mkdtemp(start) != nil else { return nil }
            return realpath(start, nil).map { resolved in
                defer { free(resolved) }
                return String(cString: resolved)
            }
        }
        guard let made else { throw Errno(rawValue: errno) }
        path = made
    }

    deinit { Self.remove(FilePath(path)) }

    /// Removes a directory and all that is in it, as far as that can be done.
    static func remove(_ directory: FilePath) {
        for name in names(in: directory) {
            let path = directory.appending(name)
            if unlink(path.string) != 0 { remove(path) }
        }
        rmdir(directory.string)
    }
}
