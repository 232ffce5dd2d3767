/// A key that was pressed at a raw terminal.
enum Key: Equatable, Sendable {
    /// A character to be taken as text.
    case character(Character)
    /// A letter with Ctrl, lowercase.
    case control(Character)
    case enter, tab, backspace, delete, escape
    case up, down, left, right, home, end, pageUp, pageDown
}

/// Makes keys of what a raw terminal sends, in pieces as it comes.
///
/// A lone Esc is only told from the start of an arrow key by nothing coming after it: the last byte of a piece, it is the key.
struct KeyDecoder {
    /// What has come of a key that is not whole yet.
    private var unfinished: [UInt8] = []

    /// The keys that these bytes complete. What is no key that anybody here asks for is left out.
    mutating func decode(_ bytes: [UInt8]) -> [Key] {
        var rest = (unfinished + bytes)[...]
        unfinished = []
        var keys: [Key] = []
        while let first = rest.first {
            if first == 0x1b {
                guard let length = Self.sequenceLength(rest) else {
                    // Nobody's sequence is that long.
                    if rest.count < 32 { unfinished = Array(rest) }
                    return keys
                }
                if let key = Self.key(ofSequence: rest.prefix(length)) { keys.append(key) }
                rest = rest.dropFirst(length)
            } else if first < 0x20 || first == 0x7f {
                keys.append(Self.key(ofControl: first))
                rest = rest.dropFirst()
            } else {
                let length = min(rest.count, Self.characterLength(first))
                let piece = rest.prefix(length)
                let continuations = piece.dropFirst().prefix { $0 & 0xc0 == 0x80 }.count
                if continuations == piece.count - 1, piece.count < Self.characterLength(first) {
                    unfinished = Array(piece)
                    return keys
                }
                // Bytes that are no UTF-8 are dropped.
                if let text = String(validating: piece, as: UTF8.self), let character = text.first {
                    keys.append(.character(character))
                    rest = rest.dropFirst(length)
                } else {
                    rest = rest.dropFirst(1 + continuations)
                }
            }
        }
        return keys
    }

    private static func characterLength(_ first: UInt8) -> Int {
        switch first {
        case 0xc2...0xdf: 2
        case 0xe0...0xef: 3
        case 0xf0...0xf4: 4
        default: 1
        }
    }

    private static func key(ofControl byte: UInt8) -> Key {
        switch byte {
        case 0x0d, 0x0a: .enter
        case 0x09: .tab
        case 0x08, 0x7f: .backspace
        default: .control(Character(Unicode.Scalar(byte | 0x60)))
        }
    }

    /// The bytes of the escape sequence that these begin with; nil while it is not whole.
    private static func sequenceLength(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard let second = bytes.dropFirst().first else { return 1 }
        switch second {
        case UInt8(ascii: "["):
            let parameters = bytes.dropFirst(2).prefix { (0x20...0x3f).contains($0) }.count
            return bytes.count > 2 + parameters ? 3 + parameters : nil
        case UInt8(ascii: "O"): return bytes.count > 2 ? 3 : nil
        // Esc twice is Esc, and a key with Alt is not asked for by anybody.
        case 0x1b: return 1
        default: return 2
        }
    }

    private static func key(ofSequence bytes: ArraySlice<UInt8>) -> Key? {
        switch String(decoding: bytes.dropFirst(), as: UTF8.self) {
        case "": .escape
        case "[A", "OA": .up
        case "[B", "OB": .down
        case "[C", "OC": .right
        case "[D", "OD": .left
        case "[H", "OH", "[1~", "[7~": .home
        case "[F", "OF", "[4~", "[8~": .end
        case "[3~": .delete
        case "[5~": .pageUp
        case "[6~": .pageDown
        default: nil
        }
    }
}
