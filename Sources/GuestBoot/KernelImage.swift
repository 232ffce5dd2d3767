internal import SystemPackage

/// What a kernel image says of itself in its first sectors.
struct KernelImage: Equatable {
    let architecture: Architecture
    /// The kernel's own release; nil for an image that has no place to say it (arm64).
    let release: KernelRelease?

    /// Reads an image's header.
    init(at path: FilePath) throws(KernelError) {
        let bytes: [UInt8]
        do {
            // The setup code of an x86 image, which has the release's text, is at most 64 sectors long.
            bytes = try HostFile(path).contents(limit: 64 * 1024)
        } catch {
            throw .unreadable(path, error)
        }
        switch KernelImage.parse(bytes) {
        case .image(let image): self = image
        case .refused(let reason): throw .notAnImage(path, reason)
        }
    }

    enum Parsed: Equatable {
        case image(KernelImage)
        case refused(String)
    }

    /// Parses the first bytes of an image: Linux's Documentation/arch/x86/boot.rst and Documentation/arch/arm64/booting.rst
    static func parse(_ bytes: [UInt8]) -> Parsed {
        if bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) {
            return .refused(
                "it is the uncompressed kernel (ELF); give the image to boot, such as arch/x86/boot/bzImage")
        }
        if bytes.count >= 64, bytes[56..<60].elementsEqual("ARM\u{64}".utf8) {
            return .image(KernelImage(architecture: .arm64, release: nil))
        }
        // "HdrS" at 0x202, the boot protocol's version at 0x206.
        guard bytes.count >= 0x250, bytes[0x202..<0x206].elementsEqual("HdrS".utf8) else {
            return .refused("it is no Linux kernel image")
        }
        let protocolVersion = short(bytes, 0x206)
        let is64Bit = protocolVersion >= 0x20c && short(bytes, 0x236) & 1 != 0
        guard is64Bit else { return .refused("it is a 32-bit kernel; Sheaf boots 64-bit ones") }
        return .image(KernelImage(architecture: .x86_64, release: x86Release(bytes)))
    }

    /// `kernel_version` at 0x20e: where the text is, less 0x200. The release is its first word.
    private static func x86Release(_ bytes: [UInt8]) -> KernelRelease? {
        let pointer = Int(short(bytes, 0x20e))
        // setup_sects at 0x1f1: the sectors after the first; 0 stands for 4.
        let sectors = bytes[0x1f1] == 0 ? 4 : Int(bytes[0x1f1])
        guard pointer != 0, pointer < sectors * 512, pointer + 0x200 < bytes.count else { return nil }
        let text = bytes[(pointer + 0x200)...].prefix(256).prefix { $0 > 0x20 && $0 < 0x7f }
        // It is looked for as a directory's name.
        guard !text.contains(UInt8(ascii: "/")), !text.elementsEqual("..".utf8) else { return nil }
        return text.isEmpty ? nil : KernelRelease(String(decoding: text, as: UTF8.self))
    }

    private static func short(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
        UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }

    init(architecture: Architecture, release: KernelRelease?) {
        self.architecture = architecture
        self.release = release
    }
}
