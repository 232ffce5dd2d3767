import Commands
import FileService
import Machine
import SystemPackage
import Testing

@Suite struct ShareArgumentTests {
    @Test(arguments: [
        ("/src", ShareRequest(source: "/src")),
        ("/src:/dst", ShareRequest(source: "/src", target: "/dst")),
        ("/src:/dst:ro", ShareRequest(source: "/src", target: "/dst", isReadOnly: true)),
        ("/src:/dst:rw", ShareRequest(source: "/src", target: "/dst")),
        ("/src:ro", ShareRequest(source: "/src", isReadOnly: true)),
        ("/src/../x/./y/", ShareRequest(source: "/x/y")),
        ("/src:/a/../b/", ShareRequest(source: "/src", target: "/b")),
        ("/src:/dst,ro,name=n", ShareRequest(source: "/src", target: "/dst", isReadOnly: true, name: "n")),
        ("source=/src,target=/dst,ro", ShareRequest(source: "/src", target: "/dst", isReadOnly: true)),
        ("src=/a:b,dst=/c:d", ShareRequest(source: "/a:b", target: "/c:d")),
        (#"/a\:b:/c\:d"#, ShareRequest(source: "/a:b", target: "/c:d")),
        (#"/a\,b:/c"#, ShareRequest(source: "/a,b", target: "/c")),
        (#"/a\\b"#, ShareRequest(source: #"/a\b"#)),
        ("/a=b:/c", ShareRequest(source: "/a=b", target: "/c")),
        ("/ü 日本", ShareRequest(source: "/ü 日本")),
        (
            "/src,acl,locks=host",
            ShareRequest(source: "/src", options: ChildOptions(locks: .host, enforcesAccessLists: true))
        ),
        (
            "/src:/dst,owner=1000:100",
            ShareRequest(
                source: "/src", target: "/dst", options: ChildOptions(ownership: .squashed(uid: 1000, gid: 100)))
        ),
        ("/src,owner=mapped", ShareRequest(source: "/src", options: ChildOptions(ownership: .mapped))),
        ("/src,owner=host", ShareRequest(source: "/src")),
        ("source=/,hide=personal", ShareRequest(source: "/", options: ChildOptions(hidesPersonalData: true))),
    ])
    func reads(text: String, request: ShareRequest) throws {
        #expect(try ShareArgument.parse(text) == request)
    }

    @Test(arguments: [
        "", ":/dst", "/src:dst", "/src:/dst:rx", "/src:/a:/b", "/src:/a:ro:x", "/src:/", "/src,bogus",
        "/src,colour=red", "/src,cache=none", "/src:ro,writeback", "/src,writeback,ro", "/src,writeback,cache=never",
        "/src,locks=none", "/src,locks", "/src,acl=1", "/src,hide=all",
        "/src,owner", "/src,owner=", "/src,owner=root", "/src,owner=0", "/src,owner=0:", "/src,owner=+1:1",
        "/src,owner=0:4294967295", "/src,owner=0:4294967296", "/src,owner=1:2:3",
        "target=/x", "source=", "/src:ro,rw", "/src,name=a/b", "/src,name=..", "/src,name=",
    ])
    func refuses(text: String) {
        #expect(throws: ShareArgument.Malformed.self) { try ShareArgument.parse(text) }
    }

    @Test func takesARelativeSourceFromWhereTheCommandWasGiven() throws {
        let source = try ShareArgument.parse("sub/folder:/x").source
        #expect(source.isAbsolute)
        #expect(source.ends(with: "sub/folder"))
    }
}
