/// Reads a `newc` archive, and refuses one that is not exactly as its format says.
struct CpioReader {
    struct Entry: Equatable {
        var name: String
        var inode: UInt32
        var mode: UInt32
        var links: UInt32
        var device: [UInt32]
        var contents: [UInt8]
    }

    struct Malformed: Error {
        let offset: Int
        let reason: String
    }

    let entries: [Entry]

    init(_ bytes: [UInt8]) throws(Malformed) {
        var entries: [Entry] = []
        var offset = 0
        while true {
            guard offset % 4 == 0, offset + 110 <= bytes.count else { throw Malformed(offset: offset, reason: "end") }
            guard bytes[offset..<(offset + 6)].elementsEqual("070701".utf8) else {
                throw Malformed(offset: offset, reason: "magic")
            }
            var fields: [UInt32] = []
            for index in 0..<13 {
                let digits = bytes[(offset + 6 + index * 8)..<(offset + 14 + index * 8)]
                guard let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16) else {
                    throw Malformed(offset: offset, reason: "field \(index)")
                }
                fields.append(value)
            }
            let nameEnd = offset + 110 + Int(fields[11])
            guard nameEnd <= bytes.count, bytes[nameEnd - 1] == 0 else {
                throw Malformed(offset: offset, reason: "name")
            }
            let name = String(decoding: bytes[(offset + 110)..<(nameEnd - 1)], as: UTF8.self)
            let start = (nameEnd + 3) / 4 * 4
            let end = start + Int(fields[6])
            let next = (end + 3) / 4 * 4
            guard next <= bytes.count, !bytes[nameEnd..<start].contains(where: { $0 != 0 }),
                !bytes[end..<next].contains(where: { $0 != 0 })
            else { throw Malformed(offset: offset, reason: "padding") }
            offset = next
            if name == "TRAILER!!!" { break }
            entries.append(
                Entry(
                    name: name, inode: fields[0], mode: fields[1], links: fields[4], device: Array(fields[9...10]),
                    contents: Array(bytes[start..<end])))
        }
        guard bytes.count % 512 == 0, !bytes[offset...].contains(where: { $0 != 0 }) else {
            throw Malformed(offset: offset, reason: "after the trailer")
        }
        self.entries = entries
    }

    subscript(name: String) -> Entry? { entries.first { $0.name == name } }
}
