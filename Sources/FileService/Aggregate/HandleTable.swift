internal import FUSE
internal import Synchronization
internal import SystemPackage

/// The open files and directories of a session's guest, by their numbers, and which of them have their descriptors.
///
/// A guest may have more open than the launcher may: what were not used for longest sleep then, closed on the
/// host, until they are used again (`Handle+Descriptor.swift`).
final class HandleTable: Sendable {
    /// The most open files and directories: they are the launcher's memory, whatever becomes of their descriptors.
    private static var most: Int { 262_144 }
    /// How many are put to sleep at a time.
    private static var batch: Int { 16 }

    private let handles = ShardedTable<Handle>()
    /// What directories that are being listed keep in memory.
    let listings = ListingBuffers()
    private let awake = DescriptorClock<Handle>()
    private let number = Atomic<Int>(0)

    /// Adds a handle.
    ///
    /// - Returns: False when the table is closed: nobody will find the handle.
    /// - Throws: ENFILE when there are as many as may be.
    func insert(_ handle: Handle) throws(Errno) -> Bool {
        guard number.load(ordering: .relaxed) < HandleTable.most else { throw .tooManyOpenFilesInSystem }
        guard handles.insert(handle, tag: handle.id.rawValue) else { return false }
        number.add(1, ordering: .relaxed)
        return true
    }

    /// Adds a handle if there is none with its number.
    ///
    /// - Returns: The one that is there now; whether it is the new one, and will be found.
    /// - Throws: ENFILE when there are as many as may be.
    func insertUnlessThere(_ handle: Handle) throws(Errno) -> (handle: Handle, isNew: Bool) {
        guard number.load(ordering: .relaxed) < HandleTable.most else { throw .tooManyOpenFilesInSystem }
        return handles.withTable(of: handle.id.rawValue) { table in
            if let other = table.find(handle.id.rawValue, where: { $0.id == handle.id }) { return (other, false) }
            guard table.insert(handle, tag: handle.id.rawValue) else { return (handle, false) }
            number.add(1, ordering: .relaxed)
            return (handle, true)
        }
    }

    @inline(__always)
    func find(_ id: HandleID) -> Handle? { handles.find(id.rawValue) { $0.id == id } }

    /// Takes a handle out; false when it is not there.
    func remove(_ id: HandleID) -> Bool {
        guard handles.remove(id.rawValue, where: { $0.id == id }) != nil else { return false }
        number.subtract(1, ordering: .relaxed)
        return true
    }

    /// Every handle at some moment each.
    func snapshot() -> [Handle] { handles.snapshot() }

    /// Takes everything out, and nothing in any more. What goes is shown to `body`.
    func close(_ body: (Handle) -> Void = { _ in }) { handles.close(body) }

    // MARK: Sleep

    /// Counts a handle that has its descriptor, is in use, and may lose it when it is not.
    func woke(_ handle: Handle) { awake.insert(handle) }

    /// Forgets a handle that has no descriptor, or is to keep it.
    func leave(_ handle: Handle) { awake.remove(handle) }

    /// Takes the descriptors from some files that were not used for longest.
    ///
    /// - Returns: How many.
    func putToSleep() -> Int {
        var slept = 0
        // Each that cannot sleep leaves the clock, so this ends.
        while slept == 0 {
            var tired: [HandleID] = []
            awake.turn(most: HandleTable.batch, leaves: false) { handle in
                guard handle.isTired() else { return false }
                tired.append(handle.id)
                return true
            }
            if tired.isEmpty { return 0 }
            // By number: what the clock has may be about to go.
            let found = tired.compactMap { find($0) }
            for handle in found where handle.sleep(in: self) { slept += 1 }
            if found.isEmpty { return 0 }
        }
        return slept
    }
}
