import FUSE
import Glibc
import Linux
import SystemPackage
import Testing

@testable import FileService

/// Open files without descriptors: a guest may have more files open than the launcher may.
@Suite struct OpenFileTests {
    @Test func keepsMoreFilesOpenThanItMayHold() throws {
        let small = try SmallShare { host in
            for outer in 0..<20 {
                host.directory("d\(outer)")
                for inner in 0..<100 { host.file("d\(outer)/f\(inner)", "\(outer)/\(inner)") }
            }
        }
        let (host, guest) = (small.host, small.guest)
        let before = host.openDescriptors()
        let files = try small.openTree(directories: 20, files: 100)

        #expect(guest.aggregate.activity.openHandles == 2000)
        #expect(host.openDescriptors() <= before + SmallShare.usualLimit)
        for file in files {
            #expect(try small.content(file) == file.text)
            try guest.write(file.node, file.handle, Array("+".utf8), offset: UInt64(file.text.utf8.count))
        }
        for file in files.reversed() {
            #expect(try small.content(file) == file.text + "+")
            #expect(try guest.getattr(file.node, handle: file.handle).size == UInt64(file.text.utf8.count + 1))
        }
        #expect(host.openDescriptors() <= before + SmallShare.usualLimit)
        for file in files { try guest.release(file.node, file.handle) }
        #expect(guest.aggregate.activity.openHandles == 0)
        for file in files { guest.forget(file.node) }
        for outer in 0..<20 { guest.forget(try guest.walk("share/d\(outer)"), 2) }
        #expect(host.openDescriptors() <= before + 1)
        #expect(refusal { _ = try small.content(files[0]) } != nil)
    }

