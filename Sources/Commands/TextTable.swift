internal import Linux

/// Text in columns, for a terminal.
struct TextTable {
    private var rows: [[String]]

    /// A table with a line of headings.
    init(_ headings: String...) {
        rows = [headings]
    }

    /// Adds a line.
    mutating func append(_ cells: String...) {
        rows.append(cells.map { printable($0) })
    }

    /// The lines, the columns two spaces apart.
    var lines: [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { column < $0.count ? $0[column].terminalColumns : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) { line += cell.padded(to: width + 2) }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
