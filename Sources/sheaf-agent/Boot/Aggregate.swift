import CAgent

/// An aggregate's hidden mount, below which each of its shares is a directory or a file.
enum Aggregate {
    /// Where the hidden mounts are.
    static let directory: Text = "/run/sheaf"

    /// Where this bucket's children are.
    static func path(of bucket: Bucket) -> Text { "\(directory)/\(bucket.name)" }

    /// Mounts a bucket, once; again where its device went and came back, for what was mounted then is dead for good.
    ///
    /// A device that has just been plugged in needs a moment, during which the kernel has several words for "no such
    /// tag".
    static func mount(_ bucket: Bucket) throws(Failure) {
        let path = path(of: bucket)
        try attempt("mount the shares of sheaf-\(bucket.name)") { () throws(Errno) in
            try Files.makeDirectory(path)
            while Files.isDisconnected(path) { try Mount.detach(path, lazily: true) }
            let end = Clock.now + 2000
            while !Files.isMountPoint(path) {
                do throws(Errno) {
                    // With it, what was read has not changed its access time, and its attributes need not be asked for.
                    let flags = bucket == .fixed ? MS_RDONLY : 0
                    try Mount.attach("virtiofs", from: "sheaf-\(bucket.name)", at: path, flags: flags)
                } catch {
                    if Files.isMountPoint(path) { return }
                    guard isPassing(error), Clock.now < end else { throw error }
                    Clock.sleep(milliseconds: 20)
                }
            }
            if bucket == .writeback { liftDirtyLimit(of: path) }
        }
    }

    /// Lets as much data wait to be written as of any other file system that is as fast: Linux grants one of FUSE a
    /// hundredth of that, and makes writers wait for the rest.
    private static func liftDirtyLimit(of path: Text) {
        var status = stat()
        _ = path.withCString { stat($0, &status) }
        // A file system without a block device has the major number 0. Of the minor's bits the low eight come first.
        let minor = Int(status.st_dev & 0xff | status.st_dev >> 12 & 0xfff00)
        let limit = try? Descriptor(opening: "/sys/class/bdi/0:\(minor)/max_ratio", O_WRONLY)
        if let limit { ("100" as StaticString).withCharacters { _ = write(limit.number, $0, 3) } }
    }

    /// A share in an aggregate.
    struct Child {
        let bucket: Bucket
        let path: Text
        /// Whether it is a directory, and not a file.
        let isDirectory: Bool

        /// Looks for a child; the host may have added it a moment ago.
        init(_ subname: [UInt8], of bucket: Bucket) throws(Errno) {
            guard isPathComponent(subname) else { throw .invalidArgument }
            self.bucket = bucket
            path = "\(Aggregate.path(of: bucket))/\(subname)"
            var tries = 1
            while true {
                do throws(Errno) {
                    isDirectory = try Files.isDirectory(path)
                    return
                } catch .noSuchFile where tries < 5 {
                    tries += 1
                    Clock.sleep(milliseconds: 50)
                }
            }
        }
    }

    /// Shows a child at `target`, where there is an entry of its kind.
    static func bind(_ child: Child, at target: Text) throws(Errno) {
        try Mount.bind(child.path, at: target)
        do throws(Errno) {
            if child.bucket == .readOnly || child.bucket == .fixed { try Mount.makeReadOnly(target) }
            // An overlay above it would otherwise see a directory of no mode at all.
            _ = try Files.isDirectory(target)
        } catch {
            try? Mount.detach(target, lazily: true)
            throw error
        }
    }

    private static func isPassing(_ error: Errno) -> Bool {
        switch error.code {
        case EINVAL, ENOENT, ENXIO, EIO: true
        default: false
        }
    }
}
