import FUSE
import Testing

@Suite struct OpcodeTests {
    @Test(arguments: [
        (Opcode.write, "write"), (.lookup, "lookup"), (.create, "create"), (.readdirplus, "readdir"),
        (.copyFileRange, "copy_file_range"), (.rename2, "rename"),
    ])
    func hasTheNameThatPeopleKnow(opcode: Opcode, name: String) {
        #expect(opcode.name == name)
    }

    @Test func namesEveryOpcodeThatLinuxSends() {
        // 7 and 19 were never given out.
        for number in UInt32(1)...52 where number != 7 && number != 19 {
            #expect(Opcode(rawValue: number).name.allSatisfy { $0.isLowercase || $0 == "_" }, "\(number)")
        }
        #expect(Opcode(rawValue: 4096).name == "operation 4096")
    }
}
