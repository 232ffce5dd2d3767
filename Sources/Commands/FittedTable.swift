/// A table that is made to fit a terminal's width: what matters least is left out, and long cells are shortened.
struct FittedTable {
    /// A column, from its heading down.
    struct Column {
        /// The heading.
        var title: String
        /// One cell a row, printable.
        var cells: [String]
        /// Whether the cells are numbers.
        var alignsEnd = false
        /// The columns of the terminal that it takes at least, so that it keeps its place as its numbers change.
        var minimum = 0
        /// To how many columns of the terminal it may be shortened; nil for not at all.
        var shrinksTo: Int?
        /// How many are enough for it to be read well.
        var readable = 24
        /// What stays of a cell that is too long.
        var kept = String.Kept.start
        /// Whether its cells stand out.
        var isAlarming = false
        /// 0 for a column that is always there; of the others, the smaller ones go in first: up to 2 as soon as there is any room,
        /// from 3 on when the columns that are in already are at their ease.
        var rank = 0

        fileprivate var natural: Int {
            max(title.terminalColumns, minimum, cells.map(\.terminalColumns).max() ?? 0)
        }

        fileprivate var smallest: Int {
            guard let shrinksTo else { return natural }
            return min(natural, max(shrinksTo, title.terminalColumns))
        }

        fileprivate var easy: Int { max(smallest, min(natural, readable)) }
    }

    private static let gap = 2

    private let columns: [Column]
    private let widths: [Int]
    private let available: Int?

    /// A table of these columns, in this order.
    ///
    /// - Parameters:
    ///   - columns: All that there are, each with as many cells.
    ///   - available: The columns of the terminal; nil for as many as it takes.
    init(_ columns: [Column], in available: Int?) {
        self.available = available
        guard let available else {
            self.columns = columns
            widths = columns.map(\.natural)
            return
        }
        var chosen: Set<Int> = []
        for (index, column) in columns.enumerated().sorted(by: { ($0.1.rank, $0.0) < ($1.1.rank, $1.0) }) {
            let others = chosen.map { column.rank <= 2 ? columns[$0].smallest : columns[$0].easy }
            let needed = others.reduce(0, +) + chosen.count * Self.gap + column.smallest
            if column.rank == 0 || needed <= available {
                chosen.insert(index)
            } else if column.rank > 2 {
                break
            }
        }
        self.columns = columns.indices.filter(chosen.contains).map { columns[$0] }
        widths = Self.widths(of: self.columns, within: available)
    }

    /// What each gets where all get at least their smallest, and what is left is shared evenly by those that want more.
    private static func widths(of columns: [Column], within available: Int) -> [Int] {
        var widths = columns.map(\.smallest)
        var rest = available - widths.reduce(0, +) - gap * (columns.count - 1)
        while rest > 0 {
            let wanting = columns.indices.filter { widths[$0] < columns[$0].natural }
            guard !wanting.isEmpty else { break }
            for index in wanting.prefix(rest) {
                widths[index] += 1
                rest -= 1
            }
        }
        return widths
    }

    /// The line of headings.
    var heading: StyledLine {
        var line = StyledLine()
        for (column, width) in zip(columns, widths) {
            line.append(cell(column.title, of: column, width), .bold)
        }
        return line.fitted(to: available)
    }

    /// The lines of these rows.
    func lines(_ rows: some Sequence<Int>) -> [StyledLine] {
        rows.map { row in
            var line = StyledLine()
            for (column, width) in zip(columns, widths) {
                let text = cell(column.cells[row], of: column, width)
                line.append(text, column.isAlarming ? .alarming : .plain)
            }
            return line.fitted(to: available)
        }
    }

    private func cell(_ text: String, of column: Column, _ width: Int) -> String {
        text.fitted(to: width, keeping: column.kept).padded(to: width, atStart: column.alignsEnd)
            + String(repeating: " ", count: Self.gap)
    }
}
