/// A hash table of objects, each under a 64-bit tag: open addressing, linear probing, no tombstones.
///
/// Dictionary would check for exclusive access and allocate on the request path. Tags need not be unique: `find` and
/// `remove` take a predicate. Not locked.
struct ObjectTable<Object: AnyObject>: ~Copyable {
    private struct Slot {
        var tag: UInt64
        var object: Unmanaged<Object>?
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private var isClosed = false
    private(set) var count = 0

    init() {
        mask = 15
        slots = ObjectTable.makeSlots(mask + 1)
    }

    deinit {
        for index in 0...mask { slots[index].object?.release() }
        slots.deallocate()
    }

    private static func makeSlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        slots.initialize(repeating: Slot(tag: 0, object: nil), count: count)
        return slots
    }

    private func home(_ tag: UInt64) -> Int { Int(truncatingIfNeeded: mixed(tag)) & mask }

    /// The object with this tag that `matches` accepts.
    func find(_ tag: UInt64, where matches: (Object) -> Bool) -> Object? {
        guard let index = position(tag, where: matches) else { return nil }
        return slots[index].object?.takeUnretainedValue()
    }

    /// The object with this tag.
    func find(_ tag: UInt64) -> Object? { find(tag) { _ in true } }

    private func position(_ tag: UInt64, where matches: (Object) -> Bool) -> Int? {
        var index = home(tag)
        // One slot is always empty, so this ends.
        while let object = slots[index].object {
            if slots[index].tag == tag, object._withUnsafeGuaranteedRef({ matches($0) }) { return index }
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
        place(Slot(tag: tag, object: Unmanaged.passRetained(object)))
        count += 1
        return true
    }

    private mutating func place(_ slot: Slot) {
        var index = home(slot.tag)
        while slots[index].object != nil { index = (index + 1) & mask }
        slots[index] = slot
    }

    private mutating func grow() {
        let old = slots
        let oldCount = mask + 1
        mask = oldCount * 2 - 1
        slots = ObjectTable.makeSlots(mask + 1)
        for index in 0..<oldCount where old[index].object != nil { place(old[index]) }
        old.deallocate()
    }

    /// Takes the object with this tag that `matches` accepts out.
    mutating func remove(_ tag: UInt64, where matches: (Object) -> Bool = { _ in true }) -> Object? {
        guard var hole = position(tag, where: matches) else { return nil }
        let removed = slots[hole].object?.takeRetainedValue()
        count -= 1
        // Close the gap: move back every follower whose home lies at or before the hole.
        var index = (hole + 1) & mask
        while slots[index].object != nil {
            if (index - home(slots[index].tag)) & mask >= (index - hole) & mask {
                slots[hole] = slots[index]
                hole = index
            }
            index = (index + 1) & mask
        }
        slots[hole] = Slot(tag: 0, object: nil)
        return removed
    }

    /// Every object, retained, for a walk without the lock.
    func snapshot() -> [Object] {
        (0...mask).compactMap { slots[$0].object?.takeUnretainedValue() }
    }

    /// Takes every object out, and none in any more; the caller lets go of them after the lock.
    mutating func close() -> [Object] {
        isClosed = true
        let all = (0...mask).compactMap { slots[$0].object?.takeRetainedValue() }
        slots.deallocate()
        mask = 15
        slots = ObjectTable.makeSlots(mask + 1)
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
