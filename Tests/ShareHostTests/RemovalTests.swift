import FUSE
import FileService
import Frontend
import SystemPackage
import TestSupport
import Testing

/// Children that leave while a guest uses them.
@Suite struct RemovalTests {
    @Test func hidesARemovedChildAndServesWhatTheGuestStillHolds() throws {
        try withServedAggregate { served in
            try served.folder.write("file", "content")
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let file = try client.lookup(child, "file").node
            let handle = try client.open(file).handle

            try served.aggregate.removeChild(named: "child", revoke: false)

            #expect(throws: Errno.noSuchFileOrDirectory) { try client.lookup(.root, served.name) }
            #expect(try client.getattr(.root).attributes.linkCount == 2)
            #expect(try client.read(file, handle, at: 0, count: 16) == [UInt8]("content".utf8))
            #expect(try client.lookup(child, "file").node == file)
        }
    }

    @Test func answersESTALEForEverythingOfARevokedChild() throws {
        try withServedAggregate { served in
            try served.folder.write("file", "content")
            try served.addChild("other")
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let file = try client.lookup(child, "file").node
            let handle = try client.open(file, flags: 2).handle

            try served.aggregate.removeChild(named: "child", revoke: true)

            #expect(throws: Errno.staleNFSFileHandle) { try client.getattr(child) }
            #expect(throws: Errno.staleNFSFileHandle) { try client.lookup(child, "file") }
            #expect(throws: Errno.staleNFSFileHandle) { try client.read(file, handle, at: 0, count: 16) }
            #expect(throws: Errno.staleNFSFileHandle) { try client.write(file, handle, at: 0, [1]) }
            #expect(try client.lookup(.root, "other").node.rawValue > 1)
            #expect(try served.folder.text("file") == "content")
        }
    }

    @Test func takesARemovedNameAgainAsAnotherChild() throws {
        try withServedAggregate { served in
            let client = try served.mount()
            let first = try client.lookup(.root, served.name).node

            try served.aggregate.removeChild(named: "child", revoke: false)
            try served.addChild("child", at: try served.directory.makeFolder("next"))
            try served.folder.write("of-the-first", "")

            let second = try client.lookup(.root, served.name).node
            #expect(second != first)
            #expect(throws: Errno.noSuchFileOrDirectory) { try client.lookup(second, "of-the-first") }
            #expect(try client.lookup(first, "of-the-first").node.rawValue > 1)
        }
    }

    @Test func skipsNoChildWhenOthersLeaveDuringAListing() throws {
        try withServedAggregate { served in
            for number in 0..<40 { try served.addChild("child-\(number)") }
            let client = try served.mount()
            let handle = try client.opendir(.root).handle

            var seen: [String] = []
            var cookie: UInt64 = 0
            while true {
                let entries = try client.readdir(.root, handle, from: cookie, count: 200)
                guard let last = entries.last else { break }
                cookie = last.cookie
                seen += entries.map(\.name.description)
                for name in entries.map(\.name.description) where name.hasPrefix("child-") {
                    try served.aggregate.removeChild(named: name, revoke: false)
                }
            }

            #expect(Set(seen).isSuperset(of: (0..<40).map { "child-\($0)" }))
            #expect(seen.count == 43)
        }
    }
}
