/// Lines of figures in columns of fixed widths, printed as they come.
struct FigureTable {
    /// Titles with their widths; the first is aligned to the left.
    let columns: [(title: String, width: Int)]

    var heading: String { line(columns.map(\.title)) }

    func line(_ cells: [String]) -> String {
        var line = ""
        for (index, column) in columns.enumerated() {
            let cell = index < cells.count ? cells[index] : ""
            let space = String(repeating: " ", count: max(index == 0 ? 0 : 1, column.width - cell.count))
            line += index == 0 ? cell + space : space + cell
        }
        return line
    }
}

extension Double {
    /// With a fixed number of places.
    func text(places: Int) -> String {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        guard abs(self) < 1e15, isFinite else { return "\(self)" }
        let scaled = Int64((abs(self) * scale).rounded())
        let sign = self < 0 && scaled > 0 ? "-" : ""
        guard places > 0 else { return "\(sign)\(scaled)" }
        let fraction = String(scaled % Int64(scale))
        return "\(sign)\(scaled / Int64(scale))." + String(repeating: "0", count: places - fraction.count) + fraction
    }
}

extension Double? {
    /// With a fixed number of places, or a dash.
    func text(places: Int) -> String { map { $0.text(places: places) } ?? "-" }
}
