internal import FUSE
internal import Synchronization

/// Which node the guest knows by which name, of a few thousand names that it used last: what RENAME and UNLINK would else
/// have to ask the host for, once for each name.
///
/// It says nothing of what the host has by that name. Whoever acts on a node that is known here opens it by its place, which
/// tells if it is another by now, or has its descriptor; and a name without a node is one that no node's place is at.
///
/// One word a name, which hashes to its place: a node's number, or the name's own tag for a name that has no node. Without
/// locks: who has looked at the host stores what it has seen only if nobody else has stored anything since before it looked.
final class KnownNames: Sendable {
    private static var count: Int { 8192 }
    /// The highest bit of a word that names no node.
    private static var nothing: UInt64 { 1 << 63 }

    nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt64>>

    init() {
        words = .allocate(capacity: KnownNames.count)
        for index in 0..<KnownNames.count { (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        words.deinitialize(count: KnownNames.count)
        words.deallocate()
    }

    /// A name, and what was known of it at some moment.
    struct Entry {
        /// Of the place that the name is.
        let tag: UInt64
        fileprivate let word: UInt64

        /// Whether the guest has no node by this name.
        var isNothing: Bool { word == KnownNames.nothing(tag) }
        /// The node of this name, if it still is: its tag says.
        var node: NodeID? { word != 0 && word & KnownNames.nothing == 0 ? NodeID(rawValue: word) : nil }
    }

    private static func nothing(_ tag: UInt64) -> UInt64 { nothing | tag >> 1 }

    @inline(__always)
    private func word(_ tag: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
        words + Int(truncatingIfNeeded: tag >> 32) & (KnownNames.count - 1)
    }

    /// What is known of a name; `tag` is that of its place.
    @inline(__always)
    func entry(_ tag: UInt64) -> Entry {
        Entry(tag: tag, word: word(tag).pointee.load(ordering: .acquiring))
    }

    /// Notes what a look at the host has shown: the node of a name, or that it has none. `before` is from before the look.
    @inline(__always)
    func note(_ node: NodeID?, since before: Entry) {
        let new = node?.rawValue ?? KnownNames.nothing(before.tag)
        guard new != before.word else { return }
        let (isNoted, there) = word(before.tag).pointee.compareExchange(
            expected: before.word, desired: new, ordering: .acquiringAndReleasing)
        guard !isNoted, node != nil, there == KnownNames.nothing(before.tag) else { return }
        // Two have looked at once, and the host has made something in between: better to look again than to miss it.
        _ = word(before.tag).pointee.compareExchange(expected: there, desired: 0, ordering: .relaxed)
    }

    /// Notes the node that a name has just been given.
    func set(_ node: NodeID, tag: UInt64) { word(tag).pointee.store(node.rawValue, ordering: .releasing) }
}
