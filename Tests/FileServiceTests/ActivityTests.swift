import CLinux
import FUSE
import Glibc
import Linux
import SystemPackage
import Testing

@testable import FileService

/// What is counted of a share.
@Suite struct ActivityTests {
    private func activity(_ guest: GuestClient, of name: String = "share") throws -> ChildActivity {
        try #require(guest.aggregate.activity(of: name))
    }

    @Test func countsNothingOfAShareThatNobodyUses() throws {
        let (_, guest, _) = try makeShare()

        _ = try guest.list(.root)
        _ = try guest.lookup("share")

        #expect(try activity(guest) == ChildActivity())
        #expect(guest.aggregate.activity(of: "other") == nil)
    }

    @Test func sumsExactlyWhatEachLaneHasDone() throws {
        let (_, first, root) = try makeShare { $0.directory("d").file("d/f", "0123456789") }
        let lanes = try [first] + (1...8).map { try GuestClient(first.aggregate, begin: false, lane: $0) }

        for guest in lanes {
            let directory = try guest.lookup("d", in: root).node
            let file = try guest.lookup("f", in: directory).node
            let handle = try guest.open(file, O_RDWR).handle
            #expect(try guest.read(file, handle, size: 4).count == 4)
            #expect(try guest.read(file, handle, offset: 8).count == 2)
            #expect(try guest.write(file, handle, [1, 2, 3], offset: 5) == 3)
            #expect(refusal { try guest.write(file, HandleID(rawValue: 12_345), [1]) } == .badFileDescriptor)
        }

        let sum = try activity(first)
        #expect(sum.requests == 9 * 7)
        #expect(sum.bytesRead == 9 * 6)
        #expect(sum.bytesWritten == 9 * 3)
        #expect(sum.errors == 9)
        #expect(sum.openHandles == 9)
        #expect(sum.liveInodes == 2)
        #expect(first.aggregate.activity == sum)
        #expect(first.aggregate.activities.map(\.name) == ["share"])
    }

    @Test func countsWhatOneLaneMakesAndAnotherDrops() throws {
        let (_, one, root) = try makeShare { $0.file("f", "x") }
        let other = try GuestClient(one.aggregate, begin: false, lane: 3)
        let file = try one.lookup("f", in: root).node
        let handle = try one.open(file).handle
        let listing = try one.opendir(root)
        #expect(try activity(one).openHandles == 2)

        try other.release(file, handle)
        try other.release(root, listing, directory: true)
        #expect(refusal { try one.release(file, handle) } == .badFileDescriptor)
        other.forget(file)
        one.forget(file)

        #expect(try activity(one).openHandles == 0)
        #expect(try activity(one).liveInodes == 0)
    }

    @Test func countsANodeOnceHoweverItIsMet() throws {
        let (_, guest, root) = try makeShare { $0.file("f", "x").directory("d") }

        let created = try guest.create("new", in: root)
        _ = try guest.link(created.entry.node, to: "link", in: root)
        _ = try guest.lookup("f", in: root)
        #expect(try guest.list(root, plus: true).count == 6)

        // new, f and d.
        #expect(try activity(guest).liveInodes == 3)
        #expect(try activity(guest).openHandles == 1)
    }

    @Test func countsACopyAsWrittenToTheShareItGoesTo() throws {
        let (_, guest, root) = try makeShare { $0.file("from", "0123456789") }
        let target = try HostDirectory()
        target.file("to")
        try guest.aggregate.addChild(name: "target", hostPath: target.path, access: .readWrite)
        let from = try guest.lookup("from", in: root).node
        let to = try guest.walk("target/to")
        let source = try guest.open(from).handle
        let sink = try guest.open(to, O_WRONLY).handle

        let request = guest.request(.copyFileRange, from).adding(
            CopyFileRangeIn {
                $0.sourceHandle = source
                $0.target = to
                $0.targetHandle = sink
                $0.size = 10
            })
        let copied = try guest.ask(request, WriteOut.self).size

        #expect(copied == 10)
        #expect(try activity(guest, of: "target").bytesWritten == 10)
        #expect(try activity(guest).bytesWritten == 0)
        #expect(guest.aggregate.activity.bytesWritten == 10)
    }

    // MARK: Errors

    @Test func countsNoAnswerByWhichProgramsFindThingsOut() throws {
        let (_, guest, root) = try makeShare { $0.file("f").directory("d").file("d/inner") }
        let file = try guest.lookup("f", in: root).node
        let before = try activity(guest).requests

        #expect(refusal { _ = try guest.lookup("absent", in: root) } == .noSuchFileOrDirectory)
        #expect(refusal { _ = try guest.getxattr(file, "user.absent") } == .noData)
        #expect(refusal { try guest.order(guest.request(.access, file).adding(AccessIn())) } == .noFunction)
        #expect(
            refusal { try guest.order(guest.request(.ioctl, file).adding(IoctlIn())) } == .inappropriateIOCTLForDevice)
        #expect(refusal { _ = try guest.create("f", in: root, flags: O_RDWR | O_EXCL) } == .fileExists)
        #expect(refusal { _ = try guest.mkdir("d", in: root) } == .fileExists)
        #expect(refusal { try guest.rmdir("d", in: root) } == .directoryNotEmpty)

