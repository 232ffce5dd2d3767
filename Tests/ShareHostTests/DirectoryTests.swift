import FUSE
import Frontend
import SystemPackage
import TestSupport
import Testing

/// Listings of a share, through the queue.
@Suite struct DirectoryTests {
    @Test func skipsNothingWhileEveryListedNameIsRemoved() throws {
        try withServedAggregate { served in
            for number in 0..<500 { try served.folder.write("file-\(number)", []) }
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let handle = try client.opendir(child).handle

            var cookie: UInt64 = 0
            while true {
                let entries = try client.readdir(child, handle, from: cookie, count: 1024)
                guard let last = entries.last else { break }
                cookie = last.cookie
                for entry in entries where entry.type != 4 { try client.unlink(child, entry.name) }
            }

            #expect(try served.folder.names() == [])
        }
    }

    @Test func listsEverythingOnceHoweverSmallTheReply() throws {
        try withServedAggregate { served in
            let names = (0..<200).map { "\($0)-" + String(repeating: "n", count: $0) }
            for name in names { try served.folder.write(name, []) }
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node

            let plain = try client.list(child, count: 280)
            let plus = try client.list(child, plus: true, count: 4096)

            #expect(plain.map(\.name.description).sorted() == ([".", ".."] + names).sorted())
            #expect(plus.map(\.name.description).sorted() == plain.map(\.name.description).sorted())
        }
    }

    @Test func goesOnFromAnyCookieOfAListing() throws {
        try withServedAggregate { served in
            for number in 0..<50 { try served.folder.write("file-\(number)", []) }
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node
            let handle = try client.opendir(child).handle
            let all = try client.readdir(child, handle, count: 16_384)

            for index in [40, 3, 20, 0] {
                let rest = try client.readdir(child, handle, from: all[index].cookie, count: 16_384)
                #expect(rest.map(\.name) == all.dropFirst(index + 1).map(\.name))
            }
        }
    }

    @Test func listsTheInodesThatLookupShows() throws {
        try withServedAggregate { served in
            for number in 0..<10 { try served.folder.write("file-\(number)", []) }
            let client = try served.mount()
            let child = try client.lookup(.root, served.name)

            for entry in try client.list(child.node) {
                switch entry.name {
                case ".": #expect(entry.inode == child.attributes.inode)
                case "..": break
                default: #expect(try client.lookup(child.node, entry.name).attributes.inode == entry.inode)
                }
            }
        }
    }

    @Test func referencesWhatReaddirplusListsAndNothingElse() throws {
        try withServedAggregate { served in
            try served.folder.write("file", "content")
            let client = try served.mount()
            let child = try client.lookup(.root, served.name).node

            _ = try client.list(child)
            let listed = try client.list(child, plus: true)
            let entry = try #require(listed.first { $0.name == "file" }?.entry)

            #expect(try client.getattr(entry.node).attributes.size == 7)
            try client.forget(entry.node)
            #expect(throws: Errno.invalidArgument) { try client.getattr(entry.node) }
            for dots in listed.filter({ $0.name == "." || $0.name == ".." }) {
                #expect(dots.entry?.node == NodeID.none)
            }
        }
    }
}
