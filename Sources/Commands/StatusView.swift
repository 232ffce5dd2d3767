internal import Control
internal import Linux

/// A VM's status as lines for a terminal.
struct StatusView {
    /// What is shown.
    let sample: RatedStatus
    /// The columns of the terminal; nil for as many as it takes.
    let columns: Int?

    private let table: FittedTable
    /// The rows of each share: one, or one for each of its targets.
    private let rows: [Range<Int>]

    /// A view of a sample.
    init(_ sample: RatedStatus, columns: Int?) {
        self.sample = sample
        self.columns = columns
        var rows: [Range<Int>] = []
        for share in sample.status.shares {
            let start = rows.last?.upperBound ?? 0
            rows.append(start..<start + max(1, share.targets.count))
        }
        self.rows = rows
        table = FittedTable(Self.columns(of: sample, isWide: columns.map { $0 >= 240 } ?? true), in: columns)
    }

    /// All there is to show.
    var lines: [StyledLine] {
        var lines = header
        guard !rows.isEmpty else { return lines }
        lines += [StyledLine(), table.heading]
        return lines + table.lines(rows.joined())
    }

    /// The lines about the VM and its devices.
    var header: [StyledLine] {
        machine + FittedTable(devices, in: columns).lines(sample.status.aggregates.indices)
    }

    // MARK: - The VM

    private var machine: [StyledLine] {
        let status = sample.status
        var fields = [status.state.rawValue, "up \(uptime(status.uptime))"]
        if let accelerator = status.accelerator { fields.append(accelerator) }
        if let cpus = status.cpus { fields.append(cpus == 1 ? "1 CPU" : "\(cpus) CPUs") }
        if let memory = status.memoryMiB { fields.append("\(memory) MiB") }
        fields.append("pid \(status.pid)")
        if let qemu = status.qemuPid { fields.append("QEMU \(qemu)") }
        if let release = status.kernelRelease { fields.append("kernel \(release)") }
        if let image = status.kernel { fields.append(status.kernelRelease == nil ? "kernel \(image)" : image) }

        var lines = [StyledLine(printable(status.name), .bold)]
        for field in fields.map({ printable($0) }) {
            let last = lines.count - 1
            if let columns, lines[last].text.terminalColumns + 2 + field.terminalColumns > columns {
                lines.append(StyledLine(field.fitted(to: max(0, columns - 2), keeping: .end).indented))
            } else {
                lines[last].append(field.indented)
            }
        }
        return lines.map { $0.fitted(to: columns) }
    }

    private var devices: [FittedTable.Column] {
        let devices = sample.status.aggregates
        func column(_ cell: (AggregateStatus) -> String) -> FittedTable.Column {
            FittedTable.Column(title: "", cells: devices.map { printable(cell($0)) })
        }
        return [
            column(\.tag), column { $0.device == "boot" ? "from boot" : $0.device },
            column { $0.isConnected ? "connected" : "not connected" },
            column { $0.requestQueues == 1 ? "1 queue" : "\($0.requestQueues) queues" },
            column { $0.children == 1 ? "1 share" : "\($0.children) shares" },
        ]
    }

    // MARK: - The shares

    private static func columns(of sample: RatedStatus, isWide: Bool) -> [FittedTable.Column] {
        let shares = sample.status.shares
        let hasTargets = shares.contains { !$0.targets.isEmpty }
        let hasErrors = shares.contains { $0.activity.lastError != nil }
        // Where the guest has none at a target of its own, its name is what the guest sees.
        let lacksTargets = shares.contains { $0.targets.isEmpty }

        /// A column with a cell in the first row of each share, and one in each of its other rows too.
        func column(
            _ title: String, rank: Int = 0, _ cell: (Int) -> String, more: (ShareStatus.Target) -> String = { _ in "" }
        ) -> FittedTable.Column {
            let cells = shares.indices.flatMap { index in
                [cell(index)] + shares[index].targets.dropFirst().map(more)
            }
            return FittedTable.Column(title: title, cells: cells.map { printable($0) }, rank: rank)
        }
        func path(_ column: FittedTable.Column) -> FittedTable.Column {
            var column = column
            column.shrinksTo = 16
            column.kept = .end
            return column
        }
        func number(_ title: String, rank: Int = 0, minimum: Int = 5, _ cell: (Int) -> String) -> FittedTable.Column {
            var column = column(title, rank: rank, cell)
            column.alignsEnd = true
            column.minimum = minimum
            return column
        }
        func rate(_ title: String, _ rate: @escaping (ShareRates) -> String) -> FittedTable.Column {
            number(title, minimum: 6) { sample.rates[$0].map(rate) ?? "-" }
        }
        var name = column("NAME", rank: lacksTargets ? 0 : 8) {
            shortName(of: shares[$0], isWide: isWide || lacksTargets)
        }
        name.shrinksTo = 9
        name.readable = 32
        var failure = column("LAST ERROR", rank: hasErrors ? 1 : 10) {
            failureText(shares[$0].activity.lastError, at: sample.time) ?? "-"
        }
        failure.shrinksTo = 16
        failure.isAlarming = hasErrors
        return [
            hasTargets
                ? path(column("TARGET", { shares[$0].targets.first?.path ?? "-" }, more: \.path)) : nil,
            path(column("SOURCE", rank: lacksTargets ? 0 : 2) { shares[$0].source }),
            name,
            column("ACCESS") { shares[$0].access },
            hasTargets
                ? column("STATE", { shares[$0].targets.first?.state.rawValue ?? "-" }, more: \.state.rawValue) : nil,
            rate("REQ/S") { Quantity.count($0.requestsPerSecond) },
            rate("READ/S") { Quantity.bytes($0.readBytesPerSecond) },
            rate("WRITE/S") { Quantity.bytes($0.writtenBytesPerSecond) },
            number("OPEN", rank: 3) { "\(shares[$0].activity.openHandles)" },
            number("INODES", rank: 4) { "\(shares[$0].activity.liveInodes)" },
            number("REQS", rank: 5) { Quantity.count(Double(shares[$0].activity.requests)) },
            number("READ", rank: 6) { Quantity.bytes(Double(shares[$0].activity.bytesRead)) },
            number("WRITTEN", rank: 7) { Quantity.bytes(Double(shares[$0].activity.bytesWritten)) },
            number("ERRORS", rank: 9) { Quantity.count(Double(shares[$0].activity.errors)) },
            failure,
        ].compactMap { $0 }
    }

