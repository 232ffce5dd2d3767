internal import FileService
internal import GuestLink
internal import ShareHost
internal import SystemPackage

internal import enum ShareHost.Bucket

/// A share that the host serves and the guest mounts.
struct ServedShare {
    /// Its aggregate.
    var bucket: Bucket
    /// Its name there.
    var subname: String
    /// The host directory or file, resolved.
    var source: String
    /// Where the guest has it.
    var target: String
    /// How it is served.
    var options: ChildOptions

    /// A share of the host's, at a target.
    init(_ share: Share, target: String) {
        bucket = share.bucket
        subname = share.subname
        source = share.hostPath.string
        self.target = target
        options = share.options
    }

    /// The share as the agent is told of it.
    var setting: ShareSetting {
        ShareSetting(bucket: bucket.onLink, subname: Array(subname.utf8), target: Array(target.utf8))
    }
}

extension Share {
    /// The share at a target as the agent is told of it.
    func setting(at target: String) -> ShareSetting {
        ShareSetting(bucket: bucket.onLink, subname: Array(subname.utf8), target: Array(target.utf8))
    }
}

extension ShareHost {
    /// Adds all shares that the user asked for.
    ///
    /// - Returns: Each with its target, one that is asked for twice only once, in an order in which they can be mounted: a
    ///   target below another comes after it.
    /// - Throws: What is wrong with the first that cannot be had.
    func add(_ requests: [ShareRequest]) throws(LaunchError) -> [ServedShare] {
        var served: [ServedShare] = []
        for request in requests {
            guard request.name != RootSelection.subname else {
                throw LaunchError(
                    "cannot share \(request.source) as '\(RootSelection.subname)': the guest's root has that name; "
                        + "give another name=")
            }
            // Without a target it appears at its own, canonical path.
            let source = try share(request, at: nil).hostPath
            let target = (request.target.map { FilePath($0) } ?? source).lexicallyNormalized()
            try ShareTarget.check(target, for: source)
            let share = try share(request, at: target.string)
            let isRepeated = served.contains {
                $0.bucket == share.bucket && $0.subname == share.subname && $0.target == target.string
            }
            if isRepeated { continue }
            served.append(ServedShare(share, target: target.string))
        }
        // The guest's root is in this aggregate only where the guest writes it through.
        let root = share(named: RootSelection.subname, in: .readWrite)?.hostPath
        try ShareTarget.checkMountPoints(of: served, root: root)
        let depths = served.map { FilePath($0.target).components.count }
        return served.indices.sorted { (depths[$0], $0) < (depths[$1], $1) }.map { served[$0] }
    }

    private func share(_ request: ShareRequest, at target: String?) throws(LaunchError) -> Share {
        do throws(ShareError) {
            return try add(
                request.source, access: request.isReadOnly ? .readOnly : .readWrite, name: request.name, target: target,
                options: request.options
            ).share
        } catch {
            throw LaunchError(error.description)
        }
    }

    /// Adds the guest's root, where it comes from the host.
    ///
    /// - Returns: What the agent is told of it, and the share.
    /// - Throws: What is wrong with the directory.
    func addRoot(_ root: RootSelection) throws(LaunchError) -> (setting: RootSetting, share: ServedShare?) {
        let path: FilePath
        var isWritable = false
        var options = ChildOptions()
        switch root {
        case .none: return (.none, nil)
        case .host(let everything):
            path = "/"
            options.hidesPersonalData = !everything
        case .directory(let directory, let writable):
            path = directory
            isWritable = writable
        }
        do throws(ShareError) {
            let share = try add(
                path, access: isWritable ? .readWrite : .readOnly, name: RootSelection.subname, target: "/",
                options: options
            ).share
            guard !share.isFile else { throw ShareError.source(share.hostPath, .notDirectory) }
            let setting = RootSetting.child(
                share.bucket.onLink, subname: Array(share.subname.utf8), isWritable ? .direct : .overlay)
            return (setting, ServedShare(share, target: "/"))
        } catch {
            throw LaunchError("the guest's root: \(error)")
        }
    }
}

extension Bucket {
    /// The bucket as the link names it.
    var onLink: GuestLink.Bucket {
        switch self {
        case .readWrite: .readWrite
        case .readOnly: .readOnly
        case .writeback: .writeback
        case .fixed: .fixed
        }
    }
}
