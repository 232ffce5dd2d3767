import CAgent

/// The kernel's own file systems, which every guest has.
enum SystemMounts {
    /// One of them.
    private struct Entry {
        var type: StaticString
        var target: StaticString
        var options: StaticString = ""
        var flags: Int32 = MS_NOSUID | MS_NODEV | MS_NOEXEC
    }

    /// Those that a new root takes over, with all that is mounted below them.
    static let topLevel: [Text] = ["/proc", "/sys", "/dev", "/run"]

    /// Mounts what programs cannot do without, then what the kernel may have been built without.
    static func attach() throws(Failure) {
        let needed: [Entry] = [
            Entry(type: "proc", target: "/proc"),
            Entry(type: "sysfs", target: "/sys"),
            Entry(type: "devtmpfs", target: "/dev", options: "mode=0755", flags: MS_NOSUID),
            Entry(
                type: "devpts", target: "/dev/pts", options: "gid=5,mode=0620,ptmxmode=0666",
                flags: MS_NOSUID | MS_NOEXEC),
            Entry(type: "tmpfs", target: "/dev/shm", options: "mode=1777", flags: MS_NOSUID | MS_NODEV),
            Entry(type: "tmpfs", target: "/run", options: "mode=0755", flags: MS_NOSUID | MS_NODEV),
        ]
        for entry in needed {
            try attempt("mount \(entry.type) on \(entry.target)") { () throws(Errno) in try attach(entry) }
        }
        try attempt("make \(Aggregate.directory)") { () throws(Errno) in
            // 0700: below it every share can be seen, also by those who may not enter its target.
            try Files.makeDirectory(Aggregate.directory, mode: 0o700)
        }
        let optional: [Entry] = [
            Entry(type: "cgroup2", target: "/sys/fs/cgroup"),
            Entry(type: "bpf", target: "/sys/fs/bpf"),
            Entry(type: "securityfs", target: "/sys/kernel/security"),
            Entry(type: "debugfs", target: "/sys/kernel/debug"),
            Entry(type: "tracefs", target: "/sys/kernel/tracing"),
        ]
        for entry in optional { try? Mount.attach(entry.type, at: entry.target, entry.flags, entry.options) }
        linkStandardStreams()
    }

    private static func attach(_ entry: Entry) throws(Errno) {
        try Files.makeDirectory("\(entry.target)")
        do throws(Errno) {
            try Mount.attach(entry.type, at: entry.target, entry.flags, entry.options)
        } catch .isBusy {
            // The kernel has mounted devtmpfs itself.
        }
    }

    /// Makes the names that devtmpfs leaves to user space and shells count on.
    private static func linkStandardStreams() {
        try? Files.link("/dev/fd", to: "/proc/self/fd")
        try? Files.link("/dev/stdin", to: "/proc/self/fd/0")
        try? Files.link("/dev/stdout", to: "/proc/self/fd/1")
        try? Files.link("/dev/stderr", to: "/proc/self/fd/2")
        try? Files.makeDirectory("/run/lock", mode: 0o1777)
    }
}
