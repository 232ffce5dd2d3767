import CAgent

/// The guest's root directory.
enum Root {
    private static let place: Text = "/sysroot"

    /// Leaves the initramfs for the root that the settings name.
    static func enter(_ root: RootSetting) throws(Failure) {
        guard case .child(let bucket, let subname, let style) = root else { return }
        try Aggregate.mount(bucket)
        // A machine's own clock counts whole seconds: what the host has just written would be of the future.
        _ = Aggregate.path(of: bucket).withCString { agent_take_time($0) }
        try attempt("make \(place)") { () throws(Errno) in try Files.makeDirectory(place) }
        switch style {
        case .overlay: try layOver(subname, of: bucket)
        case .direct:
            try attempt("bind the root") { () throws(Errno) in
                try Aggregate.bind(.init(subname, of: bucket), at: place)
            }
        }
        for directory in SystemMounts.topLevel {
            try attempt("mount \(directory) in the root, which needs a directory of that name") { () throws(Errno) in
                if style == .overlay { try Files.makeDirectory("\(place)\(directory)") }
                try Mount.move(directory, to: "\(place)\(directory)")
            }
        }
        if style == .overlay { try addTemporaryFiles() }
        try attempt("enter the root") { () throws(Errno) in
            try checked(place.withCString { chdir($0) })
            try Mount.move(".", to: "/")
            try checked(chroot("."))
            try checked(chdir("/"))
        }
    }

    /// Mounts an overlay whose changes are in the guest's memory.
    private static func layOver(_ subname: [UInt8], of bucket: Bucket) throws(Failure) {
        let lower: Text = "\(Aggregate.directory)/lower"
        let changes: Text = "\(Aggregate.directory)/changes"
        try attempt("bind the root") { () throws(Errno) in
            // By a bind, not by its path: in an overlay's options a name must not have `:` or `,` in it.
            try Files.makeDirectory(lower)
            try Aggregate.bind(.init(subname, of: bucket), at: lower)
        }
        try attempt("mount an overlay over the root") { () throws(Errno) in
            try Files.makeDirectory(changes)
            try Mount.attach("tmpfs", from: "tmpfs", at: changes, options: "mode=0755")
            try Files.makeDirectory("\(changes)/upper")
            try Files.makeDirectory("\(changes)/work")
            try Mount.attach(
                "overlay", from: "overlay", at: place,
                options: "lowerdir=\(lower),upperdir=\(changes)/upper,workdir=\(changes)/work")
        }
    }

    /// Gives programs the directories that they count on and that the host's own are not shared for.
    private static func addTemporaryFiles() throws(Failure) {
        try attempt("mount tmpfs on /tmp") { () throws(Errno) in
            try Files.makeDirectory("\(place)/tmp")
            try Mount.attach(
                "tmpfs", from: "tmpfs", at: "\(place)/tmp", flags: MS_NOSUID | MS_NODEV, options: "mode=1777")
        }
        try attempt("make /root") { () throws(Errno) in try Files.makeDirectory("\(place)/root", mode: 0o700) }
    }
}
