import CAgent

/// A list of byte strings as C takes them: pointers, the last of which is null.
final class CommandList {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    /// A copy of these strings.
    init(_ strings: [[UInt8]]) {
        count = strings.count
        pointers = .allocate(capacity: strings.count + 1)
        pointers.initialize(repeating: nil, count: strings.count + 1)
        for (index, string) in strings.enumerated() {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: string.count + 1, alignment: 1)
            copy.copyBytes(from: string)
            copy[string.count] = 0
            pointers[index] = copy.assumingMemoryBound(to: CChar.self).baseAddress
        }
    }

    deinit {
        for index in 0..<count { UnsafeMutableRawPointer(pointers[index])?.deallocate() }
        pointers.deallocate()
    }
}
