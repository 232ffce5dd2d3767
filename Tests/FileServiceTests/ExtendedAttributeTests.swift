import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

@Suite struct ExtendedAttributeTests {
    @Test func keepsAttributesOnTheHost() throws {
        let (_, guest, root) = try makeShare { $0.file("f").directory("d") }
        for name in ["f", "d"] {
            let node = try guest.lookup(name, in: root).node
            if refusal({ try guest.setxattr(node, "user.probe", [1]) }) == .notSupported { return }
            try guest.setxattr(node, "user.x", Array("value".utf8))
            #expect(try guest.getxattr(node, "user.x") == Array("value".utf8))
            #expect(try guest.getxattr(node, "user.x", size: 0).prefix(4) == [5, 0, 0, 0])
            #expect(refusal { _ = try guest.getxattr(node, "user.x", size: 2) } == .outOfRange)
            #expect(refusal { try guest.setxattr(node, "user.x", [1], flags: 1) } == .fileExists)
            #expect(String(decoding: try guest.listxattr(node), as: UTF8.self).contains("user.x\0"))
            try guest.order(guest.request(.removexattr, node).adding(name: "user.x"))
            #expect(refusal { _ = try guest.getxattr(node, "user.x") } == .noData)
        }
    }

    @Test func refusesNamesThatAreNone() throws {
        let (_, guest, root) = try makeShare { $0.file("f") }
        let node = try guest.lookup("f", in: root).node
        #expect(refusal { try guest.setxattr(node, "", [1]) } == .outOfRange)
        #expect(refusal { try guest.setxattr(node, "user." + String(repeating: "x", count: 255), [1]) } == .outOfRange)
        #expect(refusal { try guest.setxattr(node, "nosuchspace.x", [1]) } == .notSupported)
        let unended = guest.request(.getxattr, node).adding(GetxattrIn { $0.size = 10 }).adding(bytes: "user.x".utf8)
        #expect(try guest.send(unended).errno == .invalidArgument)
    }

    @Test func refusesAValueOfAnotherSizeThanSaid() throws {
        let (_, guest, root) = try makeShare { $0.file("f") }
        let node = try guest.lookup("f", in: root).node
        for size: UInt32 in [0, 2, .max] {
            let message = guest.request(.setxattr, node).adding(SetxattrIn { $0.size = size })
                .adding(name: "user.x").adding(bytes: [1])
            #expect(try guest.send(message).errno == .invalidArgument)
        }
    }
}
