internal import CLinux
internal import Linux

extension String {
    /// The columns that the text, once ``printable(_:)``, takes in a terminal.
    var terminalColumns: Int {
        if utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return utf8.count }
        return unicodeScalars.reduce(0) { $0 + max(0, Int(cl_scalar_width($1.value))) }
    }

    /// What stays of a text that is too long.
    enum Kept {
        /// The beginning.
        case start
        /// The end, where paths differ.
        case end
    }

    /// The text in at most so many columns; where it is longer, with `…` in place of what is left out.
    func fitted(to columns: Int, keeping kept: Kept = .start) -> String {
        guard terminalColumns > columns else { return self }
        guard columns > 0 else { return "" }
        var rest = columns - 1
        let fitting = { (character: Character) -> Bool in
            rest -= String(character).terminalColumns
            return rest >= 0
        }
        switch kept {
        case .start: return prefix(while: fitting) + "…"
        case .end: return "…" + String(reversed().prefix(while: fitting).reversed())
        }
    }

    /// The text with spaces after it, or before it, to make up so many columns.
    func padded(to columns: Int, atStart: Bool = false) -> String {
        let spaces = String(repeating: " ", count: max(0, columns - terminalColumns))
        return atStart ? spaces + self : self + spaces
    }
}
