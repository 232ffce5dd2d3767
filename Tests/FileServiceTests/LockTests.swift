import CLinux
import FUSE
import FileService
import Foundation
import Glibc
import Linux
import Synchronization
import SystemPackage
import Testing

/// Locks of the guest's programs: among themselves, and with the host's where a share says so.
@Suite struct LockTests {
    /// A guest with a file open that two shares have: the host sees the locks of one of them.
    private final class Locker {
        let host: HostDirectory
        let guest: GuestClient
        let node: NodeID
        let handle: HandleID
        let path: String

        init(_ scope: LockScope, access: Access = .readWrite) throws {
            host = try HostDirectory().directory("host").directory("guest").file("host/file").file("guest/file")
            let aggregate = try Aggregate(access: access)
            for each in [LockScope.host, .guest] {
                try aggregate.addChild(
                    name: each.rawValue, hostPath: host.path.appending(each.rawValue), access: access,
                    options: ChildOptions(locks: each))
            }
            guest = try GuestClient(aggregate)
            node = try guest.walk("\(scope.rawValue)/file")
            handle = try guest.open(node, access == .readWrite ? O_RDWR : O_RDONLY).handle
            path = host.path("\(scope.rawValue)/file")
        }

        func body(
            _ type: CInt, _ owner: UInt64, _ range: ClosedRange<UInt64>, whole: Bool = false, handle: HandleID? = nil
        ) -> LkIn {
            LkIn {
                $0.handle = handle ?? self.handle
                $0.owner = owner
                $0.lock.type = UInt32(type)
                $0.lock.start = range.lowerBound
                $0.lock.end = range.upperBound
                $0.lock.pid = UInt32(owner + 1000)
                $0.flags = whole ? 1 : 0
            }
        }

        func set(_ type: CInt, _ owner: UInt64, _ range: ClosedRange<UInt64>) throws {
            try guest.order(guest.request(.setlk, node).adding(body(type, owner, range)))
        }

        /// flock(2) on an open file.
        func setWhole(_ type: CInt, _ handle: HandleID) throws {
            let body = body(type, handle.rawValue, everything, whole: true, handle: handle)
            try guest.order(guest.request(.setlk, node).adding(body))
        }

        func get(_ type: CInt, _ owner: UInt64, _ range: ClosedRange<UInt64>) throws -> FileLock {
            try guest.ask(guest.request(.getlk, node).adding(body(type, owner, range)), LkOut.self).lock
        }

        /// SETLKW; what becomes of it.
        func wait(_ type: CInt, _ owner: UInt64, _ range: ClosedRange<UInt64>) -> Waiter {
            Waiter(guest, guest.request(.setlkw, node).adding(body(type, owner, range)))
        }

        func flush(_ owner: UInt64) throws {
            let body = FlushIn {
                $0.handle = self.handle
                $0.lockOwner = owner
            }
            try guest.order(guest.request(.flush, node).adding(body))
        }

        /// The file as a program of the host has it open.
        func openOnHost() throws -> Descriptor {
            try Descriptor(result: cl_openat(CL_AT_FDCWD, path, O_RDWR, 0))
        }
    }

    /// A SETLKW that was sent.
    private final class Waiter {
        private final class Answer: Sendable {
            let bytes = Mutex<[UInt8]?>(nil)
        }

        let unique: UInt64
        private let answer = Answer()
        private(set) var wait: LockWait?

        init(_ guest: GuestClient, _ message: RequestMessage) {
            unique = message.bytes.withUnsafeBytes { InHeader(copying: $0)?.unique ?? 0 }
            let (bytes, wait) = guest.exchangeOrWait(message.bytes)
            self.wait = wait
            guard let wait else {
                answer.bytes.withLock { $0 = bytes }
                return
            }
            let answer = answer
            wait.start { late in
                let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
                defer { room.deallocate() }
                let part = [iovec(iov_base: room.baseAddress, iov_len: room.count)]
                let count = part.withUnsafeBufferPointer { late.write(to: $0) }
                answer.bytes.withLock { $0 = Array(room[..<Int(count)]) }
            }
        }

        var isAnswered: Bool { answer.bytes.withLock { $0 != nil } }

        /// The error it was answered with, 0 for none; nil when no answer came.
        func outcome() -> CInt? {
            for _ in 0..<10_000 {
                if let bytes = answer.bytes.withLock({ $0 }) {
                    guard let reply = bytes.withUnsafeBytes({ ReplyMessage($0, unique: unique) }) else { return nil }
                    return reply.errno?.rawValue ?? 0
                }
                usleep(1000)
            }
            return nil
        }
    }

    private static let scopes: [LockScope] = [.guest, .host]
    private static let read = CInt(F_RDLCK)
    private static let write = CInt(F_WRLCK)
    private static let none = CInt(F_UNLCK)

