import CLinux
import FUSE
import FileService
import Frontend
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

/// Hostility by the million: a few thousand of it each time, all of it where the environment asks for that, by
/// `Scripts/besiege`.
@Suite(.serialized) struct HostileCampaignTests {
    /// How many requests, and how many connections, are made.
    private static let requests = count("SHEAF_HOSTILE_REQUESTS", else: 4_000)
    private static let connections = count("SHEAF_HOSTILE_CONNECTIONS", else: 60)
    /// Whether nothing else runs in the process: then what it holds can be counted.
    private static let isAlone = getenv("SHEAF_HOSTILE_REQUESTS") != nil

    private static func count(_ name: String, else usual: Int) -> Int {
        getenv(name).flatMap { Int(String(cString: $0)) } ?? usual
    }

    /// A device to be attacked, another to go on meanwhile, and a tree on the host that no guest has any business with.
    private func withScene(_ body: (_ attacked: ServedAggregate, _ bystander: FuseClient) throws -> Void) throws {
        try withServedAggregate(requestQueues: 2) { served in
            try withServedAggregate(access: .readOnly) { other in
                try served.folder.write("file", "content")
                try served.folder.makeFolder("folder").write("inner", "more")
                try served.folder.link("out", to: "../outside")
                let outside = try served.directory.makeFolder("outside")
                try outside.write("canary", "alive")
                try outside.makeFolder("deep").write("canary", "alive as well")
                let before = try outside.print()
                let entries = try served.directory.names()
                let holdings = Holdings()

                try body(served, try other.mount())

                #expect(try outside.print() == before)
                #expect(try served.directory.names() == entries)
                // A guest with a new session has nothing of the old ones; the attacked device is as good as new.
                #expect(try served.mount().lookup(.root, served.name).node.rawValue == 2)
                served.end()
                other.end()
                if Self.isAlone { Holdings().expect(noMoreThan: holdings) }
                Self.allowRemoval(of: served.folder)
            }
        }
    }

