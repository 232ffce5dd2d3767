import FileService
import Glibc
import Logging
import SystemPackage
import TestSupport
import Testing

@testable import ShareHost

@Suite struct ShareHostTests {
    private func makeHost() -> ShareHost { ShareHost(log: Logger(label: "share-host-test")) }

    private func withFolder(_ body: (FilePath) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        try body(FilePath(directory.folder.path))
        withExtendedLifetime(directory) {}
    }

    @Test func sharesADirectoryOnceForAllItsTargets() throws {
        try withFolder { folder in
            let host = makeHost()

            let first = try host.add(folder, access: .readWrite, target: "/a")
            let again = try host.add(folder.appending("."), access: .readWrite, target: "/b")

            #expect(first.isNew)
            #expect(!again.isNew)
            #expect(again.share.targets == ["/a", "/b"])
            #expect(host.shares == [again.share])
            #expect(host.share(at: "/b") == again.share)
        }
    }

    @Test func givesSharesTheDeviceThatTheirOptionsNeed() throws {
        try withFolder { folder in
            let host = makeHost()
            let wanted: [(Access, ChildOptions, Bucket)] = [
                (.readWrite, ChildOptions(cache: .never), .readWrite),
                (.readOnly, ChildOptions(cache: .metadata), .readOnly),
                (.readWrite, ChildOptions(cache: .always, buffersWrites: true), .writeback),
                (.readOnly, ChildOptions(cache: .always), .fixed),
            ]

            for (access, options, bucket) in wanted {
                let share = try host.add(folder, access: access, options: options).share
                _ = try host.makeDevice(for: bucket, requestQueues: 1)

                #expect(share.bucket == bucket)
                #expect(host.shares(in: bucket) == [share])
            }
            #expect(host.deviceSummaries.map(\.tag) == ["sheaf-rw", "sheaf-ro", "sheaf-wb", "sheaf-fixed"])
            #expect(host.deviceSummaries.allSatisfy { $0.childCount == 1 })
        }
    }

