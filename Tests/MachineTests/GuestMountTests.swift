import ShareHost
import Testing

@testable import Machine

@Suite struct GuestMountTests {
    private func read(_ line: String) -> GuestMount? { GuestMount(Array(line.utf8)) }

    @Test func readsASharesLine() throws {
        let mount = try #require(read("41 26 0:33 /src /mnt/src rw,relatime - virtiofs sheaf-rw rw"))

        #expect(mount.bucket == .readWrite)
        #expect(mount.subname == "src")
        #expect(mount.isWhole)
        #expect(mount.target == "/mnt/src")
    }

    @Test func bearsOptionalFieldsAndTheOtherAggregate() throws {
        let mount = try #require(
            read("41 26 0:33 /0123 /data ro,relatime shared:7 master:1 propagate_from:2 - virtiofs sheaf-ro rw"))

        #expect(mount.bucket == .readOnly)
        #expect(mount.subname == "0123")
        #expect(mount.target == "/data")
    }

    @Test func undoesTheKernelsEscapes() throws {
        let line = #"41 26 0:33 /my\040na\134me /a\040b\011c\012d\134040 rw - virtiofs sheaf-rw rw"#

        let mount = try #require(read(line))

        #expect(mount.subname == #"my na\me"#)
        #expect(mount.target == "/a b\tc\nd\\040")
    }

    @Test(arguments: [
        #"\"#, #"\04"#, #"\0"#, #"\9 0"#, #"\778"#, #"\400"#,
    ])
    func leavesAloneWhatIsNoEscape(text: String) {
        // A hostile guest may say anything; what counts is that nothing breaks.
        _ = read("41 26 0:33 /a\(text) /\(text) rw - virtiofs sheaf-rw rw")
        _ = read("41 26 0:33 /a\(text) /\(text)")
    }

    @Test func tellsADirectoryInAShareFromTheShare() throws {
        let mount = try #require(read("41 26 0:33 /src/lib /lib rw - virtiofs sheaf-rw rw"))

        #expect(mount.subname == "src")
        #expect(!mount.isWhole)
    }

    @Test(arguments: [
        // The aggregate itself, at its hidden mount.
        "40 26 0:33 / /run/sheaf/rw rw - virtiofs sheaf-rw rw",
        // Somebody else's.
        "41 26 0:33 /src /src rw - virtiofs other rw", "41 26 8:1 / / rw - ext4 /dev/vda1 rw",
        "41 26 0:34 / /mnt rw - overlay overlay rw,lowerdir=/sheaf-rw",
        // Cut short.
        "", " ", "-", "41 26 0:33 /src /src - virtiofs sheaf-rw", "41 26 0:33 /src /src rw virtiofs sheaf-rw rw",
        "41 26 0:33 /src /src rw - virtiofs", "41 26 0:33 /src /src rw -",
    ])
    func takesNothingElseForAShare(line: String) {
        #expect(read(line) == nil)
    }
}
