internal import Glibc
internal import Linux
internal import Machine
internal import SystemPackage

/// Asks a person at a raw terminal what to share: a dialogue that is fed with what is typed, and gives what to print.
///
///     var prompt = SharePrompt(columns: 80)
///     terminal.write(prompt.begin())
///     // For each piece of input:
///     let (output, result) = prompt.feed(bytes)
///     terminal.write(output)
///
/// It knows no terminal and no time, but it does look at the host's directories, as they are completed and when one is
/// entered: on a file system that does not answer this blocks whoever feeds it. For a command of its own that is its user's
/// affair (see ``ask()``); the thread that a VM depends on is held up by it, which no share is.
struct SharePrompt {
    /// How the dialogue has ended.
    enum Result: Equatable {
        /// This is to be shared.
        case share(ShareRequest)
        /// Nothing is to be shared.
        case cancelled
    }

    private enum Question {
        case source, access, target, confirmation
    }

    /// The columns of the terminal, which may change; ``redraw()`` then.
    var columns: Int {
        didSet { editor.columns = columns }
    }

    private var request = ShareRequest(source: "")
    private var question = Question.source
    private var editor: LineEditor
    private var decoder = KeyDecoder()
    /// Whether the key before was a Tab that has left several to choose from.
    private var listsNext = false
    private var output = ""

    /// A dialogue that has not begun.
    init(columns: Int) {
        self.columns = columns
        editor = LineEditor(prompt: "", columns: columns)
    }

    /// The first question. The terminal's cursor is to be at the start of a line.
    mutating func begin() -> [UInt8] {
        ask(.source)
        return takeOutput()
    }

    /// Takes what has been typed.
    ///
    /// - Returns: What to print, and how the dialogue has ended when it has; what is typed after that is not looked at, and
    ///   the terminal's cursor is at the start of a line.
    mutating func feed(_ bytes: [UInt8]) -> (output: [UInt8], result: Result?) {
        for key in decoder.decode(bytes) {
            if let result = press(key) { return (takeOutput(), result) }
        }
        return (takeOutput(), nil)
    }

    /// The question and the answer so far, once more: after the terminal has changed or something else was printed.
    mutating func redraw() -> [UInt8] {
        output += editor.rendered()
        return takeOutput()
    }

    private mutating func takeOutput() -> [UInt8] {
        defer { output = "" }
        return Array(output.utf8)
    }

    private mutating func press(_ key: Key) -> Result? {
        let wasTab = listsNext
        listsNext = false
        switch editor.press(key) {
        case .edited: output += editor.rendered()
        case .refused: output += "\u{7}"
        case .completionAsked: complete(lists: wasTab)
        case .accepted:
            // As it stands, with the cursor behind it, for what is printed next.
            if editor.press(.end) == .edited { output += editor.rendered() }
            output += "\r\n"
            return accept()
        case .cancelled:
            output += "\r\n"
            return .cancelled
        }
        return nil
    }
}

// MARK: - Questions and answers

extension SharePrompt {
    private mutating func ask(_ question: Question, text: String = "") {
        self.question = question
        let words =
            switch question {
            case .source: "Host directory or file to share: "
            case .access: "Access, rw or ro [rw]: "
            case .target: "Where in the guest [\(printable(request.source.string))]: "
            case .confirmation: "Share it? [Y/n] "
            }
        editor = LineEditor(prompt: words, text: text, columns: columns)
        output += editor.rendered()
    }

    /// Says what is wrong with an answer and asks again, the answer there to be mended.
    private mutating func askAgain(_ reason: String) {
        output += printable(reason) + "\r\n"
        ask(question, text: editor.text)
    }

    private mutating func accept() -> Result? {
        let text = editor.text
        let answer = text.filter { $0 != " " }
        switch question {
        case .source:
            guard !text.isEmpty else {
                askAgain("Name a directory or a file of this machine; Tab completes, Ctrl-C gives up.")
                return nil
            }
            let source = absolutePath(text)
            if let reason = Self.whyNoSource(source) {
                askAgain(reason)
                return nil
            }
            request.source = source
            ask(.access)
        case .access:
            guard ["", "rw", "ro"].contains(answer) else {
                askAgain("'\(answer)' is no access: rw lets the guest write, ro does not.")
                return nil
            }
            request.isReadOnly = answer == "ro"
            ask(.target)
        case .target:
            do throws(ShareArgument.Malformed) {
                request.target = text.isEmpty ? nil : try ShareArgument.target(text)
                if text.isEmpty { _ = try ShareArgument.target(request.source.string) }
            } catch {
                askAgain(error.description)
                return nil
            }
            summarize()
            ask(.confirmation)
        case .confirmation:
            switch answer.lowercased() {
            case "", "y", "yes": return .share(request)
            case "n", "no": return .cancelled
            default: askAgain("'\(answer)' is neither yes nor no.")
            }
        }
        return nil
    }

    private mutating func summarize() {
        let rights = request.isReadOnly ? "read-only" : "and may be written there"
        let target = request.target ?? request.source.string
        output += printable("\(request.source) appears at \(target) in the guest, \(rights).") + "\r\n"
    }

    private static func whyNoSource(_ path: FilePath) -> String? {
        var status = stat()
        guard stat(path.string, &status) == 0 else {
            let error = Errno(rawValue: errno)
            return error == .noSuchFileOrDirectory
                ? "'\(path)' does not exist, and nothing is made on the host for you."
                : "'\(path)' cannot be looked at: \(error.explained)."
        }
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        guard isDirectory || status.st_mode & S_IFMT == S_IFREG else {
            return "'\(path)' is neither a directory nor a regular file."
        }
        guard access(path.string, isDirectory ? R_OK | X_OK : R_OK) == 0 else {
            return "'\(path)' cannot be read: \(Errno(rawValue: errno).explained)."
        }
        return nil
    }
}

// MARK: - Completion

extension SharePrompt {
    /// The most lines that candidates take.
    private static let listedLines = 10

    private mutating func complete(lists: Bool) {
        guard question == .source else {
            output += "\u{7}"
            return
        }
        let completion = PathCompletion(of: editor.textBeforeCursor)
        listsNext = completion.candidates.count > 1
        if !completion.insertion.isEmpty {
            editor.insert(completion.insertion)
            output += editor.rendered()
        } else if lists, listsNext {
            list(completion.candidates)
            output += editor.rendered()
        } else {
            output += "\u{7}"
        }
    }

    /// Prints names below the line that is typed, in columns, as ls(1) does.
    private mutating func list(_ candidates: [String]) {
        let names = candidates.map { printable($0).fitted(to: max(1, columns - 1)) }
        let width = (names.map(\.terminalColumns).max() ?? 0) + 2
        let perLine = max(1, (columns + 1) / width)
        let lines = min(Self.listedLines, (names.count + perLine - 1) / perLine)
        let shown = names.prefix(lines * perLine)
        output += "\r\n"
        for line in 0..<lines {
            let row = stride(from: line, to: shown.count, by: lines).map { shown[$0] }
            output += row.dropLast().map { $0.padded(to: width) }.joined() + (row.last ?? "") + "\r\n"
        }
        if names.count > shown.count { output += "and \(names.count - shown.count) more\r\n" }
    }
}
