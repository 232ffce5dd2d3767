/// What a guest's kernel has to have a driver for beside what every Sheaf guest needs.
public struct GuestDevices: OptionSet, Sendable {
    /// The set's bits.
    public let rawValue: UInt8

    /// A set with these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A root that lies under a tmpfs overlay.
    public static let overlay = GuestDevices(rawValue: 1 << 0)
    /// A virtio network card.
    public static let network = GuestDevices(rawValue: 1 << 1)
    /// A virtio disk.
    public static let disk = GuestDevices(rawValue: 1 << 2)
}

/// A driver that a guest may need.
struct Driver {
    let module: ModuleName
    /// The kernel's build option, for the message when it is missing.
    let option: String
    /// False for a driver whose absence costs the guest something, but not its boot.
    var isEssential = true

    /// The drivers of a guest with these devices, in the order in which they are best loaded.
    static func needed(for devices: GuestDevices) -> [Driver] {
        var drivers = [
            Driver(module: "virtio_pci", option: "CONFIG_VIRTIO_PCI"),
            Driver(module: "virtio_console", option: "CONFIG_VIRTIO_CONSOLE"),
            // As early as it can be: it reports a guest's panic.
            Driver(module: "pvpanic_pci", option: "CONFIG_PVPANIC_PCI", isEssential: false),
            Driver(module: "fuse", option: "CONFIG_FUSE_FS"),
            Driver(module: "virtiofs", option: "CONFIG_VIRTIO_FS"),
        ]
        if devices.contains(.overlay) { drivers.append(Driver(module: "overlay", option: "CONFIG_OVERLAY_FS")) }
        if devices.contains(.network) { drivers.append(Driver(module: "virtio_net", option: "CONFIG_VIRTIO_NET")) }
        if devices.contains(.disk) { drivers.append(Driver(module: "virtio_blk", option: "CONFIG_VIRTIO_BLK")) }
        drivers.append(Driver(module: "virtio_rng", option: "CONFIG_HW_RANDOM_VIRTIO", isEssential: false))
        return drivers
    }
}
