/// A table of objects that many queues use at once: sixteen tables, each behind a lock of its own.
final class ShardedTable<Object: AnyObject>: @unchecked Sendable {
    /// One table and its lock; `objects` is touched only while `lock` is held.
    struct Shard: ~Copyable {
        let lock = Lock()
        var objects = ObjectTable<Object>()
    }

    private static var count: Int { 16 }
    // By address and not as a property: Swift checks properties of classes for exclusive access at every use.
    private let shards: UnsafeMutablePointer<Shard>

    init() {
        shards = .allocate(capacity: ShardedTable.count)
        for index in 0..<ShardedTable.count { (shards + index).initialize(to: Shard()) }
    }

    deinit {
        shards.deinitialize(count: ShardedTable.count)
        shards.deallocate()
    }

    @inline(__always)
    private func shard(_ tag: UInt64) -> UnsafeMutablePointer<Shard> {
        // The table uses the low bits of the same mix.
        shards + Int(truncatingIfNeeded: mixed(tag) >> 60)
    }

    /// The object with this tag, retained.
    @inline(__always)
    func find(_ tag: UInt64) -> Object? {
        let shard = shard(tag)
        return shard.pointee.lock.hold { shard.pointee.objects.find(tag) }
    }

    /// Runs `body` on the table that holds this tag, locked.
    @inline(__always)
    func withTable<R>(of tag: UInt64, _ body: (inout ObjectTable<Object>) -> R) -> R {
        let shard = shard(tag)
        return shard.pointee.lock.hold { body(&shard.pointee.objects) }
    }

    func insert(_ object: Object, tag: UInt64) {
        withTable(of: tag) { $0.insert(object, tag: tag) }
    }

    @discardableResult
    func remove(_ tag: UInt64) -> Object? {
        withTable(of: tag) { $0.remove(tag) }
    }

    /// Every object at some moment each.
    func snapshot() -> [Object] {
        (0..<ShardedTable.count).flatMap { index in
            shards[index].lock.hold { shards[index].objects.snapshot() }
        }
    }

    /// Takes everything out. What goes is let go of here, with no lock held: closing a file may block.
    func removeAll() {
        for index in 0..<ShardedTable.count {
            _ = shards[index].lock.hold { shards[index].objects.removeAll() }
        }
    }
}
