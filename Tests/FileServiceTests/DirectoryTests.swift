import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

@Suite struct DirectoryTests {
    @Test func skipsNothingWhenListedEntriesAreDeletedMeanwhile() throws {
        let (host, guest, root) = try makeShare { for index in 0..<500 { $0.file("file-\(index)") } }
        let handle = try guest.opendir(root)
        var cookie: UInt64 = 0
        var deleted = 0
        while true {
            let some = try guest.readdir(root, handle, from: cookie, size: 200)
            guard let last = some.last else { break }
            cookie = last.cookie
            for entry in some where entry.name.hasPrefix("file-") {
                try guest.unlink(entry.name, in: root)
                deleted += 1
            }
        }
        #expect(deleted == 500)
        #expect(try guest.list(root).count == 2)
        #expect(!host.exists("file-0"))
    }

    @Test func listsTheSameThroughEveryBufferSize() throws {
        let (_, guest, root) = try makeShare { for index in 0..<300 { $0.file("entry-\(index)") } }
        let expected = Set([".", ".."] + (0..<300).map { "entry-\($0)" })
        for size in [64, 4096, 32_768, 1 << 20] {
            #expect(Set(try guest.list(root, size: size).map(\.name)) == expected)
        }
        for size in [192, 4096, 65_536] {
            let listed = try guest.list(root, size: size, plus: true)
            #expect(listed.count == 302)
            #expect(Set(listed.map(\.name)) == expected)
        }
    }

    @Test func listsMoreDirectoriesAtATimeThanItReadsAhead() throws {
        let (_, guest, root) = try makeShare { host in
            for outer in 0..<600 {
                host.directory("d\(outer)")
                for inner in 0..<8 { host.file("d\(outer)/\(inner)") }
            }
        }
        var open: [(node: NodeID, handle: HandleID, cookie: UInt64, names: [String])] = []
        for outer in 0..<600 {
            let node = try guest.lookup("d\(outer)", in: root).node
            open.append((node, try guest.opendir(node), 0, []))
        }
        // Four or five entries at a time of each.
        for _ in 0..<4 {
            for index in open.indices {
                let some = try guest.readdir(open[index].node, open[index].handle, from: open[index].cookie, size: 120)
                open[index].names += some.map(\.name)
                open[index].cookie = some.last?.cookie ?? open[index].cookie
            }
        }
        let expected = Set([".", ".."] + (0..<8).map(String.init))
        for directory in open {
            #expect(directory.names.count == 10)
            #expect(Set(directory.names) == expected)
        }
    }

    @Test func goesOnFromAnyCookieItGave() throws {
        let (_, guest, root) = try makeShare { for index in 0..<50 { $0.file("entry-\(index)") } }
        let handle = try guest.opendir(root)
        let all = try guest.readdir(root, handle)
        #expect(all.count == 52)
        let middle = all[25]
        #expect(try guest.readdir(root, handle, from: middle.cookie).map(\.name) == all[26...].map(\.name))
        #expect(try guest.readdir(root, handle).map(\.name) == all.map(\.name))
    }

    @Test func showsWhatWasAddedAfterARewind() throws {
        let (host, guest, root) = try makeShare { $0.file("first") }
        let handle = try guest.opendir(root)
        #expect(try guest.readdir(root, handle).count == 3)
        host.file("second")
        #expect(try guest.readdir(root, handle).count == 4)
    }

    @Test func listsTypesAsAttributesHaveThem() throws {
        let (_, guest, root) = try makeShare { $0.file("f").directory("d").link("l", to: "f") }
        let types = ["f": DT_REG, "d": DT_DIR, "l": DT_LNK, ".": DT_DIR, "..": DT_DIR]
        for plus in [false, true] {
            for entry in try guest.list(root, plus: plus) {
                #expect(entry.type == types[entry.name].map(UInt32.init), "\(entry.name)")
            }
        }
    }

    @Test func saysWhenNotEvenOneEntryFits() throws {
        let (_, guest, root) = try makeShare()
        let handle = try guest.opendir(root)
        #expect(refusal { _ = try guest.readdir(root, handle, size: 8) } == .invalidArgument)
    }

    @Test func answersForADirectoryThatWasRemovedAsTheHostDoes() throws {
        let (_, guest, root) = try makeShare { $0.directory("d") }
        let node = try guest.lookup("d", in: root).node
        let handle = try guest.opendir(node)
        try guest.rmdir("d", in: root)
        #expect(refusal { _ = try guest.readdir(node, handle) } == .noSuchFileOrDirectory)
        #expect(try guest.getattr(node).mode & UInt32(S_IFMT) == UInt32(S_IFDIR))
        #expect(refusal { _ = try guest.create("x", in: node) } == .noSuchFileOrDirectory)
    }
}
