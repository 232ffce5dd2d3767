/// A hash table of objects, each under a 64-bit tag: open addressing, linear probing, no tombstones.
///
/// Dictionary would check for exclusive access and allocate on the request path. Of a tag no more is kept than where to look,
/// 32 bits of its mix, and that in a row of its own: 12 bytes a slot, and mostly one line of the cache to find that nothing
/// is there. Tags need not be unique either: `find` and `remove` take a predicate that says which object is meant. Not locked.
struct ObjectTable<Object: AnyObject>: ~Copyable {
    /// 0 for a slot that is empty.
    private var marks: UnsafeMutablePointer<UInt32>
    /// Defined where the mark is not 0.
    private var objects: UnsafeMutablePointer<Unmanaged<Object>>
    private var mask: Int
    private var isClosed = false
    private(set) var count = 0

    init() {
        mask = 15
        (marks, objects) = ObjectTable.makeSlots(mask + 1)
    }

    deinit {
        for index in 0...mask where marks[index] != 0 { objects[index].release() }
        marks.deallocate()
        objects.deallocate()
    }

    private static func makeSlots(
        _ count: Int
    ) -> (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<Unmanaged<Object>>) {
        let marks = UnsafeMutablePointer<UInt32>.allocate(capacity: count)
        marks.initialize(repeating: 0, count: count)
        return (marks, .allocate(capacity: count))
    }

    /// What is kept of a tag: its low bits are the slot where it is looked for first, in a table of whatever size.
    private static func mark(_ tag: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: mixed(tag)) | 1 << 31 }

    private func home(_ mark: UInt32) -> Int { Int(mark) & mask }

    /// The object with this tag that `matches` accepts. It is asked about objects with other tags too.
    func find(_ tag: UInt64, where matches: (Object) -> Bool) -> Object? {
        guard let index = position(tag, where: matches) else { return nil }
        return objects[index].takeUnretainedValue()
    }

    private func position(_ tag: UInt64, where matches: (Object) -> Bool) -> Int? {
        let wanted = ObjectTable.mark(tag)
        var index = home(wanted)
        // One slot is always empty, so this ends.
        while marks[index] != 0 {
            if marks[index] == wanted, objects[index]._withUnsafeGuaranteedRef({ matches($0) }) { return index }
            index = (index + 1) & mask
        }
        return nil
    }

    /// Adds an object, whether or not there is one with this tag.
    ///
    /// - Returns: False when the table is closed, and the object not in it.
    @discardableResult
    mutating func insert(_ object: Object, tag: UInt64) -> Bool {
        if isClosed { return false }
        if (count + 1) * 4 > (mask + 1) * 3 { grow() }
        place(Unmanaged.passRetained(object), ObjectTable.mark(tag))
        count += 1
        return true
    }

    private mutating func place(_ object: Unmanaged<Object>, _ mark: UInt32) {
        var index = home(mark)
        while marks[index] != 0 { index = (index + 1) & mask }
        marks[index] = mark
        (objects + index).initialize(to: object)
    }

    private mutating func grow() {
        let (oldMarks, oldObjects, oldCount) = (marks, objects, mask + 1)
        mask = oldCount * 2 - 1
        (marks, objects) = ObjectTable.makeSlots(mask + 1)
        for index in 0..<oldCount where oldMarks[index] != 0 { place(oldObjects[index], oldMarks[index]) }
        oldMarks.deallocate()
        oldObjects.deallocate()
    }

    /// Takes the object with this tag that `matches` accepts out.
    mutating func remove(_ tag: UInt64, where matches: (Object) -> Bool) -> Object? {
        guard var hole = position(tag, where: matches) else { return nil }
        let removed = objects[hole].takeRetainedValue()
        count -= 1
        // Close the gap: move back every follower whose home lies at or before the hole.
        var index = (hole + 1) & mask
        while marks[index] != 0 {
            if (index - home(marks[index])) & mask >= (index - hole) & mask {
                (marks[hole], objects[hole]) = (marks[index], objects[index])
                hole = index
            }
            index = (index + 1) & mask
        }
        marks[hole] = 0
        return removed
    }

    /// Every object, retained, for a walk without the lock.
    func snapshot() -> [Object] {
        (0...mask).compactMap { marks[$0] != 0 ? objects[$0].takeUnretainedValue() : nil }
    }

    /// Takes every object out, and none in any more; the caller lets go of them after the lock.
    mutating func close() -> [Object] {
        isClosed = true
        let all = (0...mask).compactMap { marks[$0] != 0 ? objects[$0].takeRetainedValue() : nil }
        marks.deallocate()
        objects.deallocate()
        mask = 15
        (marks, objects) = ObjectTable.makeSlots(mask + 1)
        count = 0
        return all
    }
}

/// A 64-bit number whose every bit depends on every bit of `value` (the finaliser of SplitMix64).
@inline(__always)
func mixed(_ value: UInt64) -> UInt64 {
    var mix = value &+ 0x9E37_79B9_7F4A_7C15
    mix = (mix ^ (mix >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mix = (mix ^ (mix >> 27)) &* 0x94D0_49BB_1331_11EB
    return mix ^ (mix >> 31)
}
