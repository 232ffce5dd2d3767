import FUSE
import Frontend

/// Requests of a guest that tries everything: of the right form and with arguments that are often nearly right, so that they
/// come far, and learning from the answers what there is to be asked about. The same in every run of a seed.
public struct HostileRequests {
    /// The source of all that is chosen; to be used for what belongs to the same run.
    public var random: SeededRandom
    private var nodes: [NodeID] = [.root]
    private var handles: [HandleID] = [.none]
    private var names: [String]
    private var last: Opcode = .lookup
    private var isOver = false

    /// The most nodes and handles that are remembered: those that the guest has forgotten again among them.
    private static let memory = 48

    /// Begins a sequence.
    ///
    /// - Parameters:
    ///   - seed: Which one.
    ///   - names: What there is to be found.
    public init(seed: UInt64, names: [String]) {
        random = SeededRandom(seed: seed)
        // Most of the time what there is: what is not comes no further than a lookup.
        self.names =
            Array(repeatElement(names, count: 6).joined()) + [
                "new", "newer", "..", ".", "", "a/b", "../outside", "../../outside", "/etc/passwd", "outside", "\u{1}",
                String(repeating: "n", count: 255), String(repeating: "n", count: 256), "user.a", "security.capability",
                "system.posix_acl_access", "trusted.a", "/proc/self/root", "\0hidden",
            ]
    }

    /// Values at which arithmetic goes wrong. None lies where a host would really allocate that much.
    private static let edges: [UInt64] = [
        0, 1, 2, 15, 16, 39, 40, 255, 4095, 4096, 4097, 1 << 62, 1 << 63 - 1, 1 << 63, 1 << 63 + 1, .max - 4095,
        .max - 1, .max,
    ]

    /// What follows the header, a letter for each field: h handle, n node, o 64-bit offset, q 64-bit number, s 32-bit size,
    /// f flags, m mode, z 32-bit zero, i an ioctl's number, N a name, D data.
    private static let forms: [UInt32: String] = [
        1: "N", 2: "q", 3: "fzh", 4: "fzhoqooofffmzffz", 5: "", 6: "NN", 8: "mffzN", 9: "mfN", 10: "N", 11: "N",
        12: "nNN", 13: "nN", 14: "ff", 15: "hosfqfz", 16: "hosfqfzD", 17: "", 18: "hffq", 20: "hfz", 21: "sfND",
        22: "szN", 23: "sz", 24: "N", 25: "hzzq", 26: "ffffffffffffffff", 27: "ff", 28: "hosfqfz", 29: "hffq",
        30: "hfz", 31: "hqooffzz", 32: "hqooffzz", 33: "hqooffzz", 34: "fz", 35: "fmffN", 36: "q", 38: "",
        39: "hfiqssD",
        41: "q", 42: "fznqnqnqnq", 43: "hoofz", 44: "hosfqfz", 45: "nfzNN", 46: "hofz", 47: "honhoqq", 50: "q",
        51: "fmffN", 52: "fzhff",
    ]

    /// The next request.
    public mutating func next() -> [UInt8] {
        // A session that was ended begins again: else nothing more would be tried on it.
        let isEnding = isOver
        var number = isOver ? 26 : UInt32(random.below(60))
        isOver = false
        if number == 38 || number == 26, !isEnding, !random.once(in: 30) { number = 1 }
        last = Opcode(rawValue: number)
        var body: [UInt8] = []
        if number == 26, isEnding || !random.once(in: 4) {
            body = HostileDriver.bytes(InitIn { ($0.major, $0.minor, $0.flags) = (7, 41, 0x7bff_fffb) })
        } else if random.once(in: 16) {
            body = random.bytes(random.below(300))
        } else {
            for field in Self.forms[number] ?? "fff" { append(field, to: &body) }
        }
        let length = random.once(in: 20) ? UInt32(truncatingIfNeeded: random.pick(Self.edges)) : nil
        let node = random.once(in: 16) ? NodeID(rawValue: random.next()) : random.pick(nodes)
        let bytes = HostileDriver.request(last, node: node, length: length, unique: random.next(), body)
        return random.once(in: 20) ? Array(bytes.prefix(1 + random.below(bytes.count))) : bytes
    }

    /// Room for the reply to the last request: mostly enough.
    public mutating func replyRoom() -> Int {
        random.once(in: 4) ? random.pick([0, 8, 16, 24, 80, 96, 120, 144, 160]) : 8192
    }

    /// Takes note of an answer to the last request.
    public mutating func learn(from verdict: HostileDriver.Verdict) {
        // No session, or one that was just ended: the next request has to begin one.
        if verdict.error == -5 || last == .destroy { isOver = true }
        guard verdict.error == 0 else { return }
        switch last.rawValue {
        case 26:
            isOver = false
            (nodes, handles) = ([.root], [.none])
        case 1, 6, 8, 9, 13, 35,
            51 where verdict.reply.count >= 24:
            let node: UInt64 = VhostUserSocket.integer(verdict.reply, at: 16)
            Self.remember(NodeID(rawValue: node), in: &nodes, &random)
            if last.rawValue == 35 || last.rawValue == 51, verdict.reply.count >= 152 {
                let handle: UInt64 = VhostUserSocket.integer(verdict.reply, at: 144)
                Self.remember(HandleID(rawValue: handle), in: &handles, &random)
            }
        case 14,
            27 where verdict.reply.count >= 24:
            let handle: UInt64 = VhostUserSocket.integer(verdict.reply, at: 16)
            Self.remember(HandleID(rawValue: handle), in: &handles, &random)
        default: break
        }
    }

    private static func remember<T>(_ value: T, in list: inout [T], _ random: inout SeededRandom) {
        if list.count < memory { list.append(value) } else { list[1 + random.below(memory - 1)] = value }
    }

    private mutating func append(_ field: Character, to body: inout [UInt8]) {
        var number = MessagePayload()
        switch field {
        case "h": number.append(random.once(in: 16) ? random.next() : random.pick(handles).rawValue)
        case "n": number.append(random.once(in: 16) ? random.next() : random.pick(nodes).rawValue)
        case "o": number.append(random.once(in: 3) ? random.pick(Self.edges) : UInt64(random.below(10_000)))
        case "q": number.append(random.once(in: 3) ? random.pick(Self.edges) : UInt64(random.below(8)))
        case "s":
            let edge = UInt32(truncatingIfNeeded: random.pick(Self.edges))
            number.append(random.once(in: 3) ? edge : random.pick([0, 8, 28, 100, 4096]))
        case "f":
            let edge = UInt32(truncatingIfNeeded: random.pick(Self.edges))
            number.append(random.once(in: 4) ? edge : random.pick([0, 0, 1, 2, 3, 4, 8, 0o100, 0o2000, 0o40000]))
        case "m":
            number.append(
                random.pick([0o644, 0o7777, 0o100644, 0o010644, 0o020644, 0o060644, 0o140644, .max] as [UInt32]))
        case "z": number.append(UInt32(0))
        case "i":
            number.append(
                random.pick([0x8008_6601, 0x4008_6602, 0x801c_581f, 0x401c_5820, 0x5412, .max] as [UInt32]))
        case "N":
            body += [UInt8](random.pick(names).utf8)
            if !random.once(in: 16) { body.append(0) }
        default: body += random.bytes(random.pick([0, 8, 28, 100]))
        }
        body += number.bytes
    }
}
