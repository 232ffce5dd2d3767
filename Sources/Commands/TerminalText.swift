internal import CLinux

/// Text that a terminal takes for nothing but text, in as many columns as ``terminalColumns`` says: names of directories may
/// hold anything.
///
/// Terminals do not agree on how wide an emoji is that is put together of several: of such a one its first part is shown.
func printable(_ text: String) -> String {
    // Nearly all text is this.
    if text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return text }
    var result = ""
    for character in text { result.append(contentsOf: printable(character)) }
    return result
}

/// One character of such a text; empty where it is nothing to be seen.
func printable(_ character: Character) -> String {
    var result = String.UnicodeScalarView()
    for scalar in character.unicodeScalars {
        if let first = result.first, isEmojiPart(scalar, after: first) { break }
        // What changes the direction of all that follows is not shown either.
        let isHarmless = cl_scalar_width(scalar.value) >= 0 && !scalar.properties.isBidiControl
        result.append(isHarmless ? scalar : "?")
    }
    return String(result)
}

private func isEmojiPart(_ scalar: Unicode.Scalar, after first: Unicode.Scalar) -> Bool {
    guard first.properties.isEmoji else { return false }
    return scalar.properties.isVariationSelector || scalar.properties.isEmojiModifier || scalar.value == 0x200d
        || scalar.value == 0x20e3 || (0xe0020...0xe007f).contains(scalar.value)
}

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
