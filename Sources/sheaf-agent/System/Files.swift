import CAgent

/// The file system, by path.
enum Files {
    /// A file's content, up to `limit` bytes.
    static func content(of path: Text, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
        let file = try Descriptor(opening: path, O_RDONLY)
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while content.count < limit {
            let count = try chunk.withUnsafeMutableBufferPointer { (bytes) throws(Errno) in
                try file.read(into: UnsafeMutableRawBufferPointer(bytes))
            }
            if count == 0 { break }
            content.append(contentsOf: chunk[..<count])
        }
        return content
    }

    /// True where the path leads to something.
    static func exists(_ path: Text) -> Bool { path.withCString { access($0, F_OK) } == 0 }

    /// True where the path leads to a file that may be executed.
    static func isExecutable(_ path: Text) -> Bool { path.withCString { access($0, X_OK) } == 0 }

    /// True where a file system begins at this directory.
    static func isMountPoint(_ path: Text) -> Bool {
        var here = stat()
        var above = stat()
        guard path.withCString({ stat($0, &here) }) == 0, ("\(path)/.." as Text).withCString({ stat($0, &above) }) == 0
        else { return false }
        return here.st_dev != above.st_dev
    }

    /// True where the device of the file system at this path has gone.
    static func isDisconnected(_ path: Text) -> Bool {
        path.withCString { agent_probe_file_system($0) } == -ENOTCONN
    }

    /// True for a path that leads to a directory, false for one to anything else. The kernel knows the attributes after that.
    static func isDirectory(_ path: Text) throws(Errno) -> Bool {
        try unwrapped(path.withCString { agent_is_directory($0) }) != 0
    }

    /// Makes one directory; one that is there already will do.
    static func makeDirectory(_ path: Text, mode: mode_t = 0o755) throws(Errno) {
        do throws(Errno) {
            try checked(path.withCString { mkdir($0, mode) })
        } catch .fileExists {
        }
    }

    /// Makes a directory or an empty file, and the directories that lead to it, as far as they are not there; runs `body`,
    /// and takes back what was made if either fails.
    ///
    /// - Returns: How many entries were made: the last so many on the path.
    /// - Throws: EISDIR where a file is wanted and a directory is there; what `body` does.
    @discardableResult
    static func withEntry(
        _ path: Text, isDirectory: Bool, _ body: () throws(Errno) -> Void
    ) throws(Errno) -> Int {
        var tries = 1
        while true {
            var made = 0
            var end = 0
            do throws(Errno) {
                try makeEntries(path, isDirectory: isDirectory, &made, &end)
                if !isDirectory, try self.isDirectory(path) { throw .isDirectory }
                try body()
                return made
            } catch {
                // Somebody else may take the last share out of a directory that was there a moment ago.
                let hasVanished = error == .noSuchFile && !exists(path)
                removeEntries(Text([UInt8](path.bytes[..<end])), count: made)
                guard hasVanished, tries < 5 else { throw error }
                tries += 1
            }
        }
    }

    /// Counts what it makes, and says where on the path the last of it ends.
    private static func makeEntries(
        _ path: Text, isDirectory: Bool, _ made: inout Int, _ end: inout Int
    ) throws(Errno) {
        for name in path.bytes.split(separator: 0x2f) {
            let next = Text([UInt8](path.bytes[..<name.endIndex]))
            // Asking first keeps a file system that may not be written from saying so about what is there already.
            if exists(next) { continue }
            if !isDirectory, name.endIndex == path.bytes.endIndex {
                try checked(next.withCString { mknod($0, mode_t(S_IFREG) | 0o644, 0) })
            } else {
                try makeDirectory(next)
            }
            made += 1
            end = name.endIndex
        }
    }

    /// Takes away a directory or an empty file and the directory it is in, and so on, as many as `count`, as far as they are
    /// empty.
    static func removeEntries(_ path: Text, count: Int) {
        var bytes = path.bytes
        for _ in 0..<count {
            guard Text(bytes).withCString({ agent_remove_empty($0) }) == 0 else { return }
            while bytes.popLast() != 0x2f, !bytes.isEmpty {}
        }
    }

    /// Makes a symbolic link; one that is there already will do.
    static func link(_ path: Text, to destination: Text) throws(Errno) {
        do throws(Errno) {
            try checked(destination.withCString { to in path.withCString { symlink(to, $0) } })
        } catch .fileExists {
        }
    }

    /// Takes a file away.
    static func remove(_ path: Text) throws(Errno) { try checked(path.withCString { unlink($0) }) }

    /// The names in a directory, without `.` and `..`; none where it cannot be read.
    static func names(in path: Text) -> [Text] {
        guard let directory = path.withCString({ opendir($0) }) else { return [] }
        defer { closedir(directory) }
        var names: [Text] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                Text([UInt8](bytes.prefix { $0 != 0 }))
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
