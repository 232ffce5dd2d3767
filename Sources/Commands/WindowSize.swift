internal import CLinux

/// Rows and columns of a terminal.
struct WindowSize: Equatable {
    var rows: Int
    var columns: Int

    /// A size.
    init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
    }

    /// The size of a terminal, 24 by 80 where it does not know; nil for what is no terminal.
    init?(of number: CInt) {
        var rows: UInt16 = 0
        var columns: UInt16 = 0
        guard cl_is_terminal(number), cl_window_size(number, &rows, &columns) == 0 else { return nil }
        self.init(rows: rows == 0 ? 24 : Int(rows), columns: columns == 0 ? 80 : Int(columns))
    }
}
