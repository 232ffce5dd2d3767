import CLinux
import FUSE
import Glibc
import Linux
import Synchronization
import SystemPackage
import Testing

@testable import FileService

/// Open files without descriptors: a guest may have more files open than the launcher may.
@Suite struct OpenFileTests {
    private static let limit = 64

    /// A share whose guest may make the launcher hold few descriptors.
    private func makeSmallShare(
        limit: Int = limit, _ options: ChildOptions = ChildOptions(), access: Access = .readWrite,
        _ prepare: (HostDirectory) throws -> Void = { _ in }
    ) throws -> (HostDirectory, GuestClient, NodeID) {
        let host = try HostDirectory()
        try prepare(host)
        let aggregate = try Aggregate(
            access: access, caching: options.deviceCaching(for: access), descriptorLimit: limit)
        try aggregate.addChild(name: "share", hostPath: host.path, access: access, options: options)
        let guest = try GuestClient(aggregate)
        guest.host = host
        return (host, guest, try guest.walk("share"))
    }

    private struct OpenFile {
        let node: NodeID
        let handle: HandleID
        let text: String
    }

    private func open(
        _ guest: GuestClient, _ name: String, in parent: NodeID, flags: CInt = O_RDWR, text: String = ""
    ) throws -> OpenFile {
        let node = try guest.lookup(name, in: parent).node
        return OpenFile(node: node, handle: try guest.open(node, flags).handle, text: text)
    }

    /// Opens the files of directories `d0`, `d1` and so on, each with `f0`, `f1` and so on.
    private func openTree(_ guest: GuestClient, in root: NodeID, directories: Int, files: Int) throws -> [OpenFile] {
        try (0..<directories).flatMap { outer in
            let directory = try guest.lookup("d\(outer)", in: root).node
            return try (0..<files).map { try open(guest, "f\($0)", in: directory, text: "\(outer)/\($0)") }
        }
    }

    private func content(_ guest: GuestClient, _ file: OpenFile) throws -> String {
        String(decoding: try guest.read(file.node, file.handle), as: UTF8.self)
    }

    /// Opens and uses so many files that all which can sleep do.
    private func tire(_ guest: GuestClient, in root: NodeID) throws {
        var files: [OpenFile] = []
        for index in 0..<200 {
            let made = try guest.create("tire-\(index)", in: root)
            files.append(OpenFile(node: made.entry.node, handle: made.open.handle, text: ""))
        }
        for (index, file) in files.enumerated() {
            try guest.write(file.node, file.handle, [1])
            try guest.release(file.node, file.handle)
            try guest.unlink("tire-\(index)", in: root)
            guest.forget(file.node)
        }
    }

    @Test func keepsMoreFilesOpenThanItMayHold() throws {
        let (host, guest, root) = try makeSmallShare { host in
            for outer in 0..<20 {
                host.directory("d\(outer)")
                for inner in 0..<100 { host.file("d\(outer)/f\(inner)", "\(outer)/\(inner)") }
            }
        }
        let before = host.openDescriptors()
        let files = try openTree(guest, in: root, directories: 20, files: 100)

        #expect(guest.aggregate.activity.openHandles == 2000)
        #expect(host.openDescriptors() <= before + OpenFileTests.limit)
        for file in files {
            #expect(try content(guest, file) == file.text)
            try guest.write(file.node, file.handle, Array("+".utf8), offset: UInt64(file.text.utf8.count))
        }
        for file in files.reversed() {
            #expect(try content(guest, file) == file.text + "+")
            #expect(try guest.getattr(file.node, handle: file.handle).size == UInt64(file.text.utf8.count + 1))
        }
        #expect(host.openDescriptors() <= before + OpenFileTests.limit)
        for file in files { try guest.release(file.node, file.handle) }
        #expect(guest.aggregate.activity.openHandles == 0)
        for file in files { guest.forget(file.node) }
        for outer in 0..<20 { guest.forget(try guest.walk("share/d\(outer)"), 2) }
        #expect(host.openDescriptors() <= before + 1)
        #expect(refusal { _ = try content(guest, files[0]) } != nil)
    }