    /// A name that is made of digits is known by the first of them.
    private static func shortName(of share: ShareStatus, isWide: Bool) -> String {
        share.hasMadeName && !isWide ? share.subname.prefix(8) + "…" : share.subname
    }

    /// What failed, how, and how long ago: `ENOSPC write 3m`.
    static func failureText(_ failure: ShareActivity.Failure?, at time: Double) -> String? {
        guard let failure else { return nil }
        let age = uptime(max(0, time - failure.time))
        // The largest unit says enough.
        let short = age.first { $0.isLetter }.map { age.prefix(while: \.isNumber) + String($0) } ?? "-"
        return "\(failure.errno) \(failure.operation) \(short)"
    }
}

extension String {
    fileprivate var indented: String { "  " + self }
}

// MARK: - A screen

extension StatusView {
    /// What fits a screen, and which part of the rows that is.
    struct Screen: Equatable {
        /// As many lines as the terminal has rows, at most.
        var lines: [StyledLine]
        /// The first row of the table that is shown.
        var firstRow: Int
        /// How many rows of the table are shown.
        var rowCount: Int
    }

    /// Fills a screen, the busiest shares first where there is no room for all.
    ///
    /// - Parameters:
    ///   - height: The rows of the terminal.
    ///   - firstRow: The first row of the table to show; brought to where there is one.
    ///   - trouble: What is to be said in place of what the last line says otherwise.
    /// - Returns: The screen.
    func screen(height: Int, firstRow: Int, trouble: String? = nil) -> Screen {
        let header = header
        let order = rows.joined().count <= max(1, height - header.count - 3) ? Array(rows) : busiestFirst
        let all = order.joined().map { $0 }
        // A blank line, the headings and the last line; of a low screen the table gets most.
        let top = Array(header.prefix(max(1, height - 3 - min(all.count, 3))))
        let room = max(1, height - top.count - 3)
        let first = max(0, min(firstRow, all.count - room))
        let shown = all[first..<min(first + room, all.count)]

        var lines = top + [StyledLine()]
        lines += all.isEmpty ? [StyledLine("no shares")] : [table.heading] + table.lines(shown)
        let visible = Set(shown)
        let hidden = rows.filter { !visible.isSuperset(of: $0) }.count
        lines = Array(lines.prefix(max(0, height - 1)))
        if let trouble {
            lines.append(StyledLine(trouble, .alarming))
        } else if hidden > 0 {
            lines.append(
                StyledLine(
                    "\(hidden) of \(rows.count) shares not shown, busiest first; arrows, PgUp, PgDn scroll; q quits"))
        } else {
            lines.append(StyledLine("q quits"))
        }
        return Screen(
            lines: lines.prefix(height).map { $0.fitted(to: columns) }, firstRow: first, rowCount: shown.count)
    }

    private var busiestFirst: [Range<Int>] {
        func load(_ index: Int) -> (Double, Double) {
            guard let rates = sample.rates[index] else { return (0, 0) }
            return (rates.requestsPerSecond, rates.readBytesPerSecond + rates.writtenBytesPerSecond)
        }
        // Among equals the order stays.
        return rows.indices.sorted { one, other in
            let (first, second) = (load(one), load(other))
            return first == second ? one < other : first > second
        }.map { rows[$0] }
    }
}