        let after = try activity(guest)
        #expect(after.requests == before + 7)
        #expect(after.errors == 0)
        #expect(after.lastError == nil)
    }

    @Test func tellsTheLastErrorOfAllLanes() throws {
        let (_, guest, root) = try makeShare(.readOnly) { $0.file("f") }
        let other = try GuestClient(guest.aggregate, begin: false, lane: 5)
        let file = try guest.lookup("f", in: root).node
        let begin = Double(time(nil))

        #expect(refusal { _ = try other.open(file, O_WRONLY) } == .readOnlyFileSystem)
        #expect(try activity(guest).lastError?.operation == "open")
        // The clock that errors are stamped with ticks every few milliseconds.
        usleep(20_000)
        #expect(refusal { _ = try guest.create("new", in: root) } == .readOnlyFileSystem)

        let last = try #require(try activity(guest).lastError)
        #expect(last.errno == .readOnlyFileSystem)
        #expect(last.operation == "create")
        #expect(last.time >= begin - 1 && last.time <= Double(time(nil)) + 1)
        #expect(try activity(guest).errors == 2)
    }

    @Test(arguments: [
        (Opcode.write, Errno.noSpace), (Opcode(rawValue: 4096), Errno.ioError), (Opcode.lookup, Errno.permissionDenied),
    ])
    func packsAnErrorIntoOneWord(opcode: Opcode, errno: Errno) throws {
        let word = ChildError.packed(errno, of: opcode, at: 1_767_225_600_123_000_000)

        let unpacked = try #require(ChildError(packed: word))
        #expect(unpacked.errno == errno)
        #expect(unpacked.operation == (opcode.rawValue > 255 ? "operation 255" : opcode.name))
        #expect(unpacked.time == 1_767_225_600.123)
        #expect(ChildError.packed(.ioError, of: .lookup, at: 1_767_225_600_124_000_000) > word)
        #expect(ChildError(packed: ChildError.packed(.ioError, of: .read, at: .max)) != nil)
        #expect(ChildError(packed: ChildError.packed(.ioError, of: .read, at: .min))?.time == 0)
    }

    // MARK: Ends

    @Test func holdsNothingOfARevokedShare() throws {
        let (_, guest, root) = try makeShare { $0.file("f", "x").file("g", "y") }
        let other = try GuestClient(guest.aggregate, begin: false, lane: 2)
        let child = try #require(guest.aggregate.allChildren.first)
        let file = try guest.lookup("f", in: root).node
        _ = try other.lookup("g", in: root)
        let handle = try other.open(file).handle
        _ = try other.opendir(root)
        #expect(child.counters.sum.openHandles == 2)
        #expect(child.counters.sum.liveInodes == 2)

        try guest.aggregate.removeChild(named: "share", revoke: true)

        #expect(child.counters.sum.openHandles == 0)
        #expect(child.counters.sum.liveInodes == 0)
        // What stands in for its nodes is forgotten without a trace in the counts.
        #expect(refusal { try guest.release(file, handle) } == .staleNFSFileHandle)
        other.forget(file)
        #expect(child.counters.sum.liveInodes == 0)
        #expect(guest.aggregate.activity == ChildActivity())
    }

    @Test func keepsCountingARemovedShareWhoseNodesLiveOn() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "x") }
        let child = try #require(guest.aggregate.allChildren.first)
        let file = try guest.lookup("f", in: root).node
        let handle = try guest.open(file).handle

        try guest.aggregate.removeChild(named: "share", revoke: false)
        #expect(try guest.read(file, handle) == Array("x".utf8))

        #expect(child.counters.sum.bytesRead == 1)
        #expect(child.counters.sum.liveInodes == 1)
        try guest.release(file, handle)
        guest.forget(file)
        guest.forget(root)
        #expect(child.counters.sum.openHandles == 0)
        #expect(child.counters.sum.liveInodes == 0)
        withExtendedLifetime(host) {}
    }

    @Test func startsHandlesAndNodesAnewWithTheSession() throws {
        let (_, guest, root) = try makeShare { $0.file("f", "x") }
        let idle = try GuestClient(guest.aggregate, begin: false, lane: 4)
        let file = try idle.lookup("f", in: root).node
        _ = try idle.open(file)
        _ = try guest.open(file)
        let requests = try activity(guest).requests

        try guest.initialize()

        // `idle` still has the old session: it has made no request since.
        #expect(try activity(guest).openHandles == 0)
        #expect(try activity(guest).liveInodes == 0)
        #expect(try activity(guest).requests == requests)
        #expect(try idle.walk("share/f").rawValue > 1)
        #expect(try activity(guest).liveInodes == 1)
    }

    @Test func takesNothingIntoASessionThatIsOver() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "x") }
        let before = host.openDescriptors()
        let session = try #require(guest.aggregate.currentSession().0)
        let node = try session.node(root)
        try guest.initialize()

        // What a request does that was begun before.
        var found = cl_statx()
        try checked(cl_statx(node.child.root.descriptor, "f", &found))
        let file = try session.adopt(
            NodeKey(child: node.child, found), name: nil, in: node, zone: .open, found: found, lane: 1)
        try session.pool.take()
        _ = try node.borrow()
        let descriptor = try Descriptor(result: cl_duplicate(node.child.root.descriptor)).release()
        _ = try session.open(node, OpenFile(descriptor, O_RDONLY), lane: 1)

        #expect(try activity(guest).openHandles == 0)
        #expect(try activity(guest).liveInodes == 0)
        #expect(refusal { _ = try session.node(file.id) } == .invalidArgument)
        #expect(host.openDescriptors() == before)
    }

    @Test func takesNothingOfAShareThatIsBeingRevoked() throws {
        let (host, guest, root) = try makeShare { $0.file("f", "x") }
        let before = host.openDescriptors()
        let session = try #require(guest.aggregate.currentSession().0)
        let node = try session.node(root)
        let child = node.child
        var found = cl_statx()
        try checked(cl_statx(child.root.descriptor, "f", &found))
        // As far as `removeChild` has come when a request that was begun before goes on.
        child.remove(revoke: true)

        #expect(
            refusal {
                _ = try session.adopt(
                    NodeKey(child: child, found), name: nil, in: node, zone: .open, found: found, lane: 1)
            } == .staleNFSFileHandle)
        try session.pool.take()
        _ = try node.borrow()
        let descriptor = try Descriptor(result: cl_duplicate(child.root.descriptor)).release()
        let file = OpenFile(descriptor, O_RDONLY)
        #expect(refusal { _ = try session.open(node, file, lane: 1) } == .staleNFSFileHandle)

        #expect(child.counters.sum == ChildActivity())
        #expect(host.openDescriptors() == before)
    }

    @Test func endsAtNothingHoweverSessionsAndSharesEndMeanwhile() throws {
        let host = try HostDirectory()
        for name in ["a", "b"] {
            host.directory(name)
            for index in 0..<20 { host.file("\(name)/f\(index)", "text") }
        }
        let aggregate = try Aggregate(access: .readWrite)
        func add(_ name: String) throws {
            try aggregate.addChild(name: name, hostPath: FilePath(host.path(name)), access: .readWrite)
        }
        try add("a")
        try add("b")
        let main = try GuestClient(aggregate)
        let before = host.openDescriptors()
        let threads = try (1...4).map { lane in
            try Linux.Thread(name: "lane-\(lane)") {
                guard let guest = try? GuestClient(aggregate, begin: false, lane: lane) else { return }
                for step in 0..<3000 {
                    // What ends meanwhile refuses; what is opened is not closed by half of them.
                    guard let file = try? guest.walk("\(step % 2 == 0 ? "a" : "b")/f\(step % 20)"),
                        let handle = try? guest.open(file).handle
                    else { continue }
                    _ = try? guest.read(file, handle)
                    if step % 3 == 0 { try? guest.release(file, handle) }
                    if step % 5 == 0 { guest.forget(file) }
                }
            }
        }
        var gone: [Child] = []
        for round in 0..<150 {
            if round % 3 == 0 { try main.initialize() }
            gone.append(try #require(aggregate.allChildren.first { $0.name == "b" }))
            try aggregate.removeChild(named: "b", revoke: round % 2 == 0)
            try add("b")
            usleep(200)
        }
        for thread in threads { thread.join() }

        for child in gone where child.isRevoked {
            #expect(child.counters.sum.openHandles == 0)
            #expect(child.counters.sum.liveInodes == 0)
        }
        try main.order(main.request(.destroy))
        for child in gone + aggregate.allChildren {
            #expect(child.counters.sum.openHandles == 0)
            #expect(child.counters.sum.liveInodes == 0)
        }
        gone = []
        #expect(host.openDescriptors() == before)
    }

    // MARK: Room

    @Test func givesEachLaneACacheLine() {
        let counters = ActivityCounters()

        #expect(MemoryLayout<ActivityLane>.stride == 64)
        #expect(UInt(bitPattern: counters.lanes) % 64 == 0)
        #expect(counters.sum == ChildActivity())
    }

    @Test(arguments: [-1, 9, Int.max, .min])
    func staysWithinItsLanesWhateverNumberItIsGiven(lane: Int) throws {
        let (_, guest, root) = try makeShare { $0.file("f") }

        let other = try GuestClient(guest.aggregate, begin: false, lane: lane)
        _ = try other.lookup("f", in: root)

        #expect(try activity(guest).requests == 1)
    }
}
