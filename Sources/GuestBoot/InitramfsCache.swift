internal import CLinux
internal import Glibc
internal import Linux
internal import SystemPackage

/// A directory of finished archives, each found by how it begins.
///
/// An archive's name is a hash of its beginning, and an archive is taken only if it really begins so: a collision costs
/// another build and never gives somebody else's archive.
struct InitramfsCache {
    let directory: FilePath

    /// How long an archive is kept that nobody asked for, in seconds.
    private static let keptUnused: Int64 = 30 * 24 * 3600
    /// How old a file is that its writer has not given its name yet, before the writer must be gone, in seconds.
    private static let keptUnfinished: Int64 = 3600

    private static let unfinishedPrefix = ".unfinished-"

    /// The archive that begins so; nil where there is none.
    func find(beginningWith beginning: [UInt8]) -> FilePath? {
        let path = path(beginningWith: beginning)
        guard (try? HostFile(path).contents(limit: beginning.count)) == beginning else { return nil }
        // Used now: `prune` goes by this time. Where the cache cannot be written the archive is none the worse.
        _ = path.withPlatformString { utimensat(AT_FDCWD, $0, nil, 0) }
        return path
    }

    /// Keeps an archive. Whoever looks for it finds all of it or nothing, whatever happens in between.
    func store(_ archive: [UInt8], beginningWith beginning: [UInt8]) throws(InitramfsError) -> FilePath {
        let path = path(beginningWith: beginning)
        let unfinished = directory.appending(InitramfsCache.unfinishedPrefix + hexadecimal(.random(in: 0 ... .max)))
        do {
            try makeDirectories(directory)
            let flags = O_WRONLY | O_CREAT | O_EXCL
            let file = try Descriptor(
                result: unfinished.withPlatformString { cl_openat(CL_AT_FDCWD, $0, flags, 0o600) })
            do {
                try write(archive, to: file.number)
                // So that a power cut leaves no archive that only begins well.
                if fsync(file.number) != 0 { throw Errno(rawValue: errno) }
                try rename(unfinished, to: path)
            } catch {
                remove(unfinished)
                throw error
            }
        } catch let error as Errno {
            throw .cannotWrite(path, error)
        } catch {
            throw .cannotWrite(path, .ioError)
        }
        prune()
        return path
    }

    /// Removes what nobody has used for long.
    private func prune() {
        let now = Int64(time(nil))
        for name in names(in: directory) {
            let path = directory.appending(name)
            let isUnfinished = name.hasPrefix(InitramfsCache.unfinishedPrefix)
            guard isUnfinished || name.hasSuffix(".cpio"), let identity = try? FileIdentity(of: path) else { continue }
            let kept = isUnfinished ? InitramfsCache.keptUnfinished : InitramfsCache.keptUnused
            if now - identity.status.mtime_sec > kept { remove(path) }
        }
    }

    private func path(beginningWith beginning: [UInt8]) -> FilePath {
        // 64-bit FNV-1a.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in beginning { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return directory.appending(hexadecimal(hash) + ".cpio")
    }

    private func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private func rename(_ old: FilePath, to new: FilePath) throws(Errno) {
        let result = old.withPlatformString { old in new.withPlatformString { Glibc.rename(old, $0) } }
        if result != 0 { throw Errno(rawValue: errno) }
    }

    private func remove(_ path: FilePath) {
        // Somebody else may have been faster.
        _ = path.withPlatformString { unlink($0) }
    }
}
