import Glibc
import SystemPackage

/// A file system that a test has mounted, unmounted when it goes.
public final class TestMount: Sendable {
    /// Where it is.
    public let path: String

    /// Whether this process may mount at all.
    public static let isAllowed: Bool = TestMount.works { (path) throws(Errno) in _ = try TestMount("tmpfs", at: path) }

    /// Whether images made by a program can be mounted here: it is installed, and the kernel knows what it makes.
    ///
    /// - Parameter format: The program and its options.
    /// - Returns: By trying it.
    public static func canMountImages(_ format: String) -> Bool {
        isAllowed
            && works { (path) throws(Errno) in _ = try TestMount(image: format, megabytes: 128, at: path) }
    }

    /// Mounts a file system on a directory.
    ///
    /// - Throws: What mount(2) failed with.
    public init(
        _ type: String, from source: String = "sheaf-test", at path: String, flags: CInt = 0, options: String = ""
    ) throws(Errno) {
        self.path = path
        guard mount(source, path, type, UInt(flags), options) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Makes a file system in an image beside the directory, and mounts it there.
    ///
    /// - Throws: ENOTSUP where that cannot be done here.
    public init(image format: String, megabytes: Int, options: String = "", at path: String) throws(Errno) {
        self.path = path
        let image = "\(path).image"
        let result = system(
            "{ truncate -s \(megabytes)M \(image) && \(format) \(image) "
                + "&& mount -o loop\(options.isEmpty ? "" : ",")\(options) \(image) \(path); } > /dev/null 2>&1")
        // The loop device holds it from here on.
        unlink(image)
        guard result == 0 else { throw .notSupported }
    }

    deinit { umount2(path, CInt(MNT_DETACH)) }

    /// Mounts what is at one directory at another too.
    public static func bind(_ source: String, at path: String) throws(Errno) -> TestMount {
        try TestMount("", from: source, at: path, flags: CInt(MS_BIND))
    }

    /// Changes the flags of this mount alone, as MS_RDONLY.
    public func remount(_ flags: CInt) throws(Errno) {
        guard mount("", path, "", UInt(CInt(MS_BIND) | CInt(MS_REMOUNT) | flags), "") == 0 else {
            throw Errno(rawValue: errno)
        }
    }

    private static func works(_ body: (String) throws(Errno) -> Void) -> Bool {
        do throws(Errno) {
            let directory = try TemporaryDirectory()
            try body(try directory.folder.makeFolder("mount").path)
            return true
        } catch {
            return false
        }
    }
}
