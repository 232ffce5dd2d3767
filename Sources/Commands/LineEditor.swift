internal import Linux

/// A line of text that is being typed at a raw terminal: keys go in, and what shows the line comes out.
///
/// It takes one line of the screen; what does not fit beside the question scrolls sideways.
struct LineEditor {
    /// What a key has done.
    enum Event: Equatable {
        /// The line may look different.
        case edited
        /// There is nothing to be done.
        case refused
        /// The line is to be completed; see ``textBeforeCursor`` and ``insert(_:)``.
        case completionAsked
        case accepted
        case cancelled
    }

    /// What stands before the line: a question.
    var prompt: String
    /// The columns of the terminal.
    var columns: Int

    private var characters: [Character]
    private var cursor: Int
    /// The first character that is shown.
    private var firstShown = 0

    /// An editor of a text, the cursor at its end.
    init(prompt: String, text: String = "", columns: Int) {
        self.prompt = prompt
        self.columns = columns
        characters = Array(text)
        cursor = characters.count
    }

    /// The line as it is.
    var text: String { String(characters) }

    /// What stands before the cursor.
    var textBeforeCursor: String { String(characters[..<cursor]) }

    /// Puts text where the cursor is.
    mutating func insert(_ text: String) {
        // As a whole: what is typed may join the character before it, as an accent does.
        let before = Array(textBeforeCursor + text)
        characters = before + characters[cursor...]
        cursor = before.count
    }

    /// Does what a key says.
    mutating func press(_ key: Key) -> Event {
        switch key {
        case .character(let character): insert(String(character))
        case .enter: return .accepted
        case .tab: return .completionAsked
        case .escape, .control("c"), .control("d"): return .cancelled
        case .backspace: return remove(from: cursor - 1, to: cursor)
        case .delete: return remove(from: cursor, to: cursor + 1)
        case .control("u"): return remove(from: 0, to: cursor)
        case .control("k"): return remove(from: cursor, to: characters.count)
        case .control("w"): return remove(from: wordStart, to: cursor)
        case .left, .control("b"): return move(to: cursor - 1)
        case .right, .control("f"): return move(to: cursor + 1)
        case .home, .control("a"): return move(to: 0)
        case .end, .control("e"): return move(to: characters.count)
        case .up, .down, .pageUp, .pageDown, .control: return .refused
        }
        return .edited
    }

    /// Where the word, or the part of a path, before the cursor begins.
    private var wordStart: Int {
        let isSeparator = { (character: Character) in character == " " || character == "/" }
        var start = cursor
        while start > 0, isSeparator(characters[start - 1]) { start -= 1 }
        while start > 0, !isSeparator(characters[start - 1]) { start -= 1 }
        return start
    }

    private mutating func remove(from start: Int, to end: Int) -> Event {
        guard start >= 0, end <= characters.count, start < end else { return .refused }
        characters.removeSubrange(start..<end)
        cursor = start
        return .edited
    }

    private mutating func move(to place: Int) -> Event {
        guard (0...characters.count).contains(place), place != cursor else { return .refused }
        cursor = place
        return .edited
    }

    /// What shows the line as it is now, wherever in its line of the screen the terminal's cursor is.
    mutating func rendered() -> String {
        let question = prompt.fitted(to: max(columns / 2, min(columns - 20, 30)), keeping: .end)
        // The last column stays free: what is written there moves the cursor on some terminals.
        let room = max(2, columns - question.terminalColumns - 1)
        let shown = characters.map { printable($0) }
        let widths = shown.map(\.terminalColumns)
        firstShown = min(firstShown, cursor)
        while widths[firstShown..<cursor].reduce(0, +) >= room { firstShown += 1 }
        // Nothing is hidden that there is room for.
        while firstShown > 0, widths[(firstShown - 1)...].reduce(0, +) < room { firstShown -= 1 }
        var end = firstShown
        var used = 0
        while end < widths.count, used + widths[end] <= room {
            used += widths[end]
            end += 1
        }
        let column = question.terminalColumns + widths[firstShown..<cursor].reduce(0, +)
        return "\r" + question + shown[firstShown..<end].joined() + "\u{1b}[K\r"
            + (column > 0 ? "\u{1b}[\(column)C" : "")
    }
}
