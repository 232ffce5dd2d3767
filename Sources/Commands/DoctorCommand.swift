internal import ArgumentParser
internal import Machine

/// `sheaf doctor`: what this machine has for VMs, and which walls stand.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Show what this machine has for VMs, and what keeps their guests in.",
        discussion: """
            What VMs that were killed left behind is removed on the way. Exit status 1 when something is missing without
            which no VM can be run.
            """)

    @Option(help: "table or json.")
    var format = OutputFormat.table

    func run() throws {
        let examination = Examination()
        if format == .json {
            try printJSON(examination.findings)
        } else {
            var table = TextTable("WHAT", "STATE", "FOUND")
            for finding in examination.findings {
                table.append(finding.name, finding.state.rawValue, finding.found)
                if let advice = finding.advice { table.append("", "", "-> \(advice)") }
            }
            table.lines.forEach { print($0) }
        }
        if !examination.isFit { throw ExitCode(1) }
    }
}
