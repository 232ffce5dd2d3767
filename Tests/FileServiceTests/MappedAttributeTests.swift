import FUSE
import FileService
import Glibc
import SystemPackage
import Testing

/// `owner=mapped`: attributes that only root may write are the guest's root's to write, under other names on the host.
@Suite struct MappedAttributeTests {
    private static let capability = "user.virtiofs.security.capability"

    private static func names(_ guest: GuestClient, _ node: NodeID) throws -> Set<String> {
        try Set(guest.listxattr(node).split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
    }

    @Test func keepsWhatOnlyRootMayWrite() throws {
        let host = try HostDirectory().file("f").directory("d")
        try MappedOwnershipTests.onWorker(host) { guest, root, host in
            for name in ["f", "d"] {
                let node = try guest.lookup(name, in: root).node
                for attribute in ["security.capability", "security.selinux", "trusted.overlay.opaque", "user.own"] {
                    #expect(refusal { _ = try guest.getxattr(node, attribute) } == .noData)
                    try guest.setxattr(node, attribute, Array(attribute.utf8))
                    #expect(try guest.getxattr(node, attribute) == Array(attribute.utf8))
                    #expect(refusal { try guest.setxattr(node, attribute, [1], flags: 1) } == .fileExists)
                }
                #expect(host.xattr(name, "user.virtiofs.security.selinux") == "security.selinux")
                #expect(host.xattr(name, "user.virtiofs.trusted.overlay.opaque") == "trusted.overlay.opaque")
                #expect(host.xattr(name, "trusted.overlay.opaque") == nil)
                #expect(host.xattr(name, "user.own") == "user.own")

                let all: Set = ["security.capability", "security.selinux", "trusted.overlay.opaque", "user.own"]
                #expect(try Self.names(guest, node) == all)
                let size = all.map { $0.utf8.count + 1 }.reduce(0, +)
                let ask = guest.request(.listxattr, node).adding(GetxattrIn())
                #expect(try guest.ask(ask, GetxattrOut.self).size == UInt32(size))
                #expect(try guest.listxattr(node, size: size).count == size)
                #expect(refusal { _ = try guest.listxattr(node, size: size - 1) } == .outOfRange)
                guest.uid = 1234
                #expect(try Self.names(guest, node) == all.subtracting(["trusted.overlay.opaque"]))
                guest.uid = 0

                for attribute in all {
                    try guest.order(guest.request(.removexattr, node).adding(name: attribute))
                    #expect(refusal { _ = try guest.getxattr(node, attribute) } == .noData)
                }
                #expect(try guest.listxattr(node).isEmpty)
            }
        }
    }

    /// Whoever may write a file may write its attributes of users: that must not make a program's capabilities.
    @Test func letsNobodyWriteThemByTheirNamesOnTheHost() throws {
        let host = try HostDirectory().file("f")
        host.setXattr("f", "user.virtiofs.other", "x")
        host.setXattr("f", Self.capability, "x")
        try MappedOwnershipTests.onWorker(host) { guest, root, host in
            let node = try guest.lookup("f", in: root).node
            #expect(try Self.names(guest, node) == ["security.capability"])
            for name in [Self.capability, "user.virtiofs.other", "user.virtiofs."] {
                #expect(refusal { try guest.setxattr(node, name, [1]) } == .notPermitted)
                #expect(refusal { _ = try guest.getxattr(node, name) } == .noData)
                let remove = guest.request(.removexattr, node).adding(name: name)
                #expect(refusal { try guest.order(remove) } == .noData)
            }
            let long = "trusted." + String(repeating: "x", count: 247)
            #expect(refusal { try guest.setxattr(node, long, [1]) } == .outOfRange)
            let longest = "trusted." + String(repeating: "x", count: 233)
            try guest.setxattr(node, longest, [1])
            #expect(try Self.names(guest, node) == ["security.capability", longest])
        }
    }

    @Test func takesCapabilitiesAwayWithTheRest() throws {
        let host = try HostDirectory()
        try MappedOwnershipTests.onWorker(host) { guest, root, host in
            func withCapabilities(_ name: String, _ change: (NodeID, HandleID) throws -> Void) throws {
                let made = try guest.create(name, in: root)
                try guest.setxattr(made.entry.node, "security.capability", [1, 2])
                #expect(host.xattr(name, Self.capability) != nil)
                try change(made.entry.node, made.open.handle)
                #expect(host.xattr(name, Self.capability) == nil, "\(name)")
            }
            try withCapabilities("chown") { node, _ in
                _ = try guest.setattr(node) { ($0.fields, $0.uid) = ([.uid], 9) }
            }
            try withCapabilities("write") { node, handle in
                try guest.write(node, handle, [1], writeFlags: .killPrivileges)
            }
            try withCapabilities("truncate") { node, _ in
                _ = try guest.setattr(node) { $0.fields = [.size, .killPrivileges] }
            }
        }
    }

    @Test func changesAttributesOfAFileThatItsModeForbidsTheLauncherToWrite() throws {
        let host = try HostDirectory().file("sealed")
        chmod(host.path("sealed"), 0o444)
        try MappedOwnershipTests.onWorker(host) { guest, root, host in
            let node = try guest.lookup("sealed", in: root).node
            try guest.setxattr(node, "security.capability", [1])
            try guest.setxattr(node, "user.own", [1])
            #expect(try guest.getattr(node).mode == 0o100444)
            #expect(try Self.names(guest, node) == ["security.capability", "user.own"])
        }
    }

    @Test func labelsWhatIsMade() throws {
        try MappedOwnershipTests.onWorker(HostDirectory()) { guest, root, host in
            let labels = PrivilegedAttributeTests.labels([("security.probe", PrivilegedAttributeTests.label)])
            for (name, request, isFile) in PrivilegedAttributeTests.makers(guest, in: root, labels) {
                let entry = isFile ? try guest.ask(request, CreateOut.self).entry : try guest.ask(request)
                // The host has no attributes of users of a link.
                guard name != "l" else { continue }
                #expect(host.xattr(name, "user.virtiofs.security.probe") != nil, "\(name)")
                #expect(try guest.getxattr(entry.node, "security.probe") == PrivilegedAttributeTests.label)
            }
        }
    }
}
