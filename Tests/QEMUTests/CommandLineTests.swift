import EventLoop
import Linux
import QEMU
import Testing

@Suite struct CommandLineTests {
    private func makeHardware() -> Hardware {
        Hardware(
            name: "try", accelerator: .tcg, cpus: 2, memory: 512 << 20, kernel: "/boot/vmlinuz",
            initramfs: "/tmp/initrd",
            kernelCommandLine: "console=ttyS0 panic=-1", console: .file(path: "/tmp/a,b.log"))
    }

    @Test func smallestMachineHasExactlyTheseArguments() {
        #expect(
            makeHardware().commandLine(for: QEMUVersion(7, 2, 22)).arguments == [
                "-name", "try", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
                "-accel", "tcg", "-cpu", "max,-cx16", "-smp", "2", "-m", "512M",
                "-object", "memory-backend-memfd,id=mem,size=512M,share=on",
                "-machine", "q35,memory-backend=mem,vmport=off,smbus=off,sata=off,usb=off",
                "-kernel", "/boot/vmlinuz", "-initrd", "/tmp/initrd", "-append", "console=ttyS0 panic=-1",
                "-device", "pvpanic-pci", "-device", "virtio-rng-pci",
                "-chardev", "file,id=console,path=/tmp/a,,b.log", "-serial", "chardev:console",
            ])
    }

    @Test func channelsAndFileSystemsFollowTheirBackends() {
        var inherited = InheritedDescriptors()
        var hardware = makeHardware()
        hardware.console = inherited.add(10)
        hardware.agentLink = inherited.add(11)
        hardware.monitor = inherited.add(12)
        hardware.fileSystems = [
            .init(tag: "sheaf-rw", backend: inherited.add(13), requestQueues: 2),
            .init(tag: "sheaf-ro", backend: .connect(path: "/run/ro.sock"), requestQueues: 1),
        ]
        #expect(
            inherited.mappings == [
                .init(source: 10, target: 3), .init(source: 11, target: 4), .init(source: 12, target: 5),
                .init(source: 13, target: 6),
            ])
        let arguments = hardware.commandLine().arguments
        let tail = arguments.drop { $0 != "virtio-rng-pci" }.dropFirst()
        #expect(
            Array(tail) == [
                "-chardev", "socket,id=console,fd=3", "-serial", "chardev:console",
                "-chardev", "socket,id=agent,fd=4", "-device", "virtio-serial-pci,max_ports=2",
                "-device", "virtserialport,chardev=agent,name=org.sheaf.agent",
                "-chardev", "socket,id=monitor,fd=5", "-mon", "chardev=monitor,mode=control", "-S",
                "-chardev", "socket,id=fs0,fd=6",
                "-device", "vhost-user-fs-pci,chardev=fs0,tag=sheaf-rw,queue-size=1024,num-request-queues=2",
                "-chardev", "socket,id=fs1,path=/run/ro.sock",
                "-device", "vhost-user-fs-pci,chardev=fs1,tag=sheaf-ro,queue-size=1024,num-request-queues=1",
            ])
    }

    @Test func memoryIsRoundedUpToWholeMebibytes() {
        var hardware = makeHardware()
        hardware.memory = (300 << 20) + 1
        let arguments = hardware.commandLine().arguments
        #expect(arguments.contains("301M"))
        #expect(arguments.contains("memory-backend-memfd,id=mem,size=301M,share=on"))
    }

    @Test(arguments: [
        (nil, "max,-cx16"), (QEMUVersion(7, 2), "max,-cx16"), (QEMUVersion(9, 2), "max,-cx16"),
        (QEMUVersion(10, 0), "max"), (QEMUVersion(11, 1), "max"),
    ])
    func translatedProcessorLacksWhatItsQemuGetsWrong(version: QEMUVersion?, processor: String) {
        #expect(makeHardware().commandLine(for: version).arguments.contains(processor))
    }

    @Test func hardwareAccelerationTakesTheHostsProcessor() {
        var hardware = makeHardware()
        hardware.accelerator = .kvm
        let options = hardware.commandLine().options
        #expect(options.contains(.init(name: "-accel", value: "kvm")))
        #expect(options.contains(.init(name: "-cpu", value: "host")))
    }

    @Test func exitWithParentIsForQemusThatKnowIt() {
        let option = CommandLine.Option(name: "-run-with", value: "exit-with-parent=on")
        #expect(!makeHardware().commandLine(for: QEMUVersion(10, 1)).options.contains(option))
        #expect(!makeHardware().commandLine().options.contains(option))
        #expect(makeHardware().commandLine(for: QEMUVersion(10, 2)).options.contains(option))
    }

    @Test func userNetworkForwardsFromTheLoopbackOnly() {
        var hardware = makeHardware()
        hardware.network = .user(forwards: [.init(host: 2222, guest: 22), .init(host: 8080, guest: 80)])
        #expect(
            hardware.commandLine().arguments.suffix(4) == [
                "-netdev", "user,id=net,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:127.0.0.1:8080-:80",
                "-device", "virtio-net-pci,netdev=net,romfile=",
            ])
    }

    @Test func reservedPortsHaveTheirOwnChassis() {
        var hardware = makeHardware()
        hardware.reservedPorts = 2
        let ports = hardware.commandLine().options.filter { $0.value?.hasPrefix("pcie-root-port") ?? false }
        #expect(
            ports.map(\.value) == [
                "pcie-root-port,id=spare0,bus=pcie.0,chassis=1", "pcie-root-port,id=spare1,bus=pcie.0,chassis=2",
            ])
        #expect(Hardware.reservedPortID(1) == "spare1")
    }

    @Test(arguments: [
        ("plain-1.2_/path,x=y:z@%+", "plain-1.2_/path,x=y:z@%+"), ("", "''"), ("two words", "'two words'"),
        ("it's", "'it'\\''s'"), ("$HOME `x` \"y\"", "'$HOME `x` \"y\"'"), ("a\nb", "'a\nb'"), ("~", "'~'"),
        ("é", "'é'"),
    ])
    func wordsAreQuotedAsAShellNeeds(word: String, quoted: String) {
        #expect(ShellWord.quoted(word) == quoted)
    }

    @Test func shellCommandRunsWithTheSameArguments() throws {
        var hardware = makeHardware()
        hardware.kernelCommandLine = "sheaf.name=it's \"$HOME\" `x`"
        let line = hardware.commandLine()
        // A program that prints its arguments, one a line, in QEMU's place.
        let script = line.shellCommand(program: "printf").replacing(
            "printf", with: "printf '%s\\n'", maxReplacements: 1)
        let loop = EventLoop()
        let pair = try SocketPair()
        let child = try ChildProcess(
            Launch(
                executable: "/bin/sh", arguments: ["-c", script],
                descriptors: [.init(source: pair.far.number, target: 1)]), on: loop
        ) { _ in }
        let output = try ByteStream(owning: pair.near, on: loop)
        _ = consume pair.far
        var printed: [UInt8] = []
        output.read { input in
            if case .bytes(let bytes) = input { printed += bytes } else { loop.stop() }
        }
        loop.run()
        #expect(String(decoding: printed, as: UTF8.self) == line.arguments.map { "\($0)\n" }.joined())
        _ = child
    }
}
