internal import ArgumentParser
internal import Linux
internal import Machine
internal import Sandbox
internal import SystemPackage

/// `sheaf serve`: only the file server, for a frontend that somebody else starts.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve shares on a socket, for a QEMU (or another vhost-user frontend) of your own.",
        usage: "sheaf serve --socket PATH [--ro] [-v SRC[,name=NAME]]...",
        discussion: """
            All shares are directories or files below the root of one virtio-fs device. Runs in the foreground until Ctrl-C, and
            serves the next frontend when one leaves.

              sheaf serve --socket /tmp/fs.sock -v ~/src,name=src -v ~/models,name=models
              qemu-system-x86_64 ... \\
                -object memory-backend-memfd,id=mem,size=1G,share=on -machine q35,memory-backend=mem -m 1G \\
                -chardev socket,id=fs,path=/tmp/fs.sock \\
                -device vhost-user-fs-pci,chardev=fs,tag=sheaf,queue-size=1024
              mount -t virtiofs sheaf /mnt                (in the guest: then there are /mnt/src and /mnt/models)

            sheaf share add and rm work while it runs, also before a guest is there.

            Without a name a share is named by 32 hexadecimal digits made of its path and access.
            """)

    @Option(help: ArgumentHelp("Where to listen.", valueName: "PATH"))
    var socket: String

    @Flag(help: "Let no guest change anything.")
    var ro = false

    @Option(
        name: [.short, .customLong("share")],
        help: ArgumentHelp("A host directory or file to share (repeatable).", valueName: "SRC[,name=NAME]"),
        transform: ShareArgument.checked)
    var v: [ShareRequest] = []

    @Option(help: ArgumentHelp("Its name for ps, status and share (default: serve-PID).", valueName: "NAME"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Where other commands reach it: they take this path for a VM's name. It has no other name then.",
            valueName: "PATH"))
    var control: String?

    @Option(
        help: ArgumentHelp("What your QEMU calls the device, for the lines that share add prints.", valueName: "TAG"))
    var tag: String?

    @Option(help: Polling.help)
    var poll = Polling.auto

    @Option(
        help: ArgumentHelp(
            "A system call that the file server has no use for: kill, log or off.",
            discussion: "kill ends the launcher and says which call it was; off sets no limit.", valueName: "WHAT"))
    var seccomp = SeccompMode.kill

    @Flag(name: .shortAndLong, help: "Say nothing but errors.")
    var quiet = false

    func validate() throws {
        if let name { try MachineName.check(name) }
        guard name == nil || control == nil else {
            throw ValidationError("--name and --control exclude each other: with --control it is reached by that path")
        }
        for share in v where share.isReadOnly && !ro {
            throw ValidationError("'\(share.source)' is ro in a device that is not: use --ro for the whole device")
        }
        for share in v where share.target != nil {
            throw ValidationError("'\(share.source)' has a target, but here the guest mounts the device by itself")
        }
    }

    func run() throws {
        let isQuiet = quiet
        try saying(exit: 125) { () throws(LaunchError) in
            let server = try FileServer(
                path: absolutePath(socket), shares: v, isReadOnly: ro, mayPoll: poll == .auto, name: name,
                controlSocket: control.map(absolutePath), seccomp: seccomp
            ) { line in
                if !isQuiet { FileDescriptor.standardError.say("sheaf: \(line)") }
            }
            if seccomp != .kill, !isQuiet {
                FileDescriptor.standardError.say(
                    "sheaf: --seccomp \(seccomp.rawValue): the file server may make any system call")
            }
            let point = ControlPoint(of: server, tag: tag ?? server.tag, isQuiet: quiet)
            try withExtendedLifetime(point) { () throws(LaunchError) in try server.run() }
        }
    }
}
