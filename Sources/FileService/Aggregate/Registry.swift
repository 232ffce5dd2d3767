internal import FUSE
internal import SystemPackage

/// The shares of an aggregate, in the order of their ids. Guarded by the aggregate's lock.
struct Registry: ~Copyable {
    private(set) var children: [Child] = []
    private var byName = ObjectTable<Child>()
    private var lastID: UInt32 = 0
    var isTearingDown = false

    /// What has to be negotiated for the options of the children.
    var wantedFlags: InitFlags { children.reduce([]) { $0.union($1.options.initFlags) } }

    /// Adds the child that `make` makes under an id that has never been given out.
    ///
    /// - Throws: EEXIST when the name is in use; ENOSPC when there is no id left.
    mutating func add(named name: some Sequence<UInt8>, _ make: (UInt32) -> Child) throws(Errno) -> Child {
        guard child(named: name) == nil else { throw .fileExists }
        guard lastID < .max else { throw .noSpace }
        lastID += 1
        let child = make(lastID)
        children.append(child)
        byName.insert(child, tag: child.nameHash)
        return child
    }

    func child(named name: some Sequence<UInt8>) -> Child? {
        byName.find(hashed(name)) { $0.nameBytes.elementsEqual(name) }
    }

    /// The first child whose id is greater than `id`.
    func child(after id: UInt64) -> Child? {
        let index = index(after: id)
        return index < children.count ? children[index] : nil
    }

    private func index(after id: UInt64) -> Int {
        var low = 0
        var high = children.count
        while low < high {
            let middle = (low + high) / 2
            if UInt64(children[middle].id) > id { high = middle } else { low = middle + 1 }
        }
        return low
    }

    mutating func remove(named name: some Sequence<UInt8>) -> Child? {
        let named = byName.remove(hashed(name)) { $0.nameBytes.elementsEqual(name) }
        guard let child = named else { return nil }
        children.remove(at: index(after: UInt64(child.id)) - 1)
        return child
    }
}
