/// What operations on shares have taken for themselves, so that two of them never work on the same share or target at once.
/// Those that have nothing in common go on side by side.
final class Claims {
    /// What can be taken.
    enum Key: Hashable {
        case share(String)
        case target(String)
    }

    private var taken: Set<Key> = []
    private var waiting: [(keys: Set<Key>, begin: () -> Void)] = []

    /// Runs `begin` when all the keys are free, at once if they are; they are taken until ``release(_:)``.
    func take(_ keys: Set<Key>, _ begin: @escaping () -> Void) {
        // Who came first is first, also where only one of the keys is wanted by both.
        guard isFree(keys, before: waiting.count) else { return waiting.append((keys, begin)) }
        taken.formUnion(keys)
        begin()
    }

    /// Gives keys back, and lets those begin that have waited for them.
    func release(_ keys: Set<Key>) {
        taken.subtract(keys)
        var index = 0
        while index < waiting.count {
            guard isFree(waiting[index].keys, before: index) else {
                index += 1
                continue
            }
            let next = waiting.remove(at: index)
            taken.formUnion(next.keys)
            next.begin()
            // It may have released its keys again by now.
            index = 0
        }
    }

    private func isFree(_ keys: Set<Key>, before index: Int) -> Bool {
        taken.isDisjoint(with: keys) && waiting[..<index].allSatisfy { $0.keys.isDisjoint(with: keys) }
    }
}
