/// One side of a comparison as it is written: settings, then the command that starts the backend.
///
///     name=Sheaf root=bench children=1000 queues=2 sheaf serve --socket {socket} -v {tree},name=bench {children}
struct SideArgument: Sendable {
    var name: String
    /// Where the backend shows the tree.
    var root = ""
    var queues = 1
    /// How many shares it has, the tree's among them.
    var children = 1
    var isPolling = false
    var syncing: SyncPlace?
    let command: [String]

    /// What is wrong with the text.
    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    /// Takes the text apart.
    init(_ text: String) throws(Mistake) {
        let words = text.split(separator: " ").map(String.init)
        let settings = words.prefix { word in
            word.split(separator: "=", maxSplits: 1).first.map { $0.allSatisfy { $0.isLetter } } == true
                && word.contains("=")
        }
        command = Array(words[settings.count...])
        guard let program = command.first, command.contains(where: { $0.contains("{socket}") }) else {
            throw Mistake(description: "'\(text)' has no command with {socket} in it")
        }
        name = program.split(separator: "/").last.map(String.init) ?? program
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            try set(parts[0], to: parts[1])
        }
    }

    private mutating func set(_ key: String, to value: String) throws(Mistake) {
        let mistake = Mistake(description: "'\(key)=\(value)' is no setting of a backend")
        switch key {
        case "name": name = value
        case "root": root = value
        case "polling":
            guard ["yes", "no"].contains(value) else { throw mistake }
            isPolling = value == "yes"
        case "queues", "children":
            guard let number = Int(value), (1...(key == "queues" ? 4 : 100_000)).contains(number) else { throw mistake }
            if key == "queues" { queues = number } else { children = number }
        case "syncing":
            guard let place = SyncPlace(rawValue: value) else { throw mistake }
            syncing = place
        default: throw mistake
        }
    }

    /// The command as it is run.
    ///
    /// - Parameters:
    ///   - socket: For `{socket}`.
    ///   - tree: For `{tree}`.
    ///   - others: Directories; `{children}` becomes a share of each.
    /// - Returns: The program and its arguments.
    func arguments(socket: String, tree: String, others: [String]) -> [String] {
        command.flatMap { word -> [String] in
            if word == "{children}" {
                return others.enumerated().flatMap { ["-v", "\($1),name=child-\($0)"] }
            }
            return [Self.replace("{tree}", by: tree, in: Self.replace("{socket}", by: socket, in: word))]
        }
    }

    private static func replace(_ mark: String, by value: String, in word: String) -> String {
        var result = ""
        var rest = Substring(word)
        while !rest.isEmpty {
            if rest.hasPrefix(mark) {
                result += value
                rest = rest.dropFirst(mark.count)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result
    }
}