    /// The host neither finds such a file open for writing nor locked for it, whatever the guest asks for.
    @Test func takesNoLockToWriteInAShareThatMayOnlyBeRead() throws {
        let locker = try Locker(.host, access: .readOnly)
        #expect(refusal { try locker.set(CInt(F_WRLCK), 1, 0...9) } == .badFileDescriptor)
        try locker.set(CInt(F_RDLCK), 1, 0...9)
        try locker.setWhole(CInt(F_WRLCK), locker.handle)

        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == locker.path
        }
        #expect(!open.isEmpty)
        for number in open {
            let flags = fcntl(try #require(CInt(number)), F_GETFL)
            #expect(flags & O_ACCMODE == O_RDONLY || flags & CL_O_PATH != 0)
        }
    }

    @Test(arguments: scopes)
    func splitsAndJoinsRangesAsPosixSays(_ scope: LockScope) throws {
        let locker = try Locker(scope)
        try locker.set(Self.write, 1, 0...99)
        #expect(refusal { try locker.set(Self.read, 2, 50...60) } == .resourceTemporarilyUnavailable)
        // Its own locks are in nobody's own way.
        #expect(try locker.get(Self.write, 1, everything).type == UInt32(Self.none))
        let seen = try locker.get(Self.read, 2, 50...60)
        #expect(seen.type == UInt32(Self.write) && seen.start == 0 && seen.end == 99 && seen.pid == 1001)

        try locker.set(Self.none, 1, 40...59)
        try locker.set(Self.write, 2, 45...54)
        #expect(try locker.get(Self.read, 3, 0...44).end == 39)
        #expect(try locker.get(Self.read, 3, 45...59).pid == 1002)
        #expect(try locker.get(Self.read, 3, 60...100).start == 60)

        try locker.set(Self.none, 2, everything)
        try locker.set(Self.write, 1, 40...59)
        let joined = try locker.get(Self.write, 2, 99...120)
        #expect(joined.start == 0 && joined.end == 99)
        // Weaker, and shared then.
        try locker.set(Self.read, 1, everything)
        try locker.set(Self.read, 2, everything)
        #expect(refusal { try locker.set(Self.write, 2, 7...7) } == .resourceTemporarilyUnavailable)
        #expect(try locker.get(Self.write, 3, 5...5).end == UInt64(Int64.max))
    }

    @Test(arguments: scopes)
    func refusesWhatIsNoLock(_ scope: LockScope) throws {
        let locker = try Locker(scope)
        let request = { (change: (inout LkIn) -> Void) in
            var body = locker.body(Self.write, 1, everything)
            change(&body)
            try locker.guest.order(locker.guest.request(.setlk, locker.node).adding(body))
        }
        #expect(refusal { try request { ($0.lock.start, $0.lock.end) = (5, 4) } } == .invalidArgument)
        #expect(refusal { try request { $0.lock.end = .max } } == .invalidArgument)
        #expect(refusal { try request { $0.lock.type = 3 } } == .invalidArgument)
        #expect(refusal { try request { $0.handle = HandleID(rawValue: 999) } } == .badFileDescriptor)
        #expect(refusal { _ = try locker.get(Self.none, 1, everything) } == .invalidArgument)
    }

    @Test func showsTheHostTheLocksOfAShareThatSaysSo() throws {
        for scope in Self.scopes {
            let locker = try Locker(scope)
            let program = try locker.openOnHost()
            try locker.set(Self.write, 1, 10...19)
            try locker.setWhole(Self.write, locker.handle)
            let isSeen: CInt = scope == .host ? -EAGAIN : 0
            #expect(cl_lock_range(program.number, Self.read, 0, 15) == isSeen)
            #expect(cl_lock_range(program.number, Self.read, 0, 10) == 0)
            #expect(cl_lock_file(program.number, Self.read) == isSeen)
            // And the other way round.
            #expect(cl_lock_range(program.number, Self.write, 100, 10) == 0)
            let refused = refusal { try locker.set(Self.write, 1, 100...100) }
            #expect(refused == (scope == .host ? .resourceTemporarilyUnavailable : nil))
            let found = try locker.get(Self.write, 2, 100...100)
            #expect(found.type == UInt32(Self.write))
            #expect(found.pid == (scope == .host ? 0 : 1001))
        }
    }

