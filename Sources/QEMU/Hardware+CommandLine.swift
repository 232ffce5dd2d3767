extension Hardware {
    /// The command line that makes this machine with a QEMU of `version`, where it is known: some options are newer than the
    /// oldest QEMU that will do (7.2).
    public func commandLine(for version: QEMUVersion? = nil) -> CommandLine {
        var line = CommandLine()
        addProcessOptions(to: &line, version)
        addMachine(to: &line, version)
        addBoot(to: &line)
        addChannels(to: &line)
        addFileSystems(to: &line)
        addNetwork(to: &line)
        return line
    }

    private func addProcessOptions(to line: inout CommandLine, _ version: QEMUVersion?) {
        line.add("-name", name, [])
        line.add("-nodefaults")
        line.add("-no-user-config")
        line.add("-display", "none")
        // A reboot ends QEMU, so that a guest that resets is seen and does not loop.
        line.add("-no-reboot")
        line.add(
            "-sandbox", "on",
            [
                .property("obsolete", "deny"), .property("elevateprivileges", "deny"), .property("spawn", "deny"),
                .property("resourcecontrol", "deny"),
            ])
        if let version, version >= QEMUVersion(10, 2) {
            line.add("-run-with", "exit-with-parent=on")
        }
    }

    private func addMachine(to line: inout CommandLine, _ version: QEMUVersion?) {
        let size = "\(max(1, (memory &+ 0xF_FFFF) >> 20))M"
        line.add("-accel", accelerator.rawValue)
        line.add("-cpu", processor(version))
        line.add("-smp", String(cpus))
        line.add("-m", size)
        // vhost-user backends map the guest's memory: it must be a file, and shared.
        line.add(
            "-object", "memory-backend-memfd",
            [.property("id", "mem"), .property("size", size), .property("share", true)])
        line.add(
            "-machine", "q35",
            [
                .property("memory-backend", "mem"), .property("vmport", false), .property("smbus", false),
                .property("sata", false), .property("usb", false),
            ])
        for index in 0..<reservedPorts {
            line.add(
                "-device", "pcie-root-port",
                [
                    .property("id", Self.reservedPortID(index)), .property("bus", "pcie.0"),
                    .property("chassis", index + 1),
                ])
        }
    }

    private func addBoot(to line: inout CommandLine) {
        line.add("-kernel", kernel)
        if let initramfs { line.add("-initrd", initramfs) }
        line.add("-append", kernelCommandLine)
        line.add("-device", "pvpanic-pci", [])
        line.add("-device", "virtio-rng-pci", [])
    }

    private func addChannels(to line: inout CommandLine) {
        console.add(to: &line, id: "console")
        line.add("-serial", "chardev:console")
        if let agentLink {
            agentLink.add(to: &line, id: "agent")
            line.add("-device", "virtio-serial-pci", [.property("max_ports", 2)])
            line.add(
                "-device", "virtserialport", [.property("chardev", "agent"), .property("name", Self.agentPortName)])
        }
        if let monitor {
            monitor.add(to: &line, id: "monitor")
            line.add("-mon", "chardev=monitor,mode=control")
            line.add("-S")
        }
    }

    private func addFileSystems(to line: inout CommandLine) {
        for (index, fileSystem) in fileSystems.enumerated() {
            fileSystem.backend.add(to: &line, id: "fs\(index)")
            line.add(
                "-device", Self.fileSystemDriver,
                [
                    .property("chardev", "fs\(index)"), .property("tag", fileSystem.tag),
                    .property("queue-size", Self.fileSystemQueueSize),
                    .property("num-request-queues", fileSystem.requestQueues),
                ])
        }
    }

    private func addNetwork(to line: inout CommandLine) {
        guard case .user(let forwards) = network else { return }
        let rules = forwards.map { CommandLine.Property.property("hostfwd", "tcp:127.0.0.1:\($0.host)-:\($0.guest)") }
        line.add("-netdev", "user", [.property("id", "net")] + rules)
        // No boot ROM: nothing is booted from the network, and loading it takes time.
        line.add("-device", "virtio-net-pci", [.property("netdev", "net"), .property("romfile", "")])
    }

    /// Under KVM the host's own processor. Under TCG all that QEMU can play, without cmpxchg16b up to QEMU 9: there the flags
    /// that it leaves behind become nonsense when the instruction after it faults, and Linux 6.5 and later, whose allocator
    /// uses it all the time, dies within seconds in one boot of four (seen with QEMU 7.2 and Linux 6.12).
    private func processor(_ version: QEMUVersion?) -> String {
        if accelerator == .kvm { return "host" }
        let isSound = version.map { $0 >= QEMUVersion(10, 0) } ?? false
        return isSound ? "max" : "max,-cx16"
    }
}