    @Test func findsWhatTheGuestMovedOrDeletedInItsSleep() throws {
        let small = try SmallShare { host in
            host.directory("from").directory("to")
            for index in 0..<90 { host.file("from/f\(index)", "text \(index)") }
        }
        let (host, guest, root) = (small.host, small.guest, small.root)
        let (from, to) = (try guest.lookup("from", in: root).node, try guest.lookup("to", in: root).node)
        let files = try (0..<90).map { try small.open("f\($0)", in: from, text: "text \($0)") }
        try small.tire()
        for index in 0..<90 {
            switch index % 3 {
            case 0: try guest.unlink("f\(index)", in: from)
            case 1: try guest.rename("f\(index)", in: from, to: "g\(index)", in: to)
            // Over the next one, which is deleted by that.
            default: if index < 89 { try guest.rename("f\(index)", in: from, to: "g\(index - 1)", in: to) }
            }
        }
        try guest.rename("from", in: root, to: "away", in: to)
        try small.tire()

        for file in files { #expect(try small.content(file) == file.text) }
        for file in files {
            try guest.write(file.node, file.handle, Array("T".utf8))
            #expect(try small.content(file) == "T" + file.text.dropFirst())
        }
        #expect(try guest.getattr(files[0].node).linkCount == 0)
        #expect(try guest.getattr(files[2].node).linkCount == 1)
        for file in files { try guest.release(file.node, file.handle) }
        #expect(host.content("to/g1") == "Text 2")
    }

    @Test func keepsWhatTheHostHasDeletedAlready() throws {
        let small = try SmallShare { host in
            for index in 0..<10 { host.file("f\(index)", "text \(index)") }
        }
        let (host, guest) = (small.host, small.guest)
        let files = try (0..<10).map { try small.open("f\($0)", text: "text \($0)") }
        for index in 0..<10 {
            Glibc.unlink(host.path("f\(index)"))
            if index % 2 == 0 { host.file("f\(index)", "other") }
        }
        try small.tire()

        for file in files {
            #expect(try small.content(file) == file.text)
            #expect(try guest.getattr(file.node).linkCount == 0)
            try guest.write(file.node, file.handle, Array("T".utf8))
        }
        for file in files { try guest.release(file.node, file.handle) }
        #expect(host.content("f0") == "other")
    }

    @Test func neverTakesAnotherFileForOneThatSleeps() throws {
        let small = try SmallShare { $0.file("x", "mine") }
        let (host, guest) = (small.host, small.guest)
        let file = try small.open("x")
        try small.tire()
        Glibc.unlink(host.path("x"))
        host.file("x", "other")

        #expect(refusal { _ = try small.content(file) } == .staleNFSFileHandle)
        #expect(refusal { try guest.write(file.node, file.handle, Array("bad".utf8)) } == .staleNFSFileHandle)
        #expect(host.content("x") == "other")
        try guest.release(file.node, file.handle)
    }

    @Test func opensWithTheSameFlagsAndTruncatesOnce() throws {
        let small = try SmallShare { $0.file("r", "read").file("w", "write").file("t", "old") }
        let (host, guest) = (small.host, small.guest)
        let read = try small.open("r", flags: O_RDONLY)
        let write = try small.open("w", flags: O_WRONLY)
        let truncate = try small.open("t", flags: O_RDWR | O_TRUNC)
        try guest.write(truncate.node, truncate.handle, Array("new".utf8))
        try small.tire()

        #expect(try small.content(read) == "read")
        #expect(refusal { try guest.write(read.node, read.handle, [1]) } == .badFileDescriptor)
        try small.tire()
        #expect(refusal { _ = try small.content(write) } == .badFileDescriptor)
        try guest.write(write.node, write.handle, Array("W".utf8))
        #expect(try small.content(truncate) == "new")
        #expect(host.content("w") == "Write")
    }

    @Test func readsAgainWhatAGuestThatBuffersWritesHasOpenedToWrite() throws {
        let small = try SmallShare(ChildOptions(buffersWrites: true)) { $0.file("w", "write") }
        let (host, guest, root) = (small.host, small.guest, small.root)
        let there = try small.open("w", flags: O_WRONLY)
        let made = try guest.create("made", in: root, flags: O_WRONLY)
        try small.tire()

        #expect(try small.content(there) == "write")
        try guest.write(made.entry.node, made.open.handle, Array("new".utf8), writeFlags: .cache)
        try small.tire()
        #expect(try guest.read(made.entry.node, made.open.handle) == Array("new".utf8))
        try guest.write(there.node, there.handle, Array("W".utf8), writeFlags: .cache)
        #expect(host.content("w") == "Write")
    }

    @Test func writesAgainWhatNobodyMayRead() throws {
        // Root may read everything.
        guard getuid() != 0 else { return }
        let small = try SmallShare(ChildOptions(buffersWrites: true)) { $0.file("w", "write") }
        let (host, guest) = (small.host, small.guest)
        chmod(host.path("w"), 0o200)
        let file = try small.open("w", flags: O_WRONLY)
        for letter in ["W", "V"] {
            try small.tire()
            try guest.write(file.node, file.handle, Array(letter.utf8))
        }
        #expect(refusal { _ = try small.content(file) } == .badFileDescriptor)
        chmod(host.path("w"), 0o600)
        #expect(host.content("w") == "Vrite")
    }

    @Test func readsUnopenedMoreFilesThanItMayHold() throws {
        let small = try SmallShare(limit: 16, ChildOptions(cache: .always), access: .readOnly) {
            host in
            for outer in 0..<5 {
                host.directory("d\(outer)")
                for inner in 0..<40 { host.file("d\(outer)/f\(inner)", "\(outer)/\(inner)") }
            }
        }
        let (host, guest, root) = (small.host, small.guest, small.root)
        let before = host.openDescriptors()
        var nodes: [(NodeID, String)] = []
        for outer in 0..<5 {
            let directory = try guest.lookup("d\(outer)", in: root).node
            #expect(try guest.readdir(directory, .none).count == 42)
            for inner in 0..<40 {
                nodes.append((try guest.lookup("f\(inner)", in: directory).node, "\(outer)/\(inner)"))
            }
        }
        for (node, text) in nodes + nodes.reversed() {
            #expect(try guest.read(node, .none) == Array(text.utf8))
        }
        #expect(host.openDescriptors() <= before + 16)
        try guest.order(guest.request(.destroy))
        #expect(host.openDescriptors() == before)
    }

    @Test func keepsWhatTheHostWouldNotOpenAgain() throws {
        let small = try SmallShare()
        let (host, guest, root) = (small.host, small.guest, small.root)
        // To be written by whom made it alone; and one that has no name.
        let made = try guest.create("x", in: root, mode: 0o000)
        let body = CreateIn {
            $0.flags = UInt32(bitPattern: O_RDWR)
            $0.mode = 0o100600
        }
        let nameless: CreateOut = try guest.ask(guest.request(.tmpfile, root).adding(body).adding(name: "/"))
        let files = [made, nameless].map { SmallShare.Opened(node: $0.entry.node, handle: $0.open.handle) }
        for round in 0..<3 {
            try small.tire()
            for file in files {
                try guest.write(file.node, file.handle, Array("\(round)".utf8), offset: UInt64(round))
                #expect(try small.content(file) == "012".prefix(round + 1))
            }
        }
        for file in files { try guest.release(file.node, file.handle) }
        chmod(host.path("x"), 0o600)
        #expect(host.content("x") == "012")
    }

    @Test func usesAFileWhoseModeTheGuestChangedInItsSleep() throws {
        let small = try SmallShare { $0.file("x", "text") }
        let (host, guest) = (small.host, small.guest)
        let file = try small.open("x")
        try small.tire()
        _ = try guest.setattr(file.node) {
            $0.fields = .mode
            $0.mode = 0
        }
        try small.tire()

        try guest.write(file.node, file.handle, Array("T".utf8))
        #expect(try small.content(file) == "Text")
        #expect(try #require(host.status("x")).st_mode & 0o777 == 0)
        try guest.release(file.node, file.handle)
    }

    @Test func syncsTruncatesAndSeeksWhatSleeps() throws {
        let small = try SmallShare { $0.file("x", "0123456789").file("y", "") }
        let (host, guest) = (small.host, small.guest)
        let (x, y) = (try small.open("x"), try small.open("y"))
        try small.tire()
        let copy = CopyFileRangeIn {
            $0.sourceHandle = x.handle
            $0.target = y.node
            $0.targetHandle = y.handle
            $0.size = 10
        }
        let copied: WriteOut = try guest.ask(guest.request(.copyFileRange, x.node).adding(copy))
        #expect(copied.size == 10)
        try small.tire()
        let seek = LseekIn {
            $0.handle = x.handle
            $0.whence = 4
        }
        #expect(try guest.ask(guest.request(.lseek, x.node).adding(seek), LseekOut.self).offset == 10)
        try small.tire()
        _ = try guest.setattr(x.node) {
            $0.fields = [.size, .handle]
            $0.handle = x.handle
            $0.size = 3
        }
        try small.tire()
        try guest.order(guest.request(.fsync, x.node).adding(FsyncIn { $0.handle = x.handle }))
        #expect(host.content("x") == "012")
        #expect(host.content("y") == "0123456789")
    }

    @Test func goesWithItsShareAndItsSession() throws {
        let small = try SmallShare { host in
            for index in 0..<100 { host.file("f\(index)", "x") }
        }
        let (host, guest) = (small.host, small.guest)
        var files = try (0..<100).map { try small.open("f\($0)") }
        try guest.aggregate.removeChild(named: "share", revoke: true)
        for file in files { #expect(refusal { _ = try small.content(file) } == .staleNFSFileHandle) }
        #expect(host.openDescriptors() == 0)

        try guest.aggregate.addChild(name: "share", hostPath: host.path, access: .readWrite)
        let again = try guest.walk("share")
        files = try (0..<100).map { try small.open("f\($0)", in: again) }
        try guest.initialize()
        #expect(host.openDescriptors() == 1)
        #expect(guest.aggregate.activity.openHandles == 0)
    }

    @Test func servesFourQueuesThatUseMoreFilesThanItMayHold() throws {
        let small = try SmallShare(limit: 32) { host in
            for outer in 0..<10 {
                host.directory("d\(outer)")
                for inner in 0..<20 { host.file("d\(outer)/f\(inner)", "0000") }
            }
        }
        let (host, guest, root) = (small.host, small.guest, small.root)
        let before = host.openDescriptors()
        let (aggregate, known) = (guest.aggregate, try small.openTree(directories: 10, files: 20))
        let threads = try (0..<4).map { number in
            try Linux.Thread(name: "queue-\(number)") {
                do {
                    let mine = try GuestClient(aggregate, begin: false, lane: number)
                    // Each thread's own byte of every file: what it has written is there.
                    var written = [UInt8](repeating: UInt8(ascii: "0"), count: known.count)
                    var random = SystemRandomNumberGenerator()
                    for step in 0..<1500 {
                        let index = Int.random(in: 0..<known.count, using: &random)
                        let file = known[index]
                        let bytes = try mine.read(file.node, file.handle, offset: UInt64(number), size: 1)
                        #expect(bytes == [written[index]])
                        written[index] = UInt8(ascii: "a") + UInt8(step % 26)
                        try mine.write(file.node, file.handle, [written[index]], offset: UInt64(number))
                        if number == 0, step % 10 == 0 {
                            let (old, new) = step % 20 == 0 ? ("d", "m") : ("m", "d")
                            let directory = step / 20 % 10
                            try mine.rename("\(old)\(directory)", in: root, to: "\(new)\(directory)", in: root)
                        }
                    }
                } catch {
                    Issue.record(error)
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(host.openDescriptors() <= before + 32)
        for file in known { try guest.release(file.node, file.handle) }
        try guest.order(guest.request(.destroy))
        #expect(host.openDescriptors() == before)
    }
}