    @Test(arguments: scopes)
    func keepsFlockAndRangesApartAndFlockToTheOpenFile(_ scope: LockScope) throws {
        let locker = try Locker(scope)
        let second = try locker.guest.open(locker.node, O_RDONLY).handle
        try locker.setWhole(Self.write, locker.handle)
        try locker.set(Self.write, 1, everything)
        #expect(refusal { try locker.setWhole(Self.read, second) } == .resourceTemporarilyUnavailable)
        try locker.setWhole(Self.read, locker.handle)
        try locker.setWhole(Self.read, second)
        #expect(refusal { try locker.setWhole(Self.write, second) } == .resourceTemporarilyUnavailable)
        try locker.guest.release(locker.node, locker.handle)
        try locker.setWhole(Self.write, second)
        #expect(try locker.guest.open(locker.node).flags.contains(.noFlush) == false)
    }

    @Test(arguments: scopes)
    func letsGoOfAProcessesLocksWhenItClosesTheFile(_ scope: LockScope) throws {
        let locker = try Locker(scope)
        let before = locker.host.openDescriptors()
        try locker.set(Self.write, 1, 0...9)
        try locker.set(Self.write, 2, 20...29)
        try locker.flush(1)
        #expect(try locker.get(Self.write, 3, everything).pid == 1002)
        try locker.flush(2)
        try locker.set(Self.write, 3, everything)
        try locker.flush(3)
        #expect(locker.host.openDescriptors() == before)
    }

    @Test(arguments: scopes)
    func waitsUntilAnotherProcessLetsGo(_ scope: LockScope) throws {
        let locker = try Locker(scope)
        #expect(locker.wait(Self.write, 1, 0...9).outcome() == 0)
        let waiters = [locker.wait(Self.write, 2, 5...5), locker.wait(Self.read, 3, 0...0)]
        usleep(20_000)
        #expect(waiters.allSatisfy { !$0.isAnswered })
        try locker.set(Self.none, 1, 0...4)
        #expect(waiters[1].outcome() == 0)
        #expect(!waiters[0].isAnswered)
        try locker.flush(1)
        #expect(waiters[0].outcome() == 0)
        #expect(try locker.get(Self.write, 4, 5...5).pid == 1002)
    }

    @Test func waitsUntilAProgramOfTheHostLetsGo() throws {
        let locker = try Locker(.host)
        let program = try locker.openOnHost()
        #expect(cl_lock_range(program.number, Self.write, 0, 0) == 0)
        let waiter = locker.wait(Self.write, 1, 7...8)
        usleep(50_000)
        #expect(!waiter.isAnswered)
        #expect(cl_lock_range(program.number, Self.none, 0, 0) == 0)
        #expect(waiter.outcome() == 0)
        #expect(cl_lock_range(program.number, Self.read, 7, 1) == -EAGAIN)
    }

    @Test(arguments: scopes)
    func givesUpWhatIsInterrupted(_ scope: LockScope) throws {
        let locker = try Locker(scope)
        try locker.set(Self.write, 1, everything)
        let interrupt = { (unique: UInt64) in
            let message = locker.guest.request(.interrupt).adding(InterruptIn { $0.unique = unique })
            #expect(locker.guest.exchange(message.bytes, room: 64).isEmpty)
        }
        let waiter = locker.wait(Self.write, 2, 5...5)
        usleep(5000)
        interrupt(waiter.unique)
        #expect(waiter.outcome() == EINTR)
        try locker.flush(1)
        #expect(try locker.get(Self.write, 3, everything).type == UInt32(Self.none))
    }

    @Test func knowsAnInterruptThatCameBeforeItsRequest() throws {
        let locker = try Locker(.guest)
        try locker.set(Self.write, 1, everything)
        let request = locker.guest.request(.setlkw, locker.node).adding(locker.body(Self.write, 2, 5...5))
        let unique = request.bytes.withUnsafeBytes { InHeader(copying: $0)?.unique ?? 0 }
        let message = locker.guest.request(.interrupt).adding(InterruptIn { $0.unique = unique })
        #expect(locker.guest.exchange(message.bytes, room: 64).isEmpty)
        #expect(Waiter(locker.guest, request).outcome() == EINTR)
    }

    @Test(arguments: scopes)
    func refusesToWaitForWhoWaitsForTheAsker(_ scope: LockScope) throws {
        let locker = try Locker(scope)
        for owner in 1...3 as ClosedRange<UInt64> { try locker.set(Self.write, owner, owner...owner) }
        let first = locker.wait(Self.write, 1, 2...2)
        let second = locker.wait(Self.write, 2, 3...3)
        usleep(20_000)
        let third = locker.wait(Self.write, 3, 1...1)
        #expect(third.outcome() == EDEADLK)
        #expect(!first.isAnswered && !second.isAnswered)
        try locker.flush(3)
        #expect(second.outcome() == 0)
        try locker.flush(2)
        #expect(first.outcome() == 0)
    }

