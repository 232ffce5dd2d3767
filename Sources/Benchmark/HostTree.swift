import CLinux
import Frontend
import Glibc
import Linux
import SystemPackage

/// The files that workloads use, in a directory of their own on the host; known here, so that every reply can be checked.
final class HostTree: Sendable {
    /// The unit in which content is stamped.
    static let pageSize = 4096
    static let filesPerDirectory = 1000
    static let attributeName = "user.sheaf-bench"
    static let attributeValue = [UInt8]("an extended attribute's 32 bytes".utf8)
    /// Of the content of all files that are only read.
    static let stamp = Stamp(salt: 0)

    /// How much of it there is.
    struct Extent: Sendable {
        /// Of the two big files, in bytes. Small enough to stay in the host's page cache: what is measured is the backend.
        var fileSize: UInt64 = 64 << 20
        /// Small files with content.
        var smallFiles = 1000
        /// Files in the one directory that is listed.
        var listedFiles = 10_000
        /// Files below the directories that are walked.
        var walkedFiles = 100_000
    }

    /// Absolute.
    let path: String
    let extent: Extent

    /// Makes the tree.
    ///
    /// - Parameters:
    ///   - path: A directory that is not there yet.
    ///   - extent: How many files of each kind.
    /// - Throws: What the host refused, as a `BackendFault`.
    init(at path: String, extent: Extent) throws(BackendFault) {
        self.path = path
        self.extent = extent
        try BackendFault.wrapping("make files in \(path)") { () throws(Errno) in try make() }
    }

    /// Removes all of it.
    func remove() { WorkDirectory.remove(FilePath(path)) }

    /// How many directories the walked files are in.
    var walkedDirectories: Int { (extent.walkedFiles + Self.filesPerDirectory - 1) / Self.filesPerDirectory }

    // Names below the tree.
    static let smallDirectory = "small", listedDirectory = "listed", walkedDirectory = "walked"
    static let scratchDirectory = "scratch", readFile = "read", writtenFile = "written"

    /// Name of file number `number`, also of a directory of them: its digits are what listings are checked by.
    static func name(_ number: Int) -> String {
        let digits = String(number)
        return "f" + String(repeating: "0", count: 6 - min(6, digits.count)) + digits
    }

    /// Opens a file of it.
    func open(_ name: String, flags: CInt, mode: UInt32 = 0) throws(Errno) -> Descriptor {
        try Descriptor(result: cl_openat(CL_AT_FDCWD, "\(path)/\(name)", flags, mode))
    }

    private func make() throws(Errno) {
        try checked(cl_mkdirat(CL_AT_FDCWD, path, 0o755))
        for name in [Self.smallDirectory, Self.listedDirectory, Self.walkedDirectory, Self.scratchDirectory] {
            try checked(cl_mkdirat(CL_AT_FDCWD, "\(path)/\(name)", 0o755))
        }
        for name in [Self.readFile, Self.writtenFile] {
            let file = try open(name, flags: O_CREAT | O_RDWR, mode: 0o644)
            try fill(file, size: extent.fileSize)
            // Where a file system has none, the workload that reads it says so.
            _ = cl_setxattr_held(file.number, Self.attributeName, Self.attributeValue, Self.attributeValue.count, 0)
        }
        let small = try open(Self.smallDirectory, flags: O_DIRECTORY)
        for number in 0..<extent.smallFiles {
            let file = try Descriptor(
                result: cl_openat(small.number, Self.name(number), O_CREAT | O_WRONLY, 0o644))
            try fill(file, size: UInt64(Self.pageSize))
        }
        try makeFiles(0..<extent.listedFiles, in: Self.listedDirectory)
        for directory in 0..<walkedDirectories {
            let name = "\(Self.walkedDirectory)/\(Self.name(directory))"
            try checked(cl_mkdirat(CL_AT_FDCWD, "\(path)/\(name)", 0o755))
            let first = directory * Self.filesPerDirectory
            try makeFiles(first..<min(first + Self.filesPerDirectory, extent.walkedFiles), in: name)
        }
    }

    /// Files that are told apart by their sizes: each has as many bytes as its number, all of them a hole.
    private func makeFiles(_ numbers: Range<Int>, in name: String) throws(Errno) {
        let directory = try open(name, flags: O_DIRECTORY)
        for number in numbers {
            let file = try Descriptor(
                result: cl_openat(directory.number, Self.name(number), O_CREAT | O_WRONLY, 0o644))
            try checked(cl_ftruncate(file.number, Int64(number)))
        }
    }

    private func fill(_ file: borrowing Descriptor, size: UInt64) throws(Errno) {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
        defer { block.deallocate() }
        block.initializeMemory(as: UInt8.self, repeating: 0x5A)
        var offset: UInt64 = 0
        while offset < size {
            let part = UnsafeMutableRawBufferPointer(rebasing: block[0..<Int(min(size - offset, UInt64(block.count)))])
            Self.stamp.store(in: part, offset: offset)
            guard let start = part.baseAddress else { return }
            guard try checked(cl_write(file.number, start, part.count)) == part.count else { throw .noSpace }
            offset += UInt64(part.count)
        }
    }
}
