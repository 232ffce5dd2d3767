import CAgent

/// The guest's name, and its address for itself.
enum Identity {
    /// Takes the name that the settings or else the root's own files say, and brings up the loopback interface.
    static func assume(_ settings: Settings) {
        if let name = settings.hostname ?? nameOfRoot(), !name.bytes.isEmpty {
            _ = name.withCString { sethostname($0, name.bytes.count) }
        }
        _ = agent_bring_up_loopback()
    }

    private static func nameOfRoot() -> Text? {
        guard let file = try? Files.content(of: "/etc/hostname", limit: 256),
            let line = file.split(separator: 0x0a).first
        else { return nil }
        return Text([UInt8](line)).trimmed
    }
}
