/// A table of objects that many queues use at once: sixteen tables, each behind a lock of its own.
final class ShardedTable<Object: AnyObject>: @unchecked Sendable {
    private static var count: Int { 16 }
    private let locks: UnsafeMutablePointer<Lock>
    // By address and not as properties: Swift checks properties of classes for exclusive access at every use. Each is
    // touched only while its lock is held.
    private let tables: UnsafeMutablePointer<ObjectTable<Object>>

    init() {
        locks = .allocate(capacity: ShardedTable.count)
        tables = .allocate(capacity: ShardedTable.count)
        for index in 0..<ShardedTable.count {
            (locks + index).initialize(to: Lock())
            (tables + index).initialize(to: ObjectTable())
        }
    }

    deinit {
        tables.deinitialize(count: ShardedTable.count)
        tables.deallocate()
        locks.deinitialize(count: ShardedTable.count)
        locks.deallocate()
    }

    /// Which table holds a tag. The table itself uses the low bits of the same mix.
    @inline(__always)
    private func shard(_ tag: UInt64) -> Int { Int(truncatingIfNeeded: mixed(tag) >> 60) }

    /// The object with this tag that `matches` accepts, retained.
    @inline(__always)
    func find(_ tag: UInt64, where matches: (Object) -> Bool) -> Object? {
        let shard = shard(tag)
        return locks[shard].hold { tables[shard].find(tag, where: matches) }
    }

    /// Runs `body` on the table that holds this tag, locked.
    @inline(__always)
    func withTable<R>(of tag: UInt64, _ body: (inout ObjectTable<Object>) -> R) -> R {
        let shard = shard(tag)
        return locks[shard].hold { body(&tables[shard]) }
    }

    /// Adds an object; false when the table is closed.
    @discardableResult
    func insert(_ object: Object, tag: UInt64) -> Bool {
        withTable(of: tag) { $0.insert(object, tag: tag) }
    }

    @discardableResult
    func remove(_ tag: UInt64, where matches: (Object) -> Bool) -> Object? {
        withTable(of: tag) { $0.remove(tag, where: matches) }
    }

    /// Every object at some moment each.
    func snapshot() -> [Object] {
        (0..<ShardedTable.count).flatMap { index in locks[index].hold { tables[index].snapshot() } }
    }

    /// Takes everything out, and nothing in any more. What goes is shown to `body` and let go of here, with no lock held:
    /// closing a file may block.
    func close(_ body: (Object) -> Void = { _ in }) {
        for index in 0..<ShardedTable.count {
            for object in locks[index].hold({ tables[index].close() }) { body(object) }
        }
    }
}
