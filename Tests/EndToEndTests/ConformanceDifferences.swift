import CLinux
import Foundation
import Glibc
import Testing

/// The differences between a share and the host's own file system that there are and are to be, each with its reason.
struct ConformanceDifferences {
    /// Whose differences: of root on host and guest, or of one ordinary user on both.
    enum Caller: String {
        case root
        case user
    }

    /// A line of the file: who sees it, which case it is (or, before a `*`, how its name begins), and why.
    private struct Entry {
        let callers: Set<String>
        let name: String
        let reason: String

        func names(_ case: String) -> Bool {
            name.hasSuffix("*") ? `case`.hasPrefix(name.dropLast()) : name == `case`
        }
    }

    private let caller: Caller
    private let entries: [Entry]

    init(_ caller: Caller) throws {
        self.caller = caller
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(
            contentsOf: root.appendingPathComponent("Config/conformance-differences.txt"), encoding: .utf8)
        entries = try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true).map(String.init)
            try #require(words.count == 3, "not who, case and reason: \(line)")
            return Entry(
                callers: Set(words[0].split(separator: ",").map(String.init)), name: words[1], reason: words[2])
        }
    }

    /// Expects that the same cases differ as are listed; where the host's file system is another than ext4, that no others do.
    func check(host: [String], guest: [String], in directory: String) throws {
        let isExt4 = Self.isExt4(directory)
        let here = Dictionary(host.map(Self.parts), uniquingKeysWith: { $1 })
        let there = Dictionary(guest.map(Self.parts), uniquingKeysWith: { $1 })
        try #require(here.count > 600 && here.count == host.count, "\(host.count) lines and \(here.count) cases")
        #expect(Set(here.keys) == Set(there.keys), "the same cases on both sides")

        let listed = entries.filter { $0.callers.contains(caller.rawValue) }
        for (name, answer) in here.sorted(by: { $0.key < $1.key }) {
            let isListed = listed.contains { $0.names(name) }
            let found = there[name] ?? "nothing"
            if answer != found {
                #expect(isListed, "\(name) differs\n  host:  \(answer)\n  guest: \(found)")
            } else {
                #expect(!isListed || !isExt4, "\(name) is listed as different, and is not: \(answer)")
            }
        }
        for entry in listed {
            #expect(here.keys.contains { entry.names($0) }, "\(entry.name) is listed, and is no case")
        }
    }

    private static func isExt4(_ directory: String) -> Bool {
        var found = cl_statfs()
        let opened = cl_openat(CL_AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0)
        defer { _ = cl_close(opened) }
        // EXT4_SUPER_MAGIC.
        return opened >= 0 && cl_fstatfs(opened, &found) == 0 && found.type == 0xEF53
    }

    /// A line's case and what was answered.
    static func parts(of line: String) -> (name: String, answer: String) {
        guard let colon = line.range(of: ": ") else { return (line, "") }
        return (String(line[..<colon.lowerBound]), String(line[colon.upperBound...]))
    }
}
