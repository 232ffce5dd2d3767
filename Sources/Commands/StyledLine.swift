/// A line for a terminal, parts of which may be made to stand out.
struct StyledLine: Equatable {
    /// How a part looks.
    enum Style {
        case plain, bold, alarming
    }

    private var parts: [(text: String, style: Style)] = []

    /// A line of one part.
    init(_ text: String = "", _ style: Style = .plain) {
        append(text, style)
    }

    /// Adds a part.
    mutating func append(_ text: String, _ style: Style = .plain) {
        guard !text.isEmpty else { return }
        parts.append((text, style))
    }

    /// The text alone.
    var text: String { parts.map(\.text).joined() }

    /// What to print, where `isStyled` with the sequences that tell the terminal of styles.
    func rendered(isStyled: Bool) -> String {
        guard isStyled else { return text }
        return parts.map { part in
            switch part.style {
            case .plain: part.text
            case .bold: "\u{1b}[1m\(part.text)\u{1b}[0m"
            case .alarming: "\u{1b}[31m\(part.text)\u{1b}[0m"
            }
        }.joined()
    }

    /// The line without spaces at its end and in at most so many columns.
    func fitted(to columns: Int?) -> StyledLine {
        var line = self
        while let last = line.parts.last {
            let trimmed = last.text.reversed().drop { $0 == " " }.reversed()
            line.parts[line.parts.count - 1].text = String(trimmed)
            if !trimmed.isEmpty { break }
            line.parts.removeLast()
        }
        guard let columns, line.text.terminalColumns > columns else { return line }
        var rest = columns
        for index in line.parts.indices {
            let text = line.parts[index].text
            line.parts[index].text = text.fitted(to: rest)
            rest -= min(rest, text.terminalColumns)
        }
        return line
    }

    static func == (one: StyledLine, other: StyledLine) -> Bool {
        one.parts.elementsEqual(other.parts) { $0.text == $1.text && $0.style == $1.style }
    }
}