    @Test func endsWaitsWithTheSessionAndWithTheShare() throws {
        let locker = try Locker(.host)
        let program = try locker.openOnHost()
        try locker.set(Self.write, 1, everything)
        let revoked = locker.wait(Self.write, 2, 5...5)
        try locker.guest.aggregate.removeChild(named: "host", revoke: true)
        #expect(revoked.outcome() == ESTALE)
        #expect(cl_lock_range(program.number, Self.write, 0, 0) == 0)

        let other = try Locker(.guest)
        try other.set(Self.write, 1, everything)
        let wiped = other.wait(Self.write, 2, 5...5)
        try other.guest.initialize()
        #expect(wiped.outcome() == ENOTCONN)
    }

    @Test func letsGoOfEverythingWhenTheGuestIsGone() throws {
        let locker = try Locker(.host)
        let program = try locker.openOnHost()
        try locker.set(Self.write, 1, everything)
        try locker.setWhole(Self.write, locker.handle)
        let waiter = locker.wait(Self.write, 2, 5...5)
        locker.guest.aggregate.releaseLocks()
        #expect(waiter.outcome() == ENOTCONN)
        #expect(cl_lock_range(program.number, Self.write, 0, 0) == 0)
        #expect(cl_lock_file(program.number, Self.write) == 0)
        #expect(refusal { try locker.set(Self.write, 1, 0...1) } == .socketNotConnected)
    }

    @Test func keepsNoThreadWhenNobodyWaits() throws {
        let locker = try Locker(.guest)
        try locker.set(Self.write, 1, everything)
        for end in 0..<3 {
            let waiter = locker.wait(Self.write, 2, 5...5)
            switch end {
            case 0: waiter.wait?.cancel()
            case 1: locker.guest.aggregate.releaseLocks()
            default: #expect(waiter.outcome() == ENOTCONN)
            }
        }
        try locker.guest.initialize()
        let isThreadLeft = { () -> Bool in
            guard let table = opendir("/proc/self/task") else { return true }
            defer { closedir(table) }
            var isLeft = false
            while let entry = readdir(table) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                let file = open("/proc/self/task/\(name)/comm", O_RDONLY)
                var text = [UInt8](repeating: 0, count: 16)
                _ = Glibc.read(file, &text, text.count)
                close(file)
                if text.starts(with: "fs-locks".utf8) { isLeft = true }
            }
            return isLeft
        }
        for _ in 0..<5000 where isThreadLeft() { usleep(2000) }
        #expect(!isThreadLeft())
    }

    @Test func letsOnlySoManyWait() throws {
        let locker = try Locker(.guest)
        try locker.set(Self.write, 1, everything)
        let waiters = (0..<520).map { _ in locker.wait(Self.write, 2, 5...5) }
        #expect(waiters.last?.outcome() == ENOLCK)
        try locker.flush(1)
        let outcomes = waiters.map { $0.outcome() }
        #expect(outcomes.filter { $0 == 0 }.count == 512)
        #expect(outcomes.filter { $0 == ENOLCK }.count == 8)
        // Where nobody can wait it says so at once.
        try locker.flush(2)
        try locker.set(Self.write, 1, everything)
        let request = locker.guest.request(.setlkw, locker.node).adding(locker.body(Self.write, 2, 0...0))
        #expect(try locker.guest.send(request).errno == .noLocks)
    }

    @Test func locksOnAReadOnlyShare() throws {
        let locker = try Locker(.host, access: .readOnly)
        let program = try locker.openOnHost()
        try locker.set(Self.read, 1, 0...9)
        try locker.setWhole(Self.write, locker.handle)
        #expect(cl_lock_range(program.number, Self.write, 5, 1) == -EAGAIN)
        #expect(cl_lock_file(program.number, Self.read) == -EAGAIN)
    }

    @Test func asksTheGuestForLocksOnlyWhereAShareWantsThem() throws {
        let (host, guest, _) = try makeShare { $0.file("f") }
        let locks: InitFlags = [.posixLocks, .flockLocks]
        let told = try guest.initialize()
        #expect(InitFlags(low: told.flags, high: told.flags2).isDisjoint(with: locks))
        let node = try guest.walk("share/f")
        let opened = try guest.open(node)
        let body = LkIn { $0.handle = opened.handle }
        #expect(try guest.send(guest.request(.setlk, node).adding(body)).errno == .noFunction)
        // The guest would go on keeping them to itself.
        let add = {
            _ = try guest.aggregate.addChild(
                name: "late", hostPath: host.path, access: .readWrite, options: ChildOptions(locks: .host))
        }
        #expect(throws: AddChildError.self) { try add() }
        try guest.order(guest.request(.destroy))
        try add()
        let again = try guest.initialize()
        #expect(InitFlags(low: again.flags, high: again.flags2).isSuperset(of: locks))
    }
}

private let everything: ClosedRange<UInt64> = 0...UInt64(Int64.max)