    @Test func survivesRequests() throws {
        try withScene { served, bystander in
            let share = served.name.description
            var requests = HostileRequests(seed: 6, names: [share, share, "file", "folder", "inner", "out"])
            var errors: [Int32?: Int] = [:]
            var driver: HostileDriver?
            for number in 0..<Self.requests {
                if driver == nil { driver = try HostileDriver(try served.mount(Self.wide).frontend) }
                guard let current = driver else { return }
                let bytes = requests.next()
                let verdict = try current.send(bytes, replyRoom: requests.replyRoom())
                try #require(verdict.isSound, "request \(number): \(bytes)")
                requests.learn(from: verdict)
                errors[verdict.error, default: 0] += 1
                if verdict.outcome == .broken || verdict.outcome == .hungUp {
                    current.frontend.socket.hangUp()
                    driver = nil
                }
                if number % 1000 == 999 { #expect(try bystander.getattr(.root).attributes.inode == 1) }
            }
            // It came in by more than one door.
            #expect(errors.count >= 12, "\(errors)")
            #expect(errors[0] ?? 0 > Self.requests / 50, "\(errors)")
            if Self.isAlone { Swift.print("hostile requests by the answer's error: \(errors)") }
        }
    }

    @Test func survivesConnections() throws {
        try withScene { served, bystander in
            var random = SeededRandom(seed: 6)
            for number in 0..<Self.connections {
                let frontend = try served.attach()
                try? misbehave(frontend, &random)
                frontend.socket.hangUp()
                if number % 20 == 19 {
                    #expect(try bystander.getattr(.root).attributes.inode == 1)
                    #expect(try served.mount().getattr(.root).attributes.inode == 1, "after \(number)")
                }
            }
        }
    }

    private static var wide: Frontend.Configuration {
        var configuration = Frontend.Configuration()
        configuration.requestQueues = 2
        return configuration
    }

    // MARK: Connections

    /// A greeting that goes wrong somewhere, and maybe on after that.
    private func misbehave(_ frontend: Frontend, _ random: inout SeededRandom) throws {
        if random.once(in: 2) {
            try frontend.greet()
            if random.once(in: 2) { try frontend.start() }
        }
        for _ in 0..<random.below(12) {
            let request = VhostUserRequest(rawValue: UInt32(random.below(42)))
            let descriptors = try Self.descriptors(&random, frontend)
            let payload = Self.payload(of: request, &random, frontend)
            let size = random.once(in: 8) ? UInt32(truncatingIfNeeded: random.next()) : nil
            try frontend.socket.send(request, payload, descriptors: descriptors.list.map(\.number), size: size)
            if random.once(in: 6) { frontend.requestQueue(0).kick() }
            if random.once(in: 6) { Self.scribble(frontend, &random) }
        }
        if random.once(in: 10) { try frontend.socket.send(bytes: random.bytes(random.below(64))) }
    }

    /// Descriptors that go when this does: none, the right one, or any.
    private final class Lent {
        var list: [SharedDescriptor] = []
    }

    private static func descriptors(_ random: inout SeededRandom, _ frontend: Frontend) throws -> Lent {
        let lent = Lent()
        for _ in 0..<random.pick([0, 0, 1, 1, 1, 2, 8]) {
            let number: CInt =
                switch random.below(7) {
                case 0: cl_eventfd(0, false)
                case 1: cl_memfd("hostile", UInt64(random.pick([0, 4096, 1 << 20])))
                case 2: cl_openat(CL_AT_FDCWD, "/dev/zero", O_RDWR, 0)
                case 3: cl_openat(CL_AT_FDCWD, "/proc/self/status", O_RDONLY, 0)
                case 4: cl_openat(CL_AT_FDCWD, "/", CL_O_PATH, 0)
                case 5: cl_duplicate(frontend.memory.low.file.number)
                default: cl_epoll_create()
                }
            lent.list.append(SharedDescriptor(try Descriptor(result: number)))
        }
        return lent
    }

    private static func payload(
        of request: VhostUserRequest, _ random: inout SeededRandom, _ frontend: Frontend
    ) -> MessagePayload {
        let queue = frontend.requestQueue(0)
        let region = random.once(in: 2) ? frontend.memory.low : frontend.memory.high
        switch (request, random.below(4)) {
        case (.setRingAddress, 1...): return MessagePayload(addressesOf: queue)
        case (.addMemoryRegion, 1...), (.removeMemoryRegion, 1...): return MessagePayload(adding: region)
        case (.setMemoryTable, 1...): return MessagePayload(table: frontend.memory.regions)
        case (_, 1...2):
            return MessagePayload(ring: random.below(12), UInt32(random.pick([0, 1, 2, 128, 1024, 65_535])))
        default:
            var payload = MessagePayload()
            for _ in 0..<random.below(8) {
                payload.append(random.once(in: 2) ? random.next() : UInt64(random.below(64)))
            }
            return payload
        }
    }

    /// Writes anything anywhere into the ring.
    private static func scribble(_ frontend: Frontend, _ random: inout SeededRandom) {
        let queue = frontend.requestQueue(0)
        for index in 0..<4 {
            queue.setDescriptor(
                RingDescriptor(
                    address: random.pick([0, 4096, frontend.memory.high.end - 8, .max, random.next()]),
                    length: UInt32(truncatingIfNeeded: random.next() >> UInt64(random.below(60))),
                    flags: RingDescriptor.Flags(rawValue: UInt16(random.below(8))), next: UInt16(random.below(6))),
                at: index)
        }
        queue.enqueue(head: UInt16(random.below(5)))
        queue.expose()
        queue.kick()
    }

    // MARK: What the process holds

    private struct Holdings {
        let descriptors = Self.open("/proc/self/fd")
        let threads = Self.count("/proc/self/task")
        /// Bytes of memory.
        let memory = Self.resident()

        private static func open(_ path: String) -> [String] {
            let folder = HostFolder(path)
            return ((try? folder.names()) ?? []).map { name in
                var target = [CChar](repeating: 0, count: 256)
                let length = readlink(folder.path(of: name), &target, 255)
                return String(decoding: target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }

        private static func count(_ path: String) -> Int { (try? HostFolder(path).names().count) ?? 0 }

        private static func resident() -> Int {
            guard let file = fopen("/proc/self/statm", "r") else { return 0 }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 256)
            guard fgets(&line, 256, file) != nil else { return 0 }
            let words = String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
            return words.count > 1 ? (Int(words[1]) ?? 0) * Int(sysconf(CInt(_SC_PAGESIZE))) : 0
        }

        func expect(noMoreThan before: Holdings) {
            Swift.print("threads, bytes: \(before.threads), \(before.memory) before; \(threads), \(memory) after")
            // Either device's last end of a session is told by an eventfd, which the test still has.
            #expect(descriptors.count <= before.descriptors.count + 2, "\(before.descriptors) \(descriptors)")
            #expect(threads <= before.threads)
            // A guest of its own and another's have 68 MiB each, and malloc keeps what it was given back.
            #expect(memory <= before.memory + (256 << 20))
        }
    }

    /// What a guest has made immutable could not be removed.
    private static func allowRemoval(of folder: HostFolder) {
        for name in (try? folder.names()) ?? [] {
            guard let status = try? folder.status(name), [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) else {
                continue
            }
            let file = cl_openat(CL_AT_FDCWD, folder.path(of: name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)
            if file >= 0 {
                _ = cl_set_flags(file, 0)
                _ = cl_close(file)
            }
            if status.st_mode & S_IFMT == S_IFDIR { allowRemoval(of: HostFolder(folder.path(of: name))) }
        }
    }
}
