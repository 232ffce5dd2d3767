import ArgumentParser

/// `sheaf-bench verdict`: what was to hold, and whether it does.
struct VerdictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verdict", abstract: "Say of comparisons what was to hold and whether it does, as Markdown.")

    @Argument(help: ArgumentHelp("What compare --json has written.", valueName: "FILE"))
    var files: [String]

    func run() throws {
        let comparisons = try files.map { try JSON.value(Comparison.self, of: HostText.read($0)) }
        print(Self.text(comparisons))
    }

    /// The table, with the machine and the backends over it.
    static func text(_ comparisons: [Comparison]) -> String {
        var lines: [String] = []
        if let first = comparisons.first(where: { $0.title == "main" }) ?? comparisons.first {
            let machine = first.machine
            lines += [
                "\(first.with.name) against \(first.against.name), medians of \(first.rounds) rounds; "
                    + "\(machine.processors) × \(machine.processor), Linux \(machine.kernel), load "
                    + "\(machine.load.text(places: 1)), \(machine.date.prefix(10)).", "",
            ]
        }
        lines += ["| | target | measured | holds |", "| --- | --- | --- | --- |"]
        for target in Target.all {
            let findings = target.findings(in: comparisons)
            let values = findings.map { finding in
                let value = finding.value.text(places: finding.value < 10 ? 2 : 0)
                let isWrong = target.bound?.holds(finding.value) == false
                return (finding.name.isEmpty ? "" : finding.name + " ") + (isWrong ? "**\(value)**" : value)
            }
            let failed = findings.filter { target.bound?.holds($0.value) == false }.count
            let holds =
                if findings.isEmpty {
                    "not measured"
                } else if target.bound == nil {
                    ""
                } else {
                    failed == 0 ? "yes" : "no (\(failed) of \(findings.count))"
                }
            let cells = [target.text, target.bound?.text ?? "", values.joined(separator: ", "), holds]
            lines.append("| \(cells.joined(separator: " | ")) |")
        }
        return lines.joined(separator: "\n")
    }
}

/// `sheaf-bench workloads`: their names.
struct WorkloadsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workloads", abstract: "Print the names of all workloads, one a line.")

    func run() {
        for workload in Workload.allCases { print(workload.rawValue) }
    }
}
