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

    /// The host takes the launcher for root, and so lists to it what it lists to nobody else.
    @Test func listsTrustedAttributesToRootAlone() throws {
        let (_, guest, root) = try makeShare { $0.file("f") }
        let node = try guest.lookup("f", in: root).node
        guest.uid = 0
        guard refusal({ try guest.setxattr(node, "trusted.t", [1]) }) == nil else { return }
        try guest.setxattr(node, "user.u", [1])
        #expect(
            try Set(guest.listxattr(node).split(separator: 0)) == [
                Array("trusted.t".utf8)[...], Array("user.u".utf8)[...],
            ])
        guest.uid = 1234
        #expect(try guest.listxattr(node) == Array("user.u\0".utf8))
        #expect(try guest.ask(guest.request(.listxattr, node).adding(GetxattrIn()), GetxattrOut.self).size == 7)
        let tight = guest.request(.listxattr, node).adding(GetxattrIn { $0.size = 6 })
        #expect(try guest.send(tight).errno == .outOfRange)
    }
}
