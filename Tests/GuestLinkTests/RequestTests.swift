import GuestLink
import Testing

@Suite struct RequestTests {
    private static let exec = ExecRequest(
        hasTerminal: true, rows: 24, columns: 0xffff, arguments: [[0x6c, 0x73], [], [0, 0xff, 0x0a]],
        environment: [[0x41, 0x3d]], directory: [0x2f])
    private static let mount = MountRequest(
        id: 0xdead_beef,
        share: ShareSetting(bucket: .readOnly, subname: [0x61, 0x3a, 0x2c], target: [0x2f, 0xc3, 0xbc, 0x20]))
    private static let unmount = UnmountRequest(id: 7, isLazy: true, target: [0x2f, 0x61])

    @Test func execComesBackAsItWasSent() throws {
        let request = try #require(ExecRequest(payload: Self.exec.payload))

        #expect(request.hasTerminal)
        #expect(request.rows == 24)
        #expect(request.columns == 0xffff)
        #expect(request.arguments == Self.exec.arguments)
        #expect(request.environment == Self.exec.environment)
        #expect(request.directory == Self.exec.directory)
    }

    @Test func anEmptyExecAsksForTheLoginShell() throws {
        let empty = ExecRequest(
            hasTerminal: false, rows: 0, columns: 0, arguments: [], environment: [], directory: [])

        let request = try #require(ExecRequest(payload: empty.payload))

        #expect(!request.hasTerminal)
        #expect(request.arguments.isEmpty)
        #expect(request.directory.isEmpty)
    }

    @Test func mountComesBackAsItWasSent() throws {
        let request = try #require(MountRequest(payload: Self.mount.payload))

        #expect(request.id == 0xdead_beef)
        #expect(request.share.bucket == .readOnly)
        #expect(request.share.subname == Self.mount.share.subname)
        #expect(request.share.target == Self.mount.share.target)
    }

    @Test func unmountComesBackAsItWasSent() throws {
        let request = try #require(UnmountRequest(payload: Self.unmount.payload))

        #expect(request.id == 7)
        #expect(request.isLazy)
        #expect(request.target == [0x2f, 0x61])
    }

    @Test(arguments: 0..<exec.payload.count) func noExecIsReadWhereItIsCutShort(length: Int) {
        #expect(ExecRequest(payload: [UInt8](Self.exec.payload.prefix(length))) == nil)
    }

    @Test(arguments: 0..<mount.payload.count) func noMountIsReadWhereItIsCutShort(length: Int) {
        #expect(MountRequest(payload: [UInt8](Self.mount.payload.prefix(length))) == nil)
    }

    @Test(arguments: 0..<unmount.payload.count) func noUnmountIsReadWhereItIsCutShort(length: Int) {
        #expect(UnmountRequest(payload: [UInt8](Self.unmount.payload.prefix(length))) == nil)
    }

    @Test(arguments: [[], [0x2e], [0x2e, 0x2e], [0x61, 0x2f, 0x62], [0x61, 0]] as [[UInt8]])
    func noMountIsReadOfWhatIsNoPathComponent(name: [UInt8]) {
        let request = MountRequest(id: 1, share: ShareSetting(bucket: .readWrite, subname: name, target: [0x2f, 0x61]))

        #expect(MountRequest(payload: request.payload) == nil)
    }

    @Test(arguments: [[], [0x61], [0x2f, 0x61, 0], [0x2f] + [UInt8](repeating: 0x61, count: 4095)] as [[UInt8]])
    func noTargetIsReadThatIsNoAbsolutePath(target: [UInt8]) {
        let mount = MountRequest(id: 1, share: ShareSetting(bucket: .readWrite, subname: [0x61], target: target))
        let unmount = UnmountRequest(id: 1, isLazy: false, target: target)

        #expect(MountRequest(payload: mount.payload) == nil)
        #expect(UnmountRequest(payload: unmount.payload) == nil)
    }

    @Test func noMountIsReadOfABucketThatIsNotThere() {
        var payload = Self.mount.payload
        payload[4] = 4

        #expect(MountRequest(payload: payload) == nil)
    }
}
