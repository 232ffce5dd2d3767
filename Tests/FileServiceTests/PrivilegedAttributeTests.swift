import CLinux
import FUSE
import Glibc
import Sandbox
import SystemPackage
import TestSupport
import Testing

@testable import FileService

/// Attributes that a worker may not have itself: it has given up CAP_SYS_ADMIN.
@Suite(.enabled(if: WorkerThreads.mayLabel)) struct PrivilegedAttributeTests {
    /// Runs a guest on a thread with no more capabilities than a worker's.
    ///
    /// - Returns: The host's directory, as the guest has left it.
    @discardableResult private func onSealedWorker(
        _ access: Access = .readWrite, _ build: (HostDirectory) throws -> Void,
        _ body: @escaping @Sendable (GuestClient, NodeID, HostDirectory) throws -> Void
    ) throws -> HostDirectory {
        let host = try HostDirectory()
        try build(host)
        try onWorker(host, access, as: CallerIdentity(uid: 0, gid: 0)) { guest, root, host in
            try WorkerConfinement(seccomp: .off).seal()
            try body(guest, root, host)
        }
        return host
    }

    @Test func keepsTrustedAndSecurityAttributes() throws {
        let names = ["trusted.overlay.opaque", "security.probe"]
        let host = try onSealedWorker {
            $0.file("f").directory("d").link("l", to: "f")
        } _: { guest, root, host in
            for file in ["f", "d", "l"] {
                let node = try guest.lookup(file, in: root).node
                for name in names {
                    try guest.setxattr(node, name, [1, 2, 3])
                    #expect(try guest.getxattr(node, name) == [1, 2, 3])
                    #expect(try guest.getxattr(node, name, size: 0).prefix(4) == [3, 0, 0, 0])
                    #expect(refusal { try guest.setxattr(node, name, [1], flags: 1) } == .fileExists)
                    #expect(String(decoding: try guest.listxattr(node), as: UTF8.self).contains("\(name)\0"))
                    try guest.setxattr(node, name + ".gone", [1])
                    try guest.order(guest.request(.removexattr, node).adding(name: name + ".gone"))
                    #expect(refusal { _ = try guest.getxattr(node, name + ".gone") } == .noData)
                }
            }
        }
        for file in ["f", "d", "l"] {
            for name in names {
                #expect(host.attribute(name, of: file) == [1, 2, 3])
                #expect(host.attribute(name + ".gone", of: file) == nil)
            }
        }
    }

    /// As the host does.
    @Test func listsTrustedAttributesToRootAlone() throws {
        try onSealedWorker {
            $0.file("f")
        } _: { guest, root, _ in
            let node = try guest.lookup("f", in: root).node
            try guest.setxattr(node, "trusted.t", [1])
            try guest.setxattr(node, "user.u", [1])
            let names = try Set(guest.listxattr(node).split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
            #expect(names == ["trusted.t", "user.u"])
            guest.uid = 1234
            #expect(try guest.listxattr(node) == Array("user.u\0".utf8))
            #expect(try guest.ask(guest.request(.listxattr, node).adding(GetxattrIn()), GetxattrOut.self).size == 7)
            let tight = guest.request(.listxattr, node).adding(GetxattrIn { $0.size = 6 })
            #expect(try guest.send(tight).errno == .outOfRange)
        }
    }

    @Test func readsButDoesNotWriteThroughAReadOnlyShare() throws {
        let host = try onSealedWorker(.readOnly) {
            try #require($0.file("f").setAttribute("trusted.t", [7], of: "f"))
        } _: { guest, root, _ in
            let node = try guest.lookup("f", in: root).node
            #expect(try guest.getxattr(node, "trusted.t") == [7])
            #expect(refusal { try guest.setxattr(node, "trusted.t", [1]) } == .readOnlyFileSystem)
        }
        #expect(host.attribute("trusted.t", of: "f") == [7])
    }

    // MARK: Labels of what is made

    /// An extension with labels, as Linux lays them out.
    static func labels(_ labels: [(name: String, value: [UInt8])]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in labels {
            bytes += word(UInt32(value.count)) + word(0) + name.utf8 + [0] + value
            bytes += [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
        }
        return word(UInt32(8 + bytes.count)) + word(UInt32(labels.count)) + bytes
    }

    private static func word(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    static let label: [UInt8] = Array("system_u:object_r:etc_t:s0\0".utf8)

    /// What makes something by this name, with an extension.
    static func makers(
        _ guest: GuestClient, in root: NodeID, _ more: [UInt8]
    ) -> [(name: String, request: RequestMessage, isFile: Bool)] {
        let file = CreateIn {
            $0.flags = UInt32(O_RDWR)
            $0.mode = 0o100644
        }
        return [
            ("d", guest.request(.mkdir, root).adding(MkdirIn { $0.mode = 0o755 }).adding(name: "d"), false),
            ("p", guest.request(.mknod, root).adding(MknodIn { $0.mode = 0o010644 }).adding(name: "p"), false),
            ("l", guest.request(.symlink, root).adding(name: "l").adding(name: "nowhere"), false),
            ("f", guest.request(.create, root).adding(file).adding(name: "f"), true),
        ].map { ($0.0, $0.1.adding(extension: more), $0.2) }
    }

    @Test func labelsWhatIsMade() throws {
        try onSealedWorker(.readWrite, { _ in }) { guest, root, host in
            let group = Self.word(16) + Self.word(ExtensionHead.groups) + Self.word(1) + Self.word(0)
            let labels = Self.labels([("security.probe", Self.label), ("security.other", [])])
            for more in [labels, group + labels, labels + group] {
                for (name, request, isFile) in Self.makers(guest, in: root, more) {
                    let entry = isFile ? try guest.ask(request, CreateOut.self).entry : try guest.ask(request)
                    #expect(host.attribute("security.probe", of: name) == Self.label)
                    #expect(host.attribute("security.other", of: name) == [])
                    #expect(try guest.getxattr(entry.node, "security.probe") == Self.label)
                    try guest.order(guest.request(name == "d" ? .rmdir : .unlink, root).adding(name: name))
                }
            }
        }
    }

    /// Linux says so of every file where no module has a label for it.
    @Test func takesNoLabelForWhatHasNone() throws {
        try onSealedWorker(.readWrite, { _ in }) { guest, root, host in
            for (name, request, isFile) in Self.makers(guest, in: root, Self.labels([])) {
                _ = isFile ? try guest.ask(request, CreateOut.self).entry : try guest.ask(request)
                #expect(host.exists(name))
            }
        }
    }

    @Test(arguments: [
        // No name; a longer value than there is; fewer labels than said; another's name; half of a head.
        [UInt8](repeating: 1, count: 24),
        word(32) + word(1) + word(9) + word(0) + "security.a\0".utf8 + [0, 0, 0, 0, 0],
        word(16) + word(2) + word(0) + word(0), labels([("user.a", [1, 2])]), labels([("", [])]),
        word(4) + word(1), word(8) + word(1), word(64) + word(1),
    ])
    func makesNothingForLabelsThatAreNone(more: [UInt8]) throws {
        try onSealedWorker(.readWrite, { _ in }) { guest, root, host in
            for (name, request, _) in Self.makers(guest, in: root, more) {
                let errno = try guest.send(request).errno
                #expect(errno == .invalidArgument)
                #expect(!host.exists(name))
            }
        }
    }

    @Test func takesBackWhatItCannotLabel() throws {
        try onSealedWorker(.readWrite, { _ in }) { guest, root, host in
            // No host has a value of that size.
            let labels = Self.labels([("security.probe", [UInt8](repeating: 1, count: 65_537))])
            for (name, request, _) in Self.makers(guest, in: root, labels) {
                let errno = try guest.send(request).errno
                #expect(errno != nil)
                #expect(!host.exists(name), "\(String(describing: errno))")
            }
        }
    }
}
