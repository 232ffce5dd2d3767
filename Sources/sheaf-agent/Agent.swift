import CAgent

/// The entry point: SwiftPM makes `main` another name of it.
@_cdecl("sheaf_agent_main")
func main(_ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    guard getpid() == 1 else {
        Console.log("this is the first process of a guest, and runs as nothing else")
        return 1
    }
    var agent = Agent()
    agent.run()
}

/// The first process of a guest: boots it, runs what the launcher asks for, ends it.
struct Agent {
    private var link: Link?
    private var shares = Shares()

    /// Lives the guest's life.
    mutating func run() -> Never {
        var ending = Supervisor.Ending.powerOff
        do throws(Failure) {
            let supervisor = try boot()
            ending = supervisor.run()
            shares = supervisor.shares
        } catch {
            Console.log(error)
            link?.send(error, session: 0)
            link?.drain(for: 1000)
        }
        PowerOff.perform(ending, &shares)
    }

    /// Everything up to `ready`.
    private mutating func boot() throws(Failure) -> Supervisor {
        try SystemMounts.attach()
        Console.open()
        let signals = try attempt("take signals") { () throws(Errno) in
            Descriptor(owning: try unwrapped(agent_become_init()))
        }
        Modules.load()

        let link = Link(over: try Port.open())
        self.link = link
        link.send(.hello, [linkVersion] + kernelRelease().bytes)
        let settings = try receiveSettings(over: link)

        try Root.enter(settings.root)
        Identity.assume(settings)
        for share in settings.shares {
            shares.add(share, made: try Shares.bind(share))
        }
        link.send(.ready)
        return Supervisor(link: link, signals: signals, shares: shares)
    }

    /// The settings on the kernel command line, then those that come over the link before `begin`.
    private func receiveSettings(over link: Link) throws(Failure) -> Settings {
        var settings = Settings()
        let commandLine = try attempt("read the kernel command line") { () throws(Errno) in
            try Files.content(of: "/proc/cmdline")
        }
        try settings.read(commandLine: commandLine)
        while let (header, payload) = link.waitForFrame() {
            switch FrameKind(rawValue: header.kind) {
            case .setting: try settings.read(frame: payload)
            case .begin:
                try settings.validate()
                return settings
            case .powerOff: throw Failure(attempt: "boot: the launcher has changed its mind", reason: .canceled)
            default: break
            }
        }
        throw Failure(attempt: "receive settings: the launcher is gone", reason: .brokenPipe)
    }

    private func kernelRelease() -> Text {
        var names = utsname()
        guard uname(&names) == 0 else { return "" }
        return withUnsafeBytes(of: &names.release) { Text([UInt8]($0.prefix { $0 != 0 })) }
    }
}
