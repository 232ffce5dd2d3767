import Glibc
import Linux
import SystemPackage

/// A directory of a test's own below the system's temporary one, removed with all that is in it when this value goes.
public struct TemporaryDirectory: ~Copyable, Sendable {
    /// Absolute, with no symbolic link in it.
    public let path: String

    /// Makes the directory, with mode 0700.
    ///
    /// - Throws: What mkdtemp(3) failed with.
    public init() throws(Errno) {
        var template = [CChar]("/tmp/sheaf-test-XXXXXX".utf8CString)
        let made: String? = template.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress, mkdtemp(start) != nil else { return nil }
            return String(cString: start)
        }
        guard let made else { throw Errno(rawValue: errno) }
        path = made
    }

    deinit {
        // A test may have taken rights away; what cannot be removed is not this suite's to report.
        try? HostFolder(path).remove()
    }

    /// The directory, to look into and to change.
    public var folder: HostFolder { HostFolder(path) }
}
