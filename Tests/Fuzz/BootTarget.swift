import GuestLink

@testable import GuestBoot

/// What a kernel's image and its lists of modules say, and what an initramfs is made of.
struct BootTarget: FuzzTarget {
    func run(_ input: FuzzInput) {
        var input = input
        switch input.byte() & 3 {
        case 0: _ = KernelImage.parse(input.bytes(.max))
        case 1: findModules(&input)
        case 2: archive(&input)
        default: compare(&input)
        }
    }

    private func findModules(_ input: inout FuzzInput) {
        let builtIn = input.bytes(Int(input.byte()))
        let index = ModuleIndex(dependencies: input.bytes(.max), builtIn: builtIn)
        let order = index.loadOrder(of: ["a", "virtiofs", "virtio_pci"])
        require(Set(order).count == order.count, "a module is loaded twice: \(order)")
    }

    private func archive(_ input: inout FuzzInput) {
        var archive = CpioArchive()
        do throws(CpioArchive.Failure) {
            for _ in 0..<8 where !input.isEmpty {
                let kind = input.byte()
                let name = String(decoding: input.bytes(Int(input.byte())), as: UTF8.self)
                switch kind & 3 {
                case 0: try archive.addDirectory(name)
                case 1: try archive.addCharacterDevice(name, mode: 0o600, major: 5, minor: 1)
                default: try archive.addFile(name, mode: 0o644, contents: input.bytes(Int(input.byte())))
                }
                require(archive.bytes.count % 4 == 0, "the next header is not aligned")
            }
            try archive.finish()
        } catch {
            return
        }
        require(archive.bytes.count % 512 == 0, "an archive of \(archive.bytes.count) bytes")
    }

    private func compare(_ input: inout FuzzInput) {
        let halves = input.bytes(.max).split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let releases = halves.map { KernelRelease(String(decoding: $0, as: UTF8.self)) }
        guard releases.count == 2 else { return }
        let (left, right) = (releases[0], releases[1])
        let relations = [left < right, right < left, left == right].filter { $0 }.count
        require(relations == 1, "\(left) and \(right) are in \(relations) orders")
        var line = KernelCommandLine(architecture: .x86_64, root: .none)
        line.appended = left.description
        line.hostname = right.description
        _ = try? line.rendered()
    }
}
