/// A cpio archive in the `newc` format, as the kernel unpacks it into its first root.
///
/// The format is that of Linux's Documentation/driver-api/early-userspace/buffer-format.rst: a header of a magic number and
/// thirteen fields of eight hexadecimal digits, the name with a NUL, and the data, names and data both padded so that what
/// follows is aligned to four bytes. Times are zero and inode numbers count up, so equal contents give equal archives.
struct CpioArchive {
    /// Why an entry does not fit the format.
    enum Failure: Error, Equatable {
        case tooLong(name: String)
    }

    /// The archive as written so far; complete after `finish()`.
    private(set) var bytes: [UInt8] = []
    private var inode: UInt32 = 0
    private var directories: Set<String> = []

    private enum Kind: UInt32 {
        case directory = 0o040000
        case file = 0o100000
        case characterDevice = 0o020000
    }

    /// Adds a directory, and those above it that are not in the archive yet.
    mutating func addDirectory(_ name: String, mode: UInt32 = 0o755) throws(Failure) {
        guard !name.isEmpty, directories.insert(name).inserted else { return }
        try addParents(of: name)
        try add(name, .directory, mode, links: 2)
    }

    /// Adds a file.
    mutating func addFile(_ name: String, mode: UInt32, contents: [UInt8]) throws(Failure) {
        try addParents(of: name)
        try add(name, .file, mode, contents: contents)
    }

    /// Adds a character device's node.
    mutating func addCharacterDevice(
        _ name: String, mode: UInt32, major: UInt32, minor: UInt32
    ) throws(Failure) {
        try addParents(of: name)
        try add(name, .characterDevice, mode, device: (major, minor))
    }

    /// Ends the archive: the trailer, and zeros up to a multiple of 512 bytes.
    mutating func finish() throws(Failure) {
        inode = 0
        try append(name: "TRAILER!!!", mode: 0, links: 1, contents: [], device: (0, 0), inode: 0)
        pad(to: 512)
    }

    private mutating func addParents(of name: String) throws(Failure) {
        guard let slash = name.lastIndex(of: "/") else { return }
        try addDirectory(String(name[..<slash]))
    }

    private mutating func add(
        _ name: String, _ kind: Kind, _ mode: UInt32, links: UInt32 = 1, contents: [UInt8] = [],
        device: (major: UInt32, minor: UInt32) = (0, 0)
    ) throws(Failure) {
        inode += 1
        try append(
            name: name, mode: kind.rawValue | mode, links: links, contents: contents, device: device, inode: inode)
    }

    private mutating func append(
        name: String, mode: UInt32, links: UInt32, contents: [UInt8], device: (major: UInt32, minor: UInt32),
        inode: UInt32
    ) throws(Failure) {
        // The kernel takes names of less than PATH_MAX, the NUL counted.
        guard let size = UInt32(exactly: contents.count), name.utf8.count < 4095 else {
            throw .tooLong(name: name)
        }
        bytes.append(contentsOf: "070701".utf8)
        let fields: [UInt32] = [
            inode, mode, /* uid */ 0, /* gid */ 0, links, /* mtime */ 0, size, /* device of the file itself */ 0, 0,
            device.major, device.minor, UInt32(name.utf8.count + 1), /* checksum, of another format */ 0,
        ]
        for field in fields { append(hexadecimal: field) }
        bytes.append(contentsOf: name.utf8)
        bytes.append(0)
        pad(to: 4)
        bytes.append(contentsOf: contents)
        pad(to: 4)
    }

    private mutating func append(hexadecimal value: UInt32) {
        for shift in stride(from: 28, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> UInt32(shift)) & 15
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    private mutating func pad(to alignment: Int) {
        while bytes.count % alignment != 0 { bytes.append(0) }
    }
}
