internal import Glibc
internal import Linux
internal import SystemPackage

/// A live VM's directory in its user's ``RuntimePlace``: its name is the VM's, and it goes with it.
///
/// Who holds the lock on the file `lock` in it is the VM. The kernel lets go of the lock however the launcher ends, so a
/// directory whose lock is free is a dead one's, to be removed or taken over.
final class RuntimeDirectory {
    /// Why a VM has no directory.
    enum Failure: Error, CustomStringConvertible {
        /// A live VM has the name.
        case taken(String)
        /// The directory cannot be had: a sentence.
        case unusable(String)

        /// Whether a live VM has the name.
        var isTaken: Bool {
            if case .taken = self { true } else { false }
        }

        var description: String {
            switch self {
            case .taken(let name):
                "a VM named '\(name)' runs already: give another --name, or end that one (see sheaf ps)"
            case .unusable(let text): text
            }
        }
    }

    /// What a directory turned out to be.
    enum Finding {
        case live, removed, foreign
    }

    /// The control socket's name in the directory.
    static let socketName = "control.sock"
    private static let lockName = "lock"

    /// The VM's name.
    let name: String
    private let path: FilePath
    private let lock: Descriptor

    /// Where the control socket belongs; nothing is there yet.
    var controlSocket: FilePath { path.appending(Self.socketName) }

    /// Claims a directory, new or a dead VM's.
    ///
    /// - Parameters:
    ///   - name: One path component.
    ///   - place: Made where it is not there.
    /// - Throws: `.taken` where a live VM has the name, or why there can be no directory.
    init(named name: String, in place: RuntimePlace) throws(Failure) {
        let path = place.path.appending(name)
        // Whoever removes dead directories may be at this one right now, for a moment.
        for _ in 0..<10 {
            try place.make()
            guard mkdir(path.string, 0o700) == 0 || errno == EEXIST else {
                if errno == ENOENT { continue }
                throw .unusable("'\(path)' cannot be made: \(Errno(rawValue: errno).explained)")
            }
            var number = open(Self.lock(of: path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard number >= 0 else {
                if errno == ENOENT { continue }
                throw .unusable("'\(path)/\(Self.lockName)' cannot be made: \(Errno(rawValue: errno).explained)")
            }
            let lock = Descriptor(owning: number)
            number = lock.number
            if flock(number, LOCK_EX | LOCK_NB) == 0, Self.isStill(number, at: Self.lock(of: path)) {
                unlink(path.appending(Self.socketName).string)
                self.name = name
                self.path = path
                self.lock = lock
                return
            }
            usleep(20_000)
        }
        throw .taken(name)
    }

    /// Removes the directory, and the place with it where it was the last.
    func remove() {
        Self.removeAll(of: path)
        rmdir(path.removingLastComponent().string)
    }

    /// Removes a directory whose VM is dead; leaves what is not a VM's alone.
    static func removeIfStale(_ path: FilePath) -> Finding {
        let number = open(lock(of: path), O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard number >= 0 else { return .foreign }
        let lock = Descriptor(owning: number)
        guard flock(lock.number, LOCK_EX | LOCK_NB) == 0 else { return .live }
        // Another may have removed it, or claimed it anew, since it was opened.
        guard isStill(lock.number, at: Self.lock(of: path)) else { return .removed }
        removeAll(of: path)
        return .removed
    }

    /// Removes what a VM has in its directory, the lock last, and nothing that is not known.
    private static func removeAll(of path: FilePath) {
        unlink(path.appending(socketName).string)
        unlink(lock(of: path))
        rmdir(path.string)
    }

    private static func lock(of path: FilePath) -> String { path.appending(lockName).string }

    /// Whether an open file is the one that stands at a path.
    private static func isStill(_ number: CInt, at path: String) -> Bool {
        var open = stat()
        var there = stat()
        return fstat(number, &open) == 0 && lstat(path, &there) == 0 && open.st_ino == there.st_ino
            && open.st_dev == there.st_dev
    }
}