    @Test func keepsMoreDirectoriesOpenThanItMayHold() throws {
        let (host, guest, root) = try makeSmallShare { host in
            for outer in 0..<10 {
                host.directory("d\(outer)")
                for inner in 0..<50 { host.directory("d\(outer)/e\(inner)").file("d\(outer)/e\(inner)/\(inner)") }
            }
        }
        let before = host.openDescriptors()
        var directories: [OpenFile] = []
        for outer in 0..<10 {
            let parent = try guest.lookup("d\(outer)", in: root).node
            for inner in 0..<50 {
                let node = try guest.lookup("e\(inner)", in: parent).node
                directories.append(OpenFile(node: node, handle: try guest.opendir(node), text: "\(inner)"))
            }
        }

        #expect(guest.aggregate.activity.openHandles == 500)
        #expect(host.openDescriptors() <= before + OpenFileTests.limit)
        for directory in directories + directories.reversed() {
            let listed = try guest.readdir(directory.node, directory.handle)
            #expect(Set(listed.map(\.name)) == [".", "..", directory.text])
            let last = try #require(listed.last).cookie
            #expect(try guest.readdir(directory.node, directory.handle, from: last).isEmpty)
        }
        // The end of a listing is its end also by another descriptor; and an fsync finds the directory.
        for directory in directories {
            let sync = FsyncIn { $0.handle = directory.handle }
            try guest.order(guest.request(.fsyncdir, directory.node).adding(sync))
            let listed = try guest.readdir(directory.node, directory.handle, from: 0, size: 64)
            let last = try #require(listed.last).cookie
            let rest = try guest.readdir(directory.node, directory.handle, from: last)
            #expect(listed.count + rest.count == 3)
            #expect(
                try guest.readdir(directory.node, directory.handle, from: rest.last?.cookie ?? last).isEmpty)
        }
        #expect(host.openDescriptors() <= before + OpenFileTests.limit)
        for directory in directories { try guest.release(directory.node, directory.handle, directory: true) }
        #expect(guest.aggregate.activity.openHandles == 0)
    }

    @Test func goesOnWithAListingByTheSameDescriptor() throws {
        let (host, guest, root) = try makeSmallShare { host in
            host.directory("d")
            for index in 0..<300 { host.file("d/file-\(index)") }
        }
        let node = try guest.lookup("d", in: root).node
        let handle = try guest.opendir(node)
        var listed: [String] = []
        var cookie: UInt64 = 0
        while true {
            let some = try guest.readdir(node, handle, from: cookie, size: 2000)
            guard let last = some.last else { break }
            cookie = last.cookie
            listed += some.map(\.name)
            // What was listed is deleted, and nobody uses the directory for long.
            for entry in some where entry.name.hasPrefix("file-") { unlink(host.path("d/\(entry.name)")) }
            try tire(guest, in: root)
        }
        #expect(listed.count == 302)
        #expect(Set(listed).count == 302)

        host.file("d/late")
        try tire(guest, in: root)
        #expect(try Set(guest.readdir(node, handle).map(\.name)) == [".", "..", "late"])
    }

    @Test func listsADirectoryThatWasMovedOrDeletedInItsSleep() throws {
        let (host, guest, root) = try makeSmallShare { host in
            for name in ["moved", "shut", "gone", "lost"] { host.directory(name).file("\(name)/x") }
            unlink(host.path("gone/x"))
        }
        func open(_ name: String) throws -> (NodeID, HandleID) {
            let node = try guest.lookup(name, in: root).node
            return (node, try guest.opendir(node))
        }
        let (moved, shut, gone, lost) = (try open("moved"), try open("shut"), try open("gone"), try open("lost"))
        try tire(guest, in: root)
        try guest.rename("moved", in: root, to: "other", in: root)
        _ = try guest.setattr(shut.0) {
            $0.fields = .mode
            $0.mode = 0
        }
        try guest.rmdir("gone", in: root)
        #expect(rename(host.path("lost"), host.path("found")) == 0)
        host.directory("lost").file("lost/another")
        try tire(guest, in: root)

        for (node, handle) in [moved, shut] {
            #expect(try Set(guest.readdir(node, handle).map(\.name)) == [".", "..", "x"])
        }
        #expect(refusal { _ = try guest.readdir(gone.0, gone.1) } == .noSuchFileOrDirectory)
        #expect(refusal { _ = try guest.readdir(lost.0, lost.1) } == .staleNFSFileHandle)
        chmod(host.path("shut"), 0o755)
    }

    @Test func findsWhatTheGuestMovedOrDeletedInItsSleep() throws {
        let (host, guest, root) = try makeSmallShare { host in
            host.directory("from").directory("to")
            for index in 0..<90 { host.file("from/f\(index)", "text \(index)") }
        }
        let (from, to) = (try guest.lookup("from", in: root).node, try guest.lookup("to", in: root).node)
        let files = try (0..<90).map { try open(guest, "f\($0)", in: from, text: "text \($0)") }
        try tire(guest, in: root)
        for index in 0..<90 {
            switch index % 3 {
            case 0: try guest.unlink("f\(index)", in: from)
            case 1: try guest.rename("f\(index)", in: from, to: "g\(index)", in: to)
            // Over the next one, which is deleted by that.
            default: if index < 89 { try guest.rename("f\(index)", in: from, to: "g\(index - 1)", in: to) }
            }
        }
        try guest.rename("from", in: root, to: "away", in: to)
        try tire(guest, in: root)

        for file in files { #expect(try content(guest, file) == file.text) }
        for file in files {
            try guest.write(file.node, file.handle, Array("T".utf8))
            #expect(try content(guest, file) == "T" + file.text.dropFirst())
        }
        #expect(try guest.getattr(files[0].node).linkCount == 0)
        #expect(try guest.getattr(files[2].node).linkCount == 1)
        for file in files { try guest.release(file.node, file.handle) }
        #expect(host.content("to/g1") == "Text 2")
    }

    @Test func keepsWhatTheHostHasDeletedAlready() throws {
        let (host, guest, root) = try makeSmallShare { host in
            for index in 0..<10 { host.file("f\(index)", "text \(index)") }
        }
        let files = try (0..<10).map { try open(guest, "f\($0)", in: root, text: "text \($0)") }
        for index in 0..<10 {
            Glibc.unlink(host.path("f\(index)"))
            if index % 2 == 0 { host.file("f\(index)", "other") }
        }
        try tire(guest, in: root)

        for file in files {
            #expect(try content(guest, file) == file.text)
            #expect(try guest.getattr(file.node).linkCount == 0)
            try guest.write(file.node, file.handle, Array("T".utf8))
        }
        for file in files { try guest.release(file.node, file.handle) }
        #expect(host.content("f0") == "other")
    }

    @Test func neverTakesAnotherFileForOneThatSleeps() throws {
        let (host, guest, root) = try makeSmallShare { $0.file("x", "mine") }
        let file = try open(guest, "x", in: root)
        try tire(guest, in: root)
        Glibc.unlink(host.path("x"))
        host.file("x", "other")

        #expect(refusal { _ = try content(guest, file) } == .staleNFSFileHandle)
        #expect(refusal { try guest.write(file.node, file.handle, Array("bad".utf8)) } == .staleNFSFileHandle)
        #expect(host.content("x") == "other")
        try guest.release(file.node, file.handle)
    }

    @Test func opensWithTheSameFlagsAndTruncatesOnce() throws {
        let (host, guest, root) = try makeSmallShare { $0.file("r", "read").file("w", "write").file("t", "old") }
        let read = try open(guest, "r", in: root, flags: O_RDONLY)
        let write = try open(guest, "w", in: root, flags: O_WRONLY)
        let truncate = try open(guest, "t", in: root, flags: O_RDWR | O_TRUNC)
        try guest.write(truncate.node, truncate.handle, Array("new".utf8))
        try tire(guest, in: root)

        #expect(try content(guest, read) == "read")
        #expect(refusal { try guest.write(read.node, read.handle, [1]) } == .badFileDescriptor)
        try tire(guest, in: root)
        #expect(refusal { _ = try content(guest, write) } == .badFileDescriptor)
        try guest.write(write.node, write.handle, Array("W".utf8))
        #expect(try content(guest, truncate) == "new")
        #expect(host.content("w") == "Write")
    }

    @Test func readsAgainWhatAGuestThatBuffersWritesHasOpenedToWrite() throws {
        let (host, guest, root) = try makeSmallShare(ChildOptions(buffersWrites: true)) { $0.file("w", "write") }
        let there = try open(guest, "w", in: root, flags: O_WRONLY)
        let made = try guest.create("made", in: root, flags: O_WRONLY)
        try tire(guest, in: root)

        #expect(try content(guest, there) == "write")
        try guest.write(made.entry.node, made.open.handle, Array("new".utf8), writeFlags: .cache)
        try tire(guest, in: root)
        #expect(try guest.read(made.entry.node, made.open.handle) == Array("new".utf8))
        try guest.write(there.node, there.handle, Array("W".utf8), writeFlags: .cache)
        #expect(host.content("w") == "Write")
    }

    @Test func writesAgainWhatNobodyMayRead() throws {
        // Root may read everything.
        guard getuid() != 0 else { return }
        let (host, guest, root) = try makeSmallShare(ChildOptions(buffersWrites: true)) { $0.file("w", "write") }
        chmod(host.path("w"), 0o200)
        let file = try open(guest, "w", in: root, flags: O_WRONLY)
        for letter in ["W", "V"] {
            try tire(guest, in: root)
            try guest.write(file.node, file.handle, Array(letter.utf8))
        }
        #expect(refusal { _ = try content(guest, file) } == .badFileDescriptor)
        chmod(host.path("w"), 0o600)
        #expect(host.content("w") == "Vrite")
    }

    @Test func readsUnopenedMoreFilesThanItMayHold() throws {
        let (host, guest, root) = try makeSmallShare(limit: 16, ChildOptions(cache: .always), access: .readOnly) {
            host in
            for outer in 0..<5 {
                host.directory("d\(outer)")
                for inner in 0..<40 { host.file("d\(outer)/f\(inner)", "\(outer)/\(inner)") }
            }
        }
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
        let (host, guest, root) = try makeSmallShare()
        // To be written by whom made it alone; and one that has no name.
        let made = try guest.create("x", in: root, mode: 0o000)
        let body = CreateIn {
            $0.flags = UInt32(bitPattern: O_RDWR)
            $0.mode = 0o100600
        }
        let nameless: CreateOut = try guest.ask(guest.request(.tmpfile, root).adding(body).adding(name: "/"))
        let files = [made, nameless].map { OpenFile(node: $0.entry.node, handle: $0.open.handle, text: "") }
        for round in 0..<3 {
            try tire(guest, in: root)
            for file in files {
                try guest.write(file.node, file.handle, Array("\(round)".utf8), offset: UInt64(round))
                #expect(try content(guest, file) == "012".prefix(round + 1))
            }
        }
        for file in files { try guest.release(file.node, file.handle) }
        chmod(host.path("x"), 0o600)
        #expect(host.content("x") == "012")
    }

    @Test func usesAFileWhoseModeTheGuestChangedInItsSleep() throws {
        let (host, guest, root) = try makeSmallShare { $0.file("x", "text") }
        let file = try open(guest, "x", in: root)
        try tire(guest, in: root)
        _ = try guest.setattr(file.node) {
            $0.fields = .mode
            $0.mode = 0
        }
        try tire(guest, in: root)

        try guest.write(file.node, file.handle, Array("T".utf8))
        #expect(try content(guest, file) == "Text")
        #expect(try #require(host.status("x")).st_mode & 0o777 == 0)
        try guest.release(file.node, file.handle)
    }

    @Test func syncsTruncatesAndSeeksWhatSleeps() throws {
        let (host, guest, root) = try makeSmallShare { $0.file("x", "0123456789").file("y", "") }
        let (x, y) = (try open(guest, "x", in: root), try open(guest, "y", in: root))
        try tire(guest, in: root)
        let copy = CopyFileRangeIn {
            $0.sourceHandle = x.handle
            $0.target = y.node
            $0.targetHandle = y.handle
            $0.size = 10
        }
        let copied: WriteOut = try guest.ask(guest.request(.copyFileRange, x.node).adding(copy))
        #expect(copied.size == 10)
        try tire(guest, in: root)
        let seek = LseekIn {
            $0.handle = x.handle
            $0.whence = 4
        }
        #expect(try guest.ask(guest.request(.lseek, x.node).adding(seek), LseekOut.self).offset == 10)
        try tire(guest, in: root)
        _ = try guest.setattr(x.node) {
            $0.fields = [.size, .handle]
            $0.handle = x.handle
            $0.size = 3
        }
        try tire(guest, in: root)
        try guest.order(guest.request(.fsync, x.node).adding(FsyncIn { $0.handle = x.handle }))
        #expect(host.content("x") == "012")
        #expect(host.content("y") == "0123456789")
    }

    @Test func goesWithItsShareAndItsSession() throws {
        let (host, guest, root) = try makeSmallShare { host in
            for index in 0..<100 { host.file("f\(index)", "x") }
        }
        var files = try (0..<100).map { try open(guest, "f\($0)", in: root) }
        try guest.aggregate.removeChild(named: "share", revoke: true)
        for file in files { #expect(refusal { _ = try content(guest, file) } == .staleNFSFileHandle) }
        #expect(host.openDescriptors() == 0)

        try guest.aggregate.addChild(name: "share", hostPath: host.path, access: .readWrite)
        let again = try guest.walk("share")
        files = try (0..<100).map { try open(guest, "f\($0)", in: again) }
        try guest.initialize()
        #expect(host.openDescriptors() == 1)
        #expect(guest.aggregate.activity.openHandles == 0)
    }

    @Test func servesFourQueuesThatUseMoreFilesThanItMayHold() throws {
        let (host, guest, root) = try makeSmallShare(limit: 32) { host in
            for outer in 0..<10 {
                host.directory("d\(outer)")
                for inner in 0..<20 { host.file("d\(outer)/f\(inner)", "0000") }
            }
        }
        let before = host.openDescriptors()
        let (aggregate, known) = (guest.aggregate, try openTree(guest, in: root, directories: 10, files: 20))
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
