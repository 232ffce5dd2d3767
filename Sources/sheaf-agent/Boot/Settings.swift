import CAgent

/// What the launcher wants of this boot.
struct Settings {
    private(set) var root = RootSetting.none
    private(set) var shares: [ShareSetting] = []
    private(set) var hostname: Text?
    /// The number of shares that are still to come over the link.
    private(set) var spilled = 0

    /// Takes the settings on the kernel command line, words that begin with `sheaf.`.
    mutating func read(commandLine: [UInt8]) throws(Failure) {
        let prefix: Text = "sheaf."
        for word in Text(commandLine).trimmed.bytes.split(separator: 0x20) {
            guard Text([UInt8](word)).hasPrefix(prefix) else { continue }
            try apply([UInt8](word.dropFirst(prefix.bytes.count)))
        }
    }

    /// Takes one `key=value` of the link, where shares are those that the command line has no room for.
    mutating func read(frame: [UInt8]) throws(Failure) {
        let before = shares.count
        try apply(frame)
        if shares.count > before { spilled -= 1 }
    }

    /// Checks that nothing is missing.
    func validate() throws(Failure) {
        guard spilled <= 0 else {
            throw Failure(attempt: "see all settings: \(spilled) shares did not come", reason: .invalidArgument)
        }
    }

    private mutating func apply(_ setting: [UInt8]) throws(Failure) {
        guard let equals = setting.firstIndex(of: 0x3d) else { return }
        let key = [UInt8](setting[..<equals])
        let value = [UInt8](setting[(equals + 1)...])
        if key == bytes(of: SettingKey.root) {
            guard let setting = RootSetting(value: value) else { throw notUnderstood(setting) }
            root = setting
        } else if key == bytes(of: SettingKey.share) {
            guard let share = ShareSetting(value: value) else { throw notUnderstood(setting) }
            shares.append(share)
        } else if key == bytes(of: SettingKey.hostname) {
            guard let name = PercentEncoding.decode(value) else { throw notUnderstood(setting) }
            hostname = Text(name)
        } else if key == bytes(of: SettingKey.spilled) {
            guard let count = decimal(value) else { throw notUnderstood(setting) }
            spilled = count
        } else if key == bytes(of: SettingKey.forget) {
            shares = []
            spilled = 0
        } else {
            Console.log("unknown setting \(key)")
        }
    }

    private func notUnderstood(_ setting: [UInt8]) -> Failure {
        Failure(attempt: "understand the setting sheaf.\(setting)", reason: .invalidArgument)
    }

    private func decimal(_ digits: [UInt8]) -> Int? {
        guard (1...6).contains(digits.count) else { return nil }
        var number = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            number = number * 10 + Int(digit - 0x30)
        }
        return number
    }
}
