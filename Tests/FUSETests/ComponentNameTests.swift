import FUSE
import SystemPackage
import Testing

@Suite struct ComponentNameTests {
    private func refusal(_ bytes: [UInt8]) -> Errno? {
        bytes.withUnsafeBytes { bytes in
            do throws(Errno) {
                _ = try ComponentName(only: bytes)
                return nil
            } catch {
                return error
            }
        }
    }

    private func refusal(_ name: String) -> Errno? { refusal(Array(name.utf8) + [0]) }

    @Test(arguments: ["a", "...", "..a", ".a", "-", "ä", String(repeating: "n", count: 255)])
    func acceptsWhatADirectoryCanHold(name: String) {
        #expect(refusal(name) == nil)
    }

    @Test(arguments: ["", ".", "..", "/", "a/b", "/etc", "../x", "a/"])
    func refusesWhatLeavesTheDirectory(name: String) {
        #expect(refusal(name) == .invalidArgument)
    }

    @Test func refusesNamesBeyond255Bytes() {
        #expect(refusal(String(repeating: "n", count: 256)) == .fileNameTooLong)
        #expect(refusal(String(repeating: "n", count: 300) + "/") == .invalidArgument)
    }

    @Test func refusesAMissingAndAnEmbeddedNul() {
        #expect(refusal([0x61, 0x62]) == .invalidArgument)
        #expect(refusal([]) == .invalidArgument)
        #expect(refusal([0x61, 0, 0x62, 0]) == .invalidArgument)
        #expect(refusal([0x61, 0, 0]) == .invalidArgument)
    }
}
