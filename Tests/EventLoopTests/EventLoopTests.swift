import CLinux
import EventLoop
import Glibc
import Linux
import Testing

@Suite struct EventLoopTests {
    @Test func timersFireInOrderOfTheirDelays() {
        let loop = EventLoop()
        let notes = Notes<Int>()
        let late = loop.after(.milliseconds(40)) {
            notes.items.append(2)
            loop.stop()
        }
        let early = loop.after(.milliseconds(5)) { notes.items.append(1) }
        let now = loop.after(.seconds(-1)) { notes.items.append(0) }
        loop.runBounded()
        #expect(notes.items == [0, 1, 2])
        _ = (late, early, now)
    }

    @Test func repeatingTimerCanCancelItselfInItsHandler() {
        let loop = EventLoop()
        let notes = Notes<Int>()
        let tokens = Notes<EventSource>()
        tokens.items.append(
            loop.every(.milliseconds(1)) {
                notes.items.append(notes.items.count)
                if notes.items.count == 3 { tokens.items.removeAll() }
            })
        let end = loop.after(.milliseconds(50)) { loop.stop() }
        loop.runBounded()
        #expect(notes.items == [0, 1, 2])
        _ = end
    }

    @Test func cancelledTimerNeitherFiresNorKeepsItsHandler() {
        let loop = EventLoop()
        let notes = Notes<Int>()
        weak var captured: Notes<Int>?
        do {
            let held = Notes<Int>()
            captured = held
            let source = loop.after(.zero) {
                held.items.append(1)
                notes.items.append(1)
            }
            source.cancel()
            source.cancel()
        }
        let end = loop.after(.milliseconds(5)) { loop.stop() }
        loop.runBounded()
        #expect(notes.items.isEmpty)
        #expect(captured == nil)
        _ = end
    }

    @Test func stopBeforeRunIsHonouredAndTheLoopRunsAgain() {
        let loop = EventLoop()
        loop.stop()
        loop.run()
        let notes = Notes<Int>()
        let source = loop.soon {
            notes.items.append(1)
            loop.stop()
        }
        loop.runBounded()
        #expect(notes.items == [1])
        _ = source
    }

    @Test func readableAndWritableDescriptorsAreTold() throws {
        let loop = EventLoop()
        let pair = try SocketPair()
        let (near, far) = (pair.near.number, pair.far.number)
        let notes = Notes<String>()
        let tokens = Notes<EventSource>()
        tokens.items.append(
            loop.onWritable(near) {
                notes.items.append("writable")
                tokens.items.removeAll()
                tokens.items.append(
                    loop.onReadable(near) {
                        notes.items.append("readable")
                        loop.stop()
                    })
                _ = cl_write(far, "x", 1)
            })
        loop.runBounded()
        #expect(notes.items == ["writable", "readable"])
        withExtendedLifetime(pair) {}
    }

    @Test func signalReachesEveryLoopThatAskedForIt() throws {
        let loop = EventLoop()
        let notes = Notes<Int>()
        let first = loop.onSignal(.user1) {
            notes.items.append(1)
            if notes.items.count == 2 { loop.stop() }
        }
        let second = loop.onSignal(.user1) {
            notes.items.append(2)
            if notes.items.count == 2 { loop.stop() }
        }
        kill(getpid(), SIGUSR1)
        loop.runBounded()
        #expect(notes.items.sorted() == [1, 2])
        _ = (first, second)
    }

    @Test func postsOfOtherThreadsArriveInOrderOnTheLoop() throws {
        let loop = EventLoop()
        let home = cl_thread_id()
        let notes = Notes<Int>()
        let (mailbox, receiver) = loop.mailbox { (number: Int) in
            #expect(cl_thread_id() == home)
            notes.items.append(number)
            if notes.items.count == 1000 { loop.stop() }
        }
        let thread = try Thread(name: "poster") {
            for number in 0..<1000 { mailbox.post(number) }
        }
        loop.runBounded()
        thread.join()
        #expect(notes.items == Array(0..<1000))
        receiver.cancel()
    }

    @Test func cancelledMailboxDropsWhatWasPostedAlready() {
        let loop = EventLoop()
        let notes = Notes<Int>()
        let receivers = Notes<MailboxReceiver>()
        let (mailbox, receiver) = loop.mailbox { (number: Int) in
            notes.items.append(number)
            receivers.items.forEach { $0.cancel() }
        }
        receivers.items.append(receiver)
        mailbox.post(1)
        mailbox.post(2)
        let end = loop.after(.milliseconds(5)) { loop.stop() }
        loop.runBounded()
        mailbox.post(3)
        #expect(notes.items == [1])
        _ = end
    }

    @Test func postsMayOutliveTheLoop() throws {
        var mailbox: Mailbox<Int>?
        var poster: Thread?
        do {
            let loop = EventLoop()
            let (made, receiver) = loop.mailbox { (_: Int) in loop.stop() }
            mailbox = made
            poster = try Thread(name: "late-poster") {
                for number in 0..<20_000 { made.post(number) }
            }
            loop.runBounded()
            receiver.cancel()
        }
        mailbox?.post(1)
        poster?.join()
    }

    @Test func listenerAcceptsConnections() throws {
        let loop = EventLoop()
        let path = "/tmp/sheaf-listener-\(getpid()).sock"
        defer { unlink(path) }
        let notes = Notes<CInt>()
        let listener = try UnixListener(path: path, on: loop) { connection in
            notes.items.append(connection.number)
            loop.stop()
        }
        let client = try Descriptor(result: cl_connect_unix(path))
        loop.runBounded()
        #expect(notes.items.count == 1)
        listener.close()
        withExtendedLifetime(client) {}
    }
}
