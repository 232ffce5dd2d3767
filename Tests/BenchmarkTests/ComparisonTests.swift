import Testing

@testable import Benchmark

@Suite struct SideArgumentTests {
    @Test func takesSettingsAndACommand() throws {
        let side = try SideArgument(
            "name=S root=b children=3 queues=2 syncing=other-queue polling=yes "
                + "x/sheaf serve --socket {socket} -v {tree},name=b {children}")
        #expect(side.name == "S")
        #expect(side.root == "b")
        #expect(side.queues == 2)
        #expect(side.isPolling)
        #expect(side.syncing == .otherQueue)
        #expect(
            side.arguments(socket: "/s", tree: "/t {socket}", others: ["/a", "/b"]) == [
                "x/sheaf", "serve", "--socket", "/s", "-v", "/t {socket},name=b", "-v", "/a,name=child-0", "-v",
                "/b,name=child-1",
            ])
    }

    @Test func isNamedByItsProgram() throws {
        let side = try SideArgument("/opt/virtiofsd --socket-path={socket} --shared-dir {tree}")
        #expect(side.name == "virtiofsd")
        #expect(side.command.count == 4)
        #expect(side.children == 1)
    }

    @Test(arguments: [
        "", "virtiofsd", "queues=0 a {socket}", "queues=5 a {socket}", "colour=red a {socket}",
        "polling=maybe a {socket}",
        "syncing=none a {socket}", "children=many a {socket}",
    ])
    func refusesWhatItDoesNotUnderstand(_ text: String) {
        #expect(throws: SideArgument.Mistake.self) { try SideArgument(text) }
    }
}

@Suite struct ComparisonTests {
    private func measurement(rate: Double, cpu: Double) -> Measurement {
        var measurement = Measurement()
        measurement.rate = rate
        measurement.cpuMicroseconds = cpu
        return measurement
    }

    private func comparison(_ rows: [Comparison.Row], title: String = "main") -> Comparison {
        let side = Comparison.Side(
            name: "a", command: "", queues: 1, children: 1000, isPolling: false, residentIdle: 32 * 1_048_576)
        return Comparison(
            title: title, machine: HostDescription(), with: side, against: side, rounds: 3, rows: rows)
    }

    @Test func takesTheMiddleOne() {
        #expect(Measurement.median(of: [3, 1, 2]) == 2)
        #expect(Measurement.median(of: [4, 1, 2, 3]) == 2.5)
        #expect(Measurement.median(of: [Double]()) == nil)
    }

    /// Rounds that a busy machine has slowed down on both sides say of the ratio what the others say.
    @Test func dividesWithinRounds() throws {
        let ours = [measurement(rate: 200, cpu: 1), measurement(rate: 20, cpu: 8), measurement(rate: 40, cpu: 3)]
        let theirs = [measurement(rate: 100, cpu: 2), measurement(rate: 10, cpu: 16), measurement(rate: 10, cpu: 6)]
        let row = try #require(
            Comparison.Row(Load(workload: .getattr), with: ours, against: theirs, native: []))
        #expect(row.ratios.rate == 2)
        #expect(row.ratios.cpu == 0.5)
        #expect(row.with.rate == 40)
        #expect(row.native == nil)
        #expect(Comparison.Row(Load(workload: .getattr), with: [], against: theirs, native: []) == nil)
    }

    @Test func holdsTargetsAgainstTheRowsTheyAreOf() throws {
        var good = try #require(
            Comparison.Row(
                Load(workload: .getattr, depth: 32), with: [measurement(rate: 1, cpu: 1)],
                against: [measurement(rate: 1, cpu: 4)], native: []))
        let target = try #require(Target.all.first)
        #expect(target.findings(in: [comparison([good])]) == [Target.Finding(name: "getattr", value: 0.25)])
        let bound = try #require(target.bound)
        #expect(bound.holds(0.5))
        #expect(!bound.holds(0.51))
        #expect(target.findings(in: [comparison([good], title: "other")]).isEmpty)
        good.depth = 16
        #expect(target.findings(in: [comparison([good])]).isEmpty)
    }

    @Test func saysWhatHoldsAndWhatWasNotMeasured() throws {
        let rows = try [(Workload.getattr, 1.0), (.statfs, 3.0)].map { workload, cpu in
            try #require(
                Comparison.Row(
                    Load(workload: workload, depth: 32), with: [measurement(rate: 1, cpu: cpu)],
                    against: [measurement(rate: 1, cpu: 4)], native: []))
        }
        let text = VerdictCommand.text([comparison(rows)])
        #expect(text.contains("≤ 0.50 | getattr 0.25, statfs **0.75** | no (1 of 2) |"))
        #expect(text.contains("resident with 1,000 shares idle, MiB | ≤ 64 | 32 | yes |"))
        #expect(text.contains("| not measured |"))
        let lines = text.split(separator: "\n")
        #expect(lines.count == Target.all.count + 3)
    }

    @Test func survivesJSON() throws {
        let row = try #require(
            Comparison.Row(
                Load(workload: .lookupMiss, depth: 32), with: [measurement(rate: 1, cpu: 1)],
                against: [measurement(rate: 1, cpu: 4)], native: []))
        let text = try JSON.text(comparison([row]), isPretty: true)
        let back = try JSON.value(Comparison.self, of: text)
        #expect(try JSON.text(back, isPretty: true) == text)
        #expect(back.rows.first?.ratios.cpu == 0.25)
    }
}
