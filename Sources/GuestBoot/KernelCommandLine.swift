public import GuestLink

/// What the guest's kernel and agent are told at boot.
///
/// Ours are all dotted (`sheaf.KEY=VALUE`): the kernel hands a parameter without a dot that it does not know to init, and
/// panics at the 32nd of them.
public struct KernelCommandLine {
    /// How much the kernel says on its console while it boots. A panic is said in full in any case.
    public enum Messages: Sendable {
        /// Warnings and errors. Every line on a serial port costs time.
        case warnings
        /// Everything of ordinary interest.
        case all
    }

    /// A line, and the settings that it had no room for.
    public struct Rendered: Sendable, Equatable {
        /// The line, for QEMU's `-append`.
        public let text: String
        /// Settings as `key=value` for the agent's link, to be sent in this order.
        public let spilled: [[UInt8]]
    }

    /// The guest's architecture, which decides the console and the limit.
    public var architecture: Architecture
    /// How much the kernel says.
    public var messages = Messages.warnings
    /// The guest's host name; nil for what the root has.
    public var hostname: String?
    /// How the guest's root comes about.
    public var root: RootSetting
    /// The shares to bind, in the order of mounting.
    public var shares: [ShareSetting] = []
    /// The user's own parameters, which come last and so win.
    public var appended = ""

    /// A line for a guest without shares.
    public init(architecture: Architecture, root: RootSetting) {
        self.architecture = architecture
        self.root = root
    }

    /// Bytes left free, where shares can go over the link instead: a kernel may have been built with parameters of its own
    /// (`CONFIG_CMDLINE`), and machine types add some.
    private static let slack = 256

    /// Writes the line.
    ///
    /// - Throws: Why the kernel cannot take it.
    public func rendered() throws(CommandLineError) -> Rendered {
        if let bad = appended.utf8.first(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) { throw .badCharacter(bad) }

        var fixed = [
            "console=\(architecture.console)",
            // Reboot at once after a panic, which ends a QEMU that runs with -no-reboot.
            "panic=-1",
            // The kernel's tests of its own ciphers take a sixth of an emulated boot. A kernel in FIPS mode runs them anyway.
            "cryptomgr.notests",
        ]
        if messages == .warnings { fixed.append("quiet") }
        fixed.append(setting(SettingKey.root, root.value))
        if let hostname { fixed.append(setting(SettingKey.hostname, PercentEncoding.encode(Array(hostname.utf8)))) }

        let limit = architecture.commandLineLimit
        let needed = fixed.joined(separator: " ").utf8.count
        let appendedLength = appended.isEmpty ? 0 : appended.utf8.count + 1
        let everySpilled = setting(SettingKey.spilled, Array(String(shares.count).utf8)).utf8.count + 1
        let reserved = shares.isEmpty ? 0 : everySpilled
        guard needed + reserved + appendedLength <= limit else {
            throw .tooLong(needed: needed + reserved, appended: appendedLength, limit: limit)
        }

        // From the first share that has no room all go over the link, so that the order of mounting is kept.
        var room = limit - KernelCommandLine.slack - needed - reserved - appendedLength
        let settings = shares.map { setting(SettingKey.share, $0.value) }
        let onLine = settings.prefix { text in
            room -= text.utf8.count + 1
            return room >= 0
        }
        let spilled = shares.dropFirst(onLine.count).map { keyAndValue(SettingKey.share, $0.value) }
        var words = fixed + onLine
        if !spilled.isEmpty { words.append(setting(SettingKey.spilled, Array(String(spilled.count).utf8))) }
        if !appended.isEmpty { words.append(appended) }
        return Rendered(text: words.joined(separator: " "), spilled: spilled)
    }

    private func setting(_ key: StaticString, _ value: [UInt8]) -> String {
        "sheaf." + String(decoding: keyAndValue(key, value), as: UTF8.self)
    }

    private func keyAndValue(_ key: StaticString, _ value: [UInt8]) -> [UInt8] {
        key.withUTF8Buffer { Array($0) } + [UInt8(ascii: "=")] + value
    }
}
