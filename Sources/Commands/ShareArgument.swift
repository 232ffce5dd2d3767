internal import ArgumentParser
internal import CLinux
internal import FileService
internal import Glibc
public import Machine
internal import SystemPackage

/// The text of one `--share`, in either of its two forms:
///
///     SRC[:DST][:ro|rw][,ro|rw|name=NAME|OPTION]...
///     source=SRC[,target=DST][,name=NAME][,ro|rw][,OPTION]...
///
/// In both a backslash takes the next character as it is, so that a path may hold `:` and `,`.
public struct ShareArgument {
    /// What is wrong with a text.
    public struct Malformed: Error, Equatable, CustomStringConvertible {
        /// A sentence for the user.
        public let description: String
    }

    /// Reads a text.
    ///
    /// - Parameter text: What stands after `--share`.
    /// - Returns: The request, its source absolute.
    /// - Throws: `Malformed`, with what is wrong and what was expected.
    public static func parse(_ text: String) throws(Malformed) -> ShareRequest {
        var fields = split(text, at: ",")
        var request = ShareRequest(source: "")
        var access: String?
        let first = fields[0]
        if let separator = first.plainIndex(of: "="), keys.contains(String(first.text.prefix(separator))) {
            // The keyed form.
        } else {
            let parts = first.split(at: ":")
            fields.removeFirst()
            guard parts.count <= 3 else {
                throw Malformed(
                    description: "'\(text)' has too many ':' (write SRC[:DST][:ro|rw]; '\\:' for one in a path)")
            }
            try setSource(parts[0].text, in: &request)
            var rest = parts.dropFirst().map(\.text)
            if let last = rest.last, last == "ro" || last == "rw" {
                access = last
                rest.removeLast()
            }
            guard rest.count <= 1 else {
                throw Malformed(description: "'\(rest[1])' in '\(text)' is no access (write ro or rw)")
            }
            if let target = rest.first { try setTarget(target, in: &request) }
        }
        for field in fields {
            guard let separator = field.plainIndex(of: "=") else {
                switch field.text {
                case "ro", "rw", "readonly":
                    let given = field.text == "rw" ? "rw" : "ro"
                    guard access == nil || access == given else {
                        throw Malformed(description: "'\(text)' is both ro and rw")
                    }
                    access = given
                default: try setOption(field.text, of: text, in: &request)
                }
                continue
            }
            let key = String(field.text.prefix(separator))
            let value = String(field.text.dropFirst(separator + 1))
            switch key {
            case "source", "src": try setSource(value, in: &request)
            case "target", "dst", "destination": try setTarget(value, in: &request)
            case "name":
                guard !value.isEmpty, value != ".", value != "..", !value.contains("/"), value.utf8.count <= 255 else {
                    throw Malformed(
                        description: "'\(value)' is no share name (one path component of at most 255 bytes)")
                }
                request.name = value
            default: try setOption(field.text, of: text, in: &request)
            }
        }
        guard !request.source.isEmpty else {
            throw Malformed(description: "'\(text)' names no source (write SRC[:DST][:ro|rw])")
        }
        request.isReadOnly = access == "ro"
        if let conflict = request.options.conflict(with: request.isReadOnly ? .readOnly : .readWrite) {
            throw Malformed(description: "'\(text)' \(conflict)")
        }
        return request
    }

    private static let keys: Set<String> = ["source", "src", "target", "dst", "destination", "name"]

    private static func setOption(
        _ option: String, of text: String, in request: inout ShareRequest
    ) throws(Malformed) {
        do throws(ChildOptions.Malformed) {
            try request.options.set(option)
        } catch {
            throw Malformed(description: "'\(option)' in '\(text)' \(error)")
        }
    }

    private static func setSource(_ text: String, in request: inout ShareRequest) throws(Malformed) {
        guard !text.isEmpty else {
            throw Malformed(description: "the source is empty (write SRC[:DST][:ro|rw])")
        }
        request.source = absolutePath(text)
    }

    private static func setTarget(_ text: String, in request: inout ShareRequest) throws(Malformed) {
        request.target = try target(text)
    }

    /// Reads a place in the guest.
    ///
    /// - Returns: The path without what is not needed in it.
    /// - Throws: Why a share cannot be mounted there.
    static func target(_ text: String) throws(Malformed) -> String {
        guard text.hasPrefix("/") else {
            throw Malformed(
                description: "the target '\(text)' is not absolute: the guest has no directory to start from")
        }
        let target = FilePath(text).lexicallyNormalized().string
        guard target != "/" else {
            throw Malformed(description: "a share cannot be mounted over the guest's '/' (see --root)")
        }
        return target
    }
}

/// A path of the user's as an absolute one: `~` is the home directory, a relative path starts where the command was given.
func absolutePath(_ text: String) -> FilePath {
    var path = FilePath(text)
    if text == "~" || text.hasPrefix("~/"), let home = getenv("HOME") {
        path = FilePath(String(cString: home)).appending(text.dropFirst(2).description)
    }
    if path.isRelative, let directory = getcwd(nil, 0) {
        defer { free(directory) }
        path = FilePath(String(cString: directory)).pushing(path)
    }
    return path.lexicallyNormalized()
}

/// A piece of text some of whose characters stood behind a backslash and separate nothing.
private struct Piece {
    var text = ""
    var escaped: Set<Int> = []

    /// The offset, in characters, of the first `character` that is not escaped.
    func plainIndex(of character: Character) -> Int? {
        text.enumerated().first { $0.element == character && !escaped.contains($0.offset) }?.offset
    }

    func split(at separator: Character) -> [Piece] {
        var pieces = [Piece()]
        for (offset, character) in text.enumerated() {
            if character == separator, !escaped.contains(offset) {
                pieces.append(Piece())
            } else {
                if escaped.contains(offset) {
                    pieces[pieces.count - 1].escaped.insert(pieces[pieces.count - 1].text.count)
                }
                pieces[pieces.count - 1].text.append(character)
            }
        }
        return pieces
    }
}

private func split(_ text: String, at separator: Character) -> [Piece] {
    var whole = Piece()
    var isEscaped = false
    for character in text {
        if !isEscaped, character == "\\" {
            isEscaped = true
            continue
        }
        if isEscaped { whole.escaped.insert(whole.text.count) }
        whole.text.append(character)
        isEscaped = false
    }
    return whole.split(at: separator)
}
