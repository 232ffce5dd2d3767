import Control
import SystemPackage
import TestSupport
import Testing

@testable import Commands
@testable import Machine

@Suite struct MachineChoiceTests {
    @Test func isTheOnlyOneOrTheOneOfTheName() throws {
        let machine = try StandInMachine(.example(shares: []))

        #expect(try MachineChoice.entry(for: nil, in: machine.place).controlSocket == machine.socket)
        #expect(try MachineChoice.entry(for: "dev", in: machine.place).controlSocket == machine.socket)
    }

    @Test func isASocketWhereTheArgumentIsAPath() throws {
        let machine = try StandInMachine(.example(shares: []))

        let entry = try MachineChoice.entry(for: machine.socket.string, in: RuntimePlace())

        #expect(entry.controlSocket == machine.socket)
        #expect(try MachineChoice.entry(for: "./x.sock", in: RuntimePlace()).controlSocket.isAbsolute)
    }

    @Test func tellsWhatThereIsToChooseFrom() throws {
        let machine = try StandInMachine(.example(shares: []))
        let unknown = #expect(throws: LaunchError.self) { try MachineChoice.entry(for: "x", in: machine.place) }
        let second = try machine.place.claim("other")
        let several = #expect(throws: LaunchError.self) { try MachineChoice.entry(for: nil, in: machine.place) }
        second.remove()
        machine.end()
        let none = #expect(throws: LaunchError.self) { try MachineChoice.entry(for: nil, in: machine.place) }

        #expect(unknown?.description == "no VM named 'x' runs; there are: dev")
        #expect(several?.description == "several VMs run; name one of them: dev, other")
        #expect(none?.description == "no VM runs")
    }

    @Test func completesMachinesAndShares() throws {
        let machine = try StandInMachine(
            .example(shares: [.example("/src"), .example("/models", subname: "big", targets: []), .example("/a\u{1b}")])
        )
        // One that is silent holds up nobody for long.
        let silent = try machine.place.claim("silent")
        defer { silent.remove() }

        #expect(MachineCompletion.machines(machine.place, beginning: "") == ["dev", "silent"])
        #expect(MachineCompletion.machines(machine.place, beginning: "d") == ["dev"])
        #expect(MachineCompletion.shares(machine.place, of: ["sheaf"], beginning: "") == ["/src", "big"])
        #expect(MachineCompletion.shares(machine.place, of: ["sheaf", "dev"], beginning: "/") == ["/src"])
        #expect(MachineCompletion.shares(machine.place, of: ["sheaf", "silent"], beginning: "").isEmpty)
    }
}
