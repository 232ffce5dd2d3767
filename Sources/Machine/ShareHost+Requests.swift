internal import FileService
internal import GuestLink
internal import ShareHost
internal import enum ShareHost.Bucket
internal import SystemPackage

/// A share that the host serves and the guest mounts.
struct ServedShare {
    /// Its aggregate.
    var bucket: Bucket
    /// Its name there.
    var subname: String
    /// The host directory, resolved.
    var source: String
    /// Where the guest has it.
    var target: String
    /// Whether people's data is hidden in it.
    var hidesPersonalData: Bool

    /// A share of the host's, at a target.
    init(_ share: Share, target: String) {
        bucket = share.bucket
        subname = share.subname
        source = share.hostPath.string
        self.target = target
        hidesPersonalData = share.options.hidesPersonalData
    }

    /// The share as the agent is told of it.
    var setting: ShareSetting {
        ShareSetting(bucket: bucket.onLink, subname: Array(subname.utf8), target: Array(target.utf8))
    }
}

extension ShareHost {
    /// Adds all shares that the user asked for.
    ///
    /// - Returns: Each with its target, in an order in which they can be mounted: a target below another comes after it.
    /// - Throws: What is wrong with the first that cannot be had.
    func add(_ requests: [ShareRequest]) throws(LaunchError) -> [ServedShare] {
        var served: [ServedShare] = []
        for request in requests {
            let access: Access = request.isReadOnly ? .readOnly : .readWrite
            let options = ChildOptions(hidesPersonalData: request.hidesPersonalData)
            guard request.name != RootSelection.subname else {
                throw LaunchError(
                    "cannot share \(request.source) as '\(RootSelection.subname)': the guest's root has that name; give another name=")
            }
            do throws(ShareError) {
                var share = try add(request.source, access: access, name: request.name, target: request.target, options: options).share
                // Without a target it appears at its own, canonical path.
                let target = request.target ?? share.hostPath.string
                if request.target == nil {
                    share = try add(request.source, access: access, name: request.name, target: target, options: options).share
                }
                served.append(ServedShare(share, target: target))
            } catch {
                throw LaunchError(error.description)
            }
        }
        let depths = served.map { FilePath($0.target).components.count }
        return served.indices.sorted { (depths[$0], $0) < (depths[$1], $1) }.map { served[$0] }
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
    fileprivate var onLink: GuestLink.Bucket {
        switch self {
        case .readWrite: .readWrite
        case .readOnly: .readOnly
        }
    }
}
