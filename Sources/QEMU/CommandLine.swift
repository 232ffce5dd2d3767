/// A QEMU command line as a value: built option by option, compared in tests, run as arguments or printed for a shell.
public struct CommandLine: Equatable, Sendable {
    /// One option with its value, if it takes one.
    public struct Option: Equatable, Sendable {
        /// With its dash: `-device`.
        public var name: String
        /// As QEMU gets it; nil for an option that takes none.
        public var value: String?

        /// An option.
        public init(name: String, value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    /// One `key=value` of an option's value.
    public struct Property: Equatable, Sendable {
        /// The text as QEMU gets it.
        var text: String

        /// `key=value`; a comma in the value is doubled, which is how QEMU tells it from the next property.
        public static func property(_ key: String, _ value: some CustomStringConvertible) -> Property {
            Property(text: "\(key)=\(value.description.replacing(",", with: ",,"))")
        }

        /// `key=on` or `key=off`.
        public static func property(_ key: String, _ value: Bool) -> Property {
            Property(text: "\(key)=\(value ? "on" : "off")")
        }
    }

    /// In the order they are given.
    public private(set) var options: [Option] = []

    /// An empty line.
    public init() {}

    /// Adds an option without a value, or with a plain one that QEMU does not split at commas.
    public mutating func add(_ name: String, _ value: String? = nil) {
        options.append(Option(name: name, value: value))
    }

    /// Adds an option whose value is a list: what it is about, then its properties.
    ///
    /// - Parameters:
    ///   - name: `-device`, `-object`, `-chardev`, …
    ///   - kind: The device's driver, the object's type, …; a comma in it is doubled.
    ///   - properties: Of the device.
    public mutating func add(_ name: String, _ kind: String, _ properties: [Property]) {
        let words = [kind.replacing(",", with: ",,")] + properties.map(\.text)
        options.append(Option(name: name, value: words.joined(separator: ",")))
    }

    /// Takes out every option of this name.
    public mutating func remove(_ name: String) {
        options.removeAll { $0.name == name }
    }

    /// The arguments, without the program's name.
    public var arguments: [String] {
        options.flatMap { option in option.value.map { [option.name, $0] } ?? [option.name] }
    }

    /// The line for a shell: every word quoted as it needs, one option a line, so that it can be read as well as run.
    public func shellCommand(program: String) -> String {
        let lines = options.map { option in
            ([option.name] + (option.value.map { [ShellWord.quoted($0)] } ?? [])).joined(separator: " ")
        }
        return ([ShellWord.quoted(program)] + lines).joined(separator: " \\\n    ")
    }
}

/// Quoting for a POSIX shell.
public enum ShellWord {
    /// `text` as one word: as it is where nothing in it means anything to a shell, else in single quotes.
    public static func quoted(_ text: String) -> String {
        let harmless = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "_-+=./,:@%".utf8.contains(byte)
            }
        }
        if harmless, !text.isEmpty { return text }
        return "'" + text.replacing("'", with: "'\\''") + "'"
    }
}
