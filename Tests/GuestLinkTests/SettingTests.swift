import GuestLink
import Testing

@Suite struct SettingTests {
    private static func bytes(_ text: String) -> [UInt8] { [UInt8](text.utf8) }

    @Test func fieldsComeBackWhateverIsInThem() {
        let fields: [[UInt8]] = [[], Self.bytes("a,b"), Self.bytes("%2c"), [0, 0xff, 0x20]]

        #expect(SettingFields.decode(SettingFields.encode(fields)) == fields)
    }

    @Test func aShareComesBack() throws {
        let share = ShareSetting(
            bucket: .readOnly, subname: Self.bytes("my,data"), target: Self.bytes("/mnt/a b"))

        let read = try #require(ShareSetting(value: share.value))

        #expect(share.value == Self.bytes("ro,my%2Cdata,/mnt/a%20b"))
        #expect(read.bucket == .readOnly)
        #expect(read.subname == share.subname)
        #expect(read.target == share.target)
    }

    @Test(arguments: [
        "", "rw", "rw,a", "rw,a,/b,c", "rx,a,/b", "rw,,/b", "rw,..,/b", "rw,a%2Fb,/b", "rw,a,b", "rw,a,", "rw,a%,/b",
        "rw,a,/b%00",
    ])
    func whatIsNoShareIsNotRead(text: String) {
        #expect(ShareSetting(value: Self.bytes(text)) == nil)
    }

    @Test(arguments: ["none", "ro,host,overlay", "rw,0123,direct", "ro,a%2Cb,overlay"])
    func aRootComesBack(text: String) throws {
        let root = try #require(RootSetting(value: Self.bytes(text)))

        #expect(root.value == Self.bytes(text))
    }

    @Test func aRootSaysWhoseChildItIs() throws {
        let root = try #require(RootSetting(value: Self.bytes("ro,sys,overlay")))

        guard case .child(.readOnly, let subname, .overlay) = root else {
            Issue.record("\(root) is another root")
            return
        }
        #expect(subname == Self.bytes("sys"))
    }

    @Test(arguments: ["", "None", "rw", "rw,a", "rw,a,under", "rw,.,direct", "rw,a,direct,b", "none,a,overlay"])
    func whatIsNoRootIsNotRead(text: String) {
        #expect(RootSetting(value: Self.bytes(text)) == nil)
    }

    @Test(arguments: [("rw", Bucket.readWrite), ("ro", .readOnly), ("wb", .writeback), ("fixed", .fixed)])
    func aBucketIsFoundByItsName(name: String, bucket: Bucket) {
        #expect(Bucket(name: Self.bytes(name)) == bucket)
        #expect(Self.bytes("\(bucket.name)") == Self.bytes(name))
        #expect(Bucket.all.contains(bucket))
    }

    @Test(arguments: ["", "r", "rwx", "RW", "fix"]) func noBucketIsFoundByAnotherName(name: String) {
        #expect(Bucket(name: Self.bytes(name)) == nil)
    }
}