    @Test func servesAllSharesInOneDeviceWhereThereIsOneOnly() throws {
        try withFolder { folder in
            let host = ShareHost(log: Logger(label: "share-host-test"), onlyBucket: .readOnly)

            let fixed = try host.add(folder, access: .readOnly, options: ChildOptions(cache: .always)).share

            #expect(fixed.bucket == .readOnly)
            #expect(throws: ShareError.self) {
                try host.add(folder, access: .readWrite, name: "b", options: ChildOptions(buffersWrites: true))
            }
            #expect(host.shares == [fixed])
        }
    }

    @Test func refusesOptionsThatExcludeEachOther() throws {
        try withFolder { folder in
            let host = makeHost()

            let error = #expect(throws: ShareError.self) {
                try host.add(folder, access: .readOnly, options: ChildOptions(buffersWrites: true))
            }

            #expect(error?.errno == .invalidArgument)
            #expect(error?.description.hasSuffix("cannot have writeback: it is ro") == true)
            #expect(host.shares.isEmpty)
        }
    }

    @Test func sharesOnePathReadOnlyAndWritableAsTwo() throws {
        try withFolder { folder in
            let host = makeHost()

            let writable = try host.add(folder, access: .readWrite).share
            let readable = try host.add(folder, access: .readOnly).share

            #expect(writable.subname != readable.subname)
            #expect(host.shares(in: .readWrite) == [writable])
            #expect(host.shares(in: .readOnly) == [readable])
        }
    }

    @Test func namesAShareTheSameInEveryRun() throws {
        // printf '/srv/data\0ro' | sha256sum | cut -c1-32
        #expect(Share.subname(hostPath: "/srv/data", access: .readOnly) == "189bff408a8c4b135c690df170d7afb4")
        #expect(Share.subname(hostPath: "/srv/data", access: .readOnly).count == 32)
        #expect(
            Share.subname(hostPath: "/srv/data", access: .readOnly)
                != Share.subname(hostPath: "/srv/data", access: .readWrite))
    }

    @Test func followsSymbolicLinksWhenItSharesAndNotLater() throws {
        try withFolder { folder in
            let host = makeHost()
            let target = folder.appending("real")
            let link = folder.appending("link")
            try checkedCall(mkdir(target.string, 0o755))
            try checkedCall(symlink("real", link.string))

            let share = try host.add(link, access: .readOnly).share

            #expect(share.hostPath.lastComponent == "real")
            #expect(try !host.add(target, access: .readOnly).isNew)
        }
    }

    @Test func saysWhichPathIsMissing() throws {
        try withFolder { folder in
            let host = makeHost()
            let missing = folder.appending("missing")

            let error = #expect(throws: ShareError.self) { try host.add(missing, access: .readWrite) }

            #expect(error == .source(missing, .noSuchFileOrDirectory))
            #expect(error?.description.contains(missing.string) == true)
            #expect(host.shares.isEmpty)
        }
    }

    @Test func refusesWhatIsNeitherDirectoryNorFile() throws {
        try withFolder { folder in
            let host = makeHost()
            let pipe = folder.appending("pipe")
            try #require(mkfifo(pipe.string, 0o600) == 0)

            for path in [pipe, "/dev/null"] {
                let error = #expect(throws: ShareError.self) { try host.add(path, access: .readWrite) }
                #expect(error?.errno == .invalidArgument)
                #expect(error?.description.contains("\(path): neither a directory nor a regular file") == true)
            }
            #expect(throws: ShareError.emptySource) { try host.add("", access: .readWrite) }
            #expect(host.shares.isEmpty)
        }
    }

    @Test func knowsAFileFromADirectory() throws {
        try withFolder { folder in
            let host = makeHost()
            let file = folder.appending("file")
            try FileDescriptor.open(file, .writeOnly, options: .create, permissions: .ownerReadWrite).close()

            let first = try host.add(file, access: .readWrite, target: "/a").share
            let again = try host.add(file, access: .readWrite, target: "/b")

            #expect(first.isFile)
            #expect(!again.isNew && again.share.isFile && again.share.targets == ["/a", "/b"])
            #expect(try !host.add(folder, access: .readWrite).share.isFile)
            // What only a directory can have.
            let error = #expect(throws: ShareError.self) {
                try host.add(file, access: .readOnly, options: ChildOptions(hidesPersonalData: true))
            }
            #expect(error?.errno == .notDirectory)
        }
    }

    @Test func refusesASecondShareAtOneTarget() throws {
        try withFolder { folder in
            let host = makeHost()
            let path = try host.add(folder, access: .readWrite, target: "/a").share.hostPath

            #expect(throws: ShareError.targetInUse(target: "/a", by: path)) {
                try host.add(folder, access: .readOnly, target: "/a")
            }
            #expect(throws: ShareError.relativeTarget("a", of: path)) {
                try host.add(folder, access: .readWrite, target: "a")
            }
            #expect(host.shares.count == 1)
        }
    }

    @Test func keepsNamesUniqueInABucket() throws {
        try withFolder { folder in
            let host = makeHost()
            try host.add(folder, access: .readWrite, name: "src")

            let error = #expect(throws: ShareError.self) { try host.add("/", access: .readWrite, name: "src") }
            #expect(error?.errno == .fileExists)
            #expect(try host.add("/", access: .readOnly, name: "src").isNew)
            #expect(throws: ShareError.self) { try host.add(folder, access: .readWrite, name: "a/b") }
        }
    }

    @Test func refusesToServeOneShareInTwoWays() throws {
        try withFolder { folder in
            let host = makeHost()
            try host.add(folder, access: .readWrite)
            let other = ChildOptions(hidesPersonalData: true)

            #expect(throws: ShareError.self) { try host.add(folder, access: .readWrite, options: other) }
        }
    }

    @Test func givesANameAwayAgainWhenItsShareIsGone() throws {
        try withFolder { folder in
            let host = makeHost()
            let share = try host.add(folder, access: .readWrite, name: "src", target: "/src").share

            #expect(try host.remove(named: "src", from: .readWrite) == share)
            #expect(throws: Errno.noSuchFileOrDirectory) { try host.remove(named: "src", from: .readWrite) }
            #expect(try host.add("/", access: .readWrite, name: "src", target: "/src").isNew)
        }
    }

    @Test func makesOneDeviceForABucketEmptyOrNot() throws {
        let host = makeHost()

        let device = try host.makeDevice(for: .readOnly, requestQueues: 99)

        #expect(device.requestQueues == 8)
        #expect(try host.makeDevice(for: .readOnly, requestQueues: 1) === device)
        #expect(host.device(for: .readOnly) === device)
        #expect(host.device(for: .readWrite) == nil)
        host.stop()
    }

    @Test func takesNoMoreSharesOnceItIsStopped() throws {
        try withFolder { folder in
            let host = makeHost()
            _ = try host.makeDevice(for: .readWrite, requestQueues: 1)
            host.stop()

            let error = #expect(throws: ShareError.self) { try host.add(folder, access: .readWrite) }
            #expect(error?.errno == .resourceTemporarilyUnavailable)
        }
    }

    @Test func givesAndTakesTargetsOfAShareThatIsThere() throws {
        try withFolder { folder in
            let host = makeHost()
            let path = try host.add(folder, access: .readWrite, name: "src", target: "/a").share.hostPath
            try host.add("/", access: .readOnly, name: "root", target: "/b")

            #expect(try host.addTarget("/c", toShareNamed: "src", in: .readWrite).targets == ["/a", "/c"])
            #expect(try host.addTarget("/c", toShareNamed: "src", in: .readWrite).targets == ["/a", "/c"])
            #expect(throws: ShareError.targetInUse(target: "/b", by: "/")) {
                try host.addTarget("/b", toShareNamed: "src", in: .readWrite)
            }
            #expect(throws: ShareError.relativeTarget("d", of: path)) {
                try host.addTarget("d", toShareNamed: "src", in: .readWrite)
            }
            #expect(throws: ShareError.noShare(named: "src", .readOnly)) {
                try host.addTarget("/d", toShareNamed: "src", in: .readOnly)
            }
            #expect(try host.removeTarget("/a").targets == ["/c"])
            #expect(throws: Errno.noSuchFileOrDirectory) { try host.removeTarget("/a") }
            #expect(host.share(at: "/a") == nil)
            #expect(host.share(at: "/c")?.subname == "src")
            #expect(try host.add(folder, access: .readOnly, target: "/a").isNew)
        }
    }

    @Test func keepsAShareThatHasTargetsIfAskedTo() throws {
        try withFolder { folder in
            let host = makeHost()
            try host.add(folder, access: .readWrite, name: "src", target: "/a")

            #expect(throws: Errno.resourceBusy) {
                try host.remove(named: "src", from: .readWrite, onlyWithoutTargets: true)
            }
            #expect(host.share(at: "/a") != nil)
            try host.removeTarget("/a")
            #expect(try host.remove(named: "src", from: .readWrite, onlyWithoutTargets: true).targets.isEmpty)
            #expect(host.shares.isEmpty)
        }
    }

    @Test func tellsNamesApartAsLinuxDoes() throws {
        try withFolder { folder in
            let host = makeHost()
            let (composed, decomposed) = ("\u{E9}", "e\u{301}")

            let one = try host.add(folder, access: .readWrite, name: composed, target: "/" + composed).share
            let other = try host.add("/", access: .readWrite, name: decomposed, target: "/" + decomposed).share

            #expect(host.shares.map(\.hostPath) == [one.hostPath, other.hostPath])
            #expect(host.share(named: decomposed, in: .readWrite)?.hostPath == "/")
            #expect(host.share(at: "/" + composed)?.hostPath == one.hostPath)
            #expect(host.activities(in: .readWrite)[composed] == ChildActivity())
            try host.remove(named: composed, from: .readWrite)
            #expect(host.share(at: "/" + decomposed)?.hostPath == "/")
        }
    }

    @Test func describesTheDevicesThatWereMade() throws {
        try withFolder { folder in
            let host = makeHost()
            let share = try host.add(folder, access: .readOnly).share
            #expect(host.deviceSummaries.isEmpty)
            _ = try host.makeDevice(for: .readOnly, requestQueues: 2)
            _ = try host.makeDevice(for: .readWrite, requestQueues: 1)

            let summaries = host.deviceSummaries

            #expect(summaries.map(\.tag) == ["sheaf-rw", "sheaf-ro"])
            #expect(summaries.map(\.requestQueues) == [1, 2])
            #expect(summaries.map(\.isServing) == [false, false])
            #expect(summaries.map(\.childCount) == [0, 1])
            #expect(host.activities(in: .readOnly) == [share.subname: ChildActivity()])
            #expect(host.activities(in: .readWrite).isEmpty)
            #expect(host.activity(of: .readOnly) == ChildActivity())
        }
    }

    private func checkedCall(_ result: CInt) throws {
        try #require(result == 0)
    }
}

@Suite struct SHA256Tests {
    /// FIPS 180-4 examples, and lengths around the border of a block.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
        (String(repeating: "a", count: 56), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
        (String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
        (String(repeating: "a", count: 1000), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
    ])
    func digestsAsTheStandardDoes(message: String, expected: String) {
        let hex = SHA256.digest(of: Array(message.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }

        #expect(hex.joined() == expected)
    }
}
