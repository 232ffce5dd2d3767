/// The shares that are bound to targets of the guest.
struct Shares {
    /// A share at its target.
    private struct Place {
        var share: ShareSetting
        /// How many entries were made for it, the last ones on the path: directories, and for a file an empty one.
        var made: Int

        var target: Text { Text(share.target) }
    }

    /// In the order of mounting.
    private var places: [Place] = []

    /// Binds a share to its target.
    ///
    /// - Returns: How many entries of the path were made for it.
    static func bind(_ share: ShareSetting) throws(Failure) -> Int {
        try Aggregate.mount(share.bucket)
        let target = Text(share.target)
        return try attempt("mount the share on \(target)") { () throws(Errno) in
            // What is mounted on `/` is below the agent's own root and would never be seen.
            guard target.bytes.contains(where: { $0 != 0x2f }) else { throw .invalidArgument }
            let child = try Aggregate.Child(share.subname, of: share.bucket)
            return try Files.withEntry(target, isDirectory: child.isDirectory) { () throws(Errno) in
                try Aggregate.bind(child, at: target)
            }
        }
    }

    /// Takes a share from its target, and away what was made for it.
    func unbind(_ request: UnmountRequest) throws(Failure) {
        let target = Text(request.target)
        try attempt("unmount \(target)") { () throws(Errno) in
            try Mount.detach(target, lazily: request.isLazy)
        }
        if let place = places.last(where: { $0.target == target }) {
            Files.removeEntries(target, count: place.made)
        }
    }

    /// Binds those shares again whose device was away.
    func recover() throws(Failure) {
        var dead: [Place] = []
        for place in places {
            // What is below a dead one is out of reach, and goes with it.
            let isBelow = dead.contains { place.target.hasPrefix("\($0.target)/") }
            if isBelow || Files.isDisconnected(place.target) { dead.append(place) }
        }
        for place in dead.reversed() { try? Mount.detach(place.target, lazily: true) }
        var failure: Failure?
        for place in dead {
            do throws(Failure) {
                _ = try Shares.bind(place.share)
            } catch {
                if failure == nil { failure = error }
            }
        }
        if let failure { throw failure }
    }

    /// Remembers a share for the end, and how many entries of its path were made for it.
    mutating func add(_ share: ShareSetting, made: Int) {
        places.append(Place(share: share, made: made))
    }

    /// Forgets a target's last mount.
    mutating func remove(_ target: [UInt8]) {
        let target = Text(target)
        if let index = places.lastIndex(where: { $0.target == target }) { places.remove(at: index) }
    }

    /// Unmounts everything, the last first.
    mutating func removeAll() {
        while let target = places.popLast()?.target {
            if (try? Mount.detach(target, lazily: false)) == nil { try? Mount.detach(target, lazily: true) }
        }
        for bucket in Bucket.all {
            try? Mount.detach(Aggregate.path(of: bucket), lazily: true)
        }
    }
}
