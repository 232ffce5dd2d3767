import CAgent

/// The system calls around mounts.
enum Mount {
    /// Mounts a file system.
    static func attach(
        _ type: Text, from source: Text, at target: Text, flags: Int32 = 0, options: Text = ""
    ) throws(Errno) {
        try checked(
            source.withCString { source in
                target.withCString { target in
                    type.withCString { type in
                        options.withCString { mount(source, target, type, UInt(flags), $0) }
                    }
                }
            })
    }

    /// Mounts a file system of the kernel's own, which comes from nowhere.
    static func attach(
        _ type: StaticString, at target: StaticString, _ flags: Int32, _ options: StaticString
    ) throws(Errno) {
        try checked(
            type.withCharacters { type in
                target.withCharacters { target in
                    options.withCharacters { mount(type, target, type, UInt(flags), $0) }
                }
            })
    }

    /// Shows a directory at a second place.
    static func bind(_ source: Text, at target: Text) throws(Errno) {
        try attach("", from: source, at: target, flags: MS_BIND)
    }

    /// Makes a bind mount read-only. Never without MS_BIND, which would change the file system under all its mounts.
    static func makeReadOnly(_ target: Text) throws(Errno) {
        try attach("", from: "", at: target, flags: MS_BIND | MS_REMOUNT | MS_RDONLY)
    }

    /// Moves a mount, with all that is mounted below it.
    static func move(_ source: Text, to target: Text) throws(Errno) {
        try attach("", from: source, at: target, flags: MS_MOVE)
    }

    /// Unmounts; lazily where it may still be in use.
    static func detach(_ target: Text, lazily: Bool) throws(Errno) {
        try checked(target.withCString { umount2($0, UMOUNT_NOFOLLOW | (lazily ? MNT_DETACH : 0)) })
    }
}
