/// The shares that are bound to targets of the guest.
struct Shares {
    /// Their targets, in the order of mounting.
    private(set) var targets: [Text] = []

    /// Binds a share to its target.
    static func bind(_ share: ShareSetting) throws(Failure) {
        try Aggregate.mount(share.bucket)
        let target = Text(share.target)
        try attempt("mount the share on \(target)") { () throws(Errno) in
            // What is mounted on `/` is below the agent's own root and would never be seen.
            guard target.bytes.contains(where: { $0 != 0x2f }) else { throw .invalidArgument }
            try Files.withDirectories(target) { () throws(Errno) in
                try Aggregate.bind(share.subname, of: share.bucket, at: target)
            }
        }
    }

    /// Takes a share from its target.
    static func unbind(_ request: UnmountRequest) throws(Failure) {
        let target = Text(request.target)
        try attempt("unmount \(target)") { () throws(Errno) in
            try Mount.detach(target, lazily: request.isLazy)
        }
    }

    /// Remembers a target for the end.
    mutating func add(_ target: [UInt8]) { targets.append(Text(target)) }

    /// Forgets a target's last mount.
    mutating func remove(_ target: [UInt8]) {
        if let index = targets.lastIndex(of: Text(target)) { targets.remove(at: index) }
    }

    /// Unmounts everything, the last first.
    mutating func removeAll() {
        while let target = targets.popLast() {
            if (try? Mount.detach(target, lazily: false)) == nil { try? Mount.detach(target, lazily: true) }
        }
        for bucket in [Bucket.readWrite, .readOnly] {
            try? Mount.detach(Aggregate.path(of: bucket), lazily: true)
        }
    }
}
