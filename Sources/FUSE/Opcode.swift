/// What a request asks for: `enum fuse_opcode`.
@frozen
public struct Opcode: RawRepresentable, Hashable, BitwiseCopyable, Sendable {
    /// The number on the wire.
    public var rawValue: UInt32

    /// Makes an opcode of a number, known or not.
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Finds a name in a directory and counts a reference to what it names.
    @inlinable
    public static var lookup: Opcode { Opcode(rawValue: 1) }

    /// Gives references to a node back; never answered.
    @inlinable
    public static var forget: Opcode { Opcode(rawValue: 2) }

    /// Asks for attributes.
    @inlinable
    public static var getattr: Opcode { Opcode(rawValue: 3) }

    /// Changes attributes, the size included.
    @inlinable
    public static var setattr: Opcode { Opcode(rawValue: 4) }

    /// Reads a symbolic link.
    @inlinable
    public static var readlink: Opcode { Opcode(rawValue: 5) }

    /// Makes a symbolic link.
    @inlinable
    public static var symlink: Opcode { Opcode(rawValue: 6) }

    /// Makes a file of any kind but a directory.
    @inlinable
    public static var mknod: Opcode { Opcode(rawValue: 8) }

    /// Makes a directory.
    @inlinable
    public static var mkdir: Opcode { Opcode(rawValue: 9) }

    /// Removes a name of anything but a directory.
    @inlinable
    public static var unlink: Opcode { Opcode(rawValue: 10) }

    /// Removes an empty directory.
    @inlinable
    public static var rmdir: Opcode { Opcode(rawValue: 11) }

    /// Renames, replacing what is there.
    @inlinable
    public static var rename: Opcode { Opcode(rawValue: 12) }

    /// Makes a hard link.
    @inlinable
    public static var link: Opcode { Opcode(rawValue: 13) }

    /// Opens a file.
    @inlinable
    public static var open: Opcode { Opcode(rawValue: 14) }

    /// Reads an open file.
    @inlinable
    public static var read: Opcode { Opcode(rawValue: 15) }

    /// Writes an open file.
    @inlinable
    public static var write: Opcode { Opcode(rawValue: 16) }

    /// Asks for the file system's size and limits.
    @inlinable
    public static var statfs: Opcode { Opcode(rawValue: 17) }

    /// Closes an open file.
    @inlinable
    public static var release: Opcode { Opcode(rawValue: 18) }

    /// Waits until a file is on stable storage.
    @inlinable
    public static var fsync: Opcode { Opcode(rawValue: 20) }

    /// Sets an extended attribute.
    @inlinable
    public static var setxattr: Opcode { Opcode(rawValue: 21) }

    /// Reads an extended attribute.
    @inlinable
    public static var getxattr: Opcode { Opcode(rawValue: 22) }

    /// Lists the names of extended attributes.
    @inlinable
    public static var listxattr: Opcode { Opcode(rawValue: 23) }

    /// Removes an extended attribute.
    @inlinable
    public static var removexattr: Opcode { Opcode(rawValue: 24) }

    /// Sent at every close(2) of an open file.
    @inlinable
    public static var flush: Opcode { Opcode(rawValue: 25) }

    /// The first request of a session: `FUSE_INIT`.
    @inlinable
    public static var initialize: Opcode { Opcode(rawValue: 26) }

    /// Opens a directory.
    @inlinable
    public static var opendir: Opcode { Opcode(rawValue: 27) }

    /// Reads names of an open directory.
    @inlinable
    public static var readdir: Opcode { Opcode(rawValue: 28) }

    /// Closes an open directory.
    @inlinable
    public static var releasedir: Opcode { Opcode(rawValue: 29) }

    /// Waits until a directory is on stable storage.
    @inlinable
    public static var fsyncdir: Opcode { Opcode(rawValue: 30) }

    /// Tests for a file lock.
    @inlinable
    public static var getlk: Opcode { Opcode(rawValue: 31) }

    /// Sets a file lock, or fails at once.
    @inlinable
    public static var setlk: Opcode { Opcode(rawValue: 32) }

    /// Sets a file lock, or waits for it.
    @inlinable
    public static var setlkw: Opcode { Opcode(rawValue: 33) }

    /// Checks permissions.
    @inlinable
    public static var access: Opcode { Opcode(rawValue: 34) }

    /// Creates and opens a file.
    @inlinable
    public static var create: Opcode { Opcode(rawValue: 35) }

    /// Asks to give up a request; never answered.
    @inlinable
    public static var interrupt: Opcode { Opcode(rawValue: 36) }

    /// Maps a file's block to the device's.
    @inlinable
    public static var bmap: Opcode { Opcode(rawValue: 37) }

    /// Ends the session.
    @inlinable
    public static var destroy: Opcode { Opcode(rawValue: 38) }

    /// An ioctl(2) on an open file.
    @inlinable
    public static var ioctl: Opcode { Opcode(rawValue: 39) }

    /// Asks for readiness.
    @inlinable
    public static var poll: Opcode { Opcode(rawValue: 40) }

    /// The guest's answer to a notification; never answered.
    @inlinable
    public static var notifyReply: Opcode { Opcode(rawValue: 41) }

    /// Gives references to many nodes back; never answered.
    @inlinable
    public static var batchForget: Opcode { Opcode(rawValue: 42) }

    /// Allocates or punches a range of a file.
    @inlinable
    public static var fallocate: Opcode { Opcode(rawValue: 43) }

    /// Reads names of an open directory and looks each up.
    @inlinable
    public static var readdirplus: Opcode { Opcode(rawValue: 44) }

    /// Renames with flags.
    @inlinable
    public static var rename2: Opcode { Opcode(rawValue: 45) }

    /// Finds data or holes.
    @inlinable
    public static var lseek: Opcode { Opcode(rawValue: 46) }

    /// Copies between two open files.
    @inlinable
    public static var copyFileRange: Opcode { Opcode(rawValue: 47) }

    /// Maps a file into the DAX window.
    @inlinable
    public static var setupMapping: Opcode { Opcode(rawValue: 48) }

    /// Unmaps from the DAX window.
    @inlinable
    public static var removeMapping: Opcode { Opcode(rawValue: 49) }

    /// Waits until the whole file system is on stable storage.
    @inlinable
    public static var syncfs: Opcode { Opcode(rawValue: 50) }

    /// Creates and opens a file without a name.
    @inlinable
    public static var tmpfile: Opcode { Opcode(rawValue: 51) }

    /// Asks for attributes, the birth time among them.
    @inlinable
    public static var statx: Opcode { Opcode(rawValue: 52) }
}
