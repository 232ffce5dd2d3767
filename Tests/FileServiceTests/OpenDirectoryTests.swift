import FUSE
import Glibc
import SystemPackage
import Testing

@testable import FileService

/// Open directories without descriptors, as `OpenFileTests` has files.
@Suite struct OpenDirectoryTests {
    @Test func keepsMoreDirectoriesOpenThanItMayHold() throws {
        let small = try SmallShare { host in
            for outer in 0..<10 {
                host.directory("d\(outer)")
                for inner in 0..<50 { host.directory("d\(outer)/e\(inner)").file("d\(outer)/e\(inner)/\(inner)") }
            }
        }
        let (host, guest, root) = (small.host, small.guest, small.root)
        let before = host.openDescriptors()
        var directories: [SmallShare.Opened] = []
        for outer in 0..<10 {
            let parent = try guest.lookup("d\(outer)", in: root).node
            for inner in 0..<50 {
                let node = try guest.lookup("e\(inner)", in: parent).node
                directories.append(SmallShare.Opened(node: node, handle: try guest.opendir(node), text: "\(inner)"))
            }
        }

        #expect(guest.aggregate.activity.openHandles == 500)
        #expect(host.openDescriptors() <= before + SmallShare.usualLimit)
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
        #expect(host.openDescriptors() <= before + SmallShare.usualLimit)
        for directory in directories { try guest.release(directory.node, directory.handle, directory: true) }
        #expect(guest.aggregate.activity.openHandles == 0)
    }

    @Test func goesOnWithAListingByTheSameDescriptor() throws {
        let small = try SmallShare { host in
            host.directory("d")
            for index in 0..<300 { host.file("d/file-\(index)") }
        }
        let (host, guest, root) = (small.host, small.guest, small.root)
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
            try small.tire()
        }
        #expect(listed.count == 302)
        #expect(Set(listed).count == 302)

        host.file("d/late")
        try small.tire()
        #expect(try Set(guest.readdir(node, handle).map(\.name)) == [".", "..", "late"])
    }

    @Test func listsADirectoryThatWasMovedOrDeletedInItsSleep() throws {
        let small = try SmallShare { host in
            for name in ["moved", "shut", "gone", "lost"] { host.directory(name).file("\(name)/x") }
            unlink(host.path("gone/x"))
        }
        let (host, guest, root) = (small.host, small.guest, small.root)
        func open(_ name: String) throws -> (NodeID, HandleID) {
            let node = try guest.lookup(name, in: root).node
            return (node, try guest.opendir(node))
        }
        let (moved, shut, gone, lost) = (try open("moved"), try open("shut"), try open("gone"), try open("lost"))
        try small.tire()
        try guest.rename("moved", in: root, to: "other", in: root)
        _ = try guest.setattr(shut.0) {
            $0.fields = .mode
            $0.mode = 0
        }
        try guest.rmdir("gone", in: root)
        #expect(rename(host.path("lost"), host.path("found")) == 0)
        host.directory("lost").file("lost/another")
        try small.tire()

        for (node, handle) in [moved, shut] {
            #expect(try Set(guest.readdir(node, handle).map(\.name)) == [".", "..", "x"])
        }
        #expect(refusal { _ = try guest.readdir(gone.0, gone.1) } == .noSuchFileOrDirectory)
        #expect(refusal { _ = try guest.readdir(lost.0, lost.1) } == .staleNFSFileHandle)
        chmod(host.path("shut"), 0o755)
    }
}
