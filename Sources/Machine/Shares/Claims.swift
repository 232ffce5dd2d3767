internal import SystemPackage

/// What operations on shares have taken for themselves, so that two of them never work on the same share or target at once.
/// Those that have nothing in common go on side by side.
///
/// Targets have something in common where one lies inside the other: of the two mounts one would hide the other, or come
/// into it, and which of them is decided by their order.
final class Claims {
    /// What can be taken.
    enum Key: Hashable {
        case share(String)
        case target(String)
    }

    /// What somebody has taken or waits for.
    private struct Holding {
        private var keys: [Key: Int] = [:]
        /// The directories that lead to the targets.
        private var above: [String: Int] = [:]

        mutating func add(_ claim: Set<Key>) {
            for key in claim {
                keys[key, default: 0] += 1
                for directory in key.leading { above[directory, default: 0] += 1 }
            }
        }

        mutating func remove(_ claim: Set<Key>) {
            for key in claim {
                keys[key] = keys[key].flatMap { $0 > 1 ? $0 - 1 : nil }
                for directory in key.leading { above[directory] = above[directory].flatMap { $0 > 1 ? $0 - 1 : nil } }
            }
        }

        func collides(with claim: Set<Key>) -> Bool {
            claim.contains { key in
                if keys[key] != nil { return true }
                guard case .target(let target) = key else { return false }
                return above[target] != nil || key.leading.contains { keys[.target($0)] != nil }
            }
        }
    }

    private var taken = Holding()
    /// What is taken, and what is waited for.
    private var wanted = Holding()
    private var waiting: [(keys: Set<Key>, begin: () -> Void)] = []

    /// Runs `begin` when all the keys are free, at once if they are; they are taken until ``release(_:)``.
    func take(_ keys: Set<Key>, _ begin: @escaping () -> Void) {
        // Who came first is first, also where only one of the keys is wanted by both.
        let isFree = isFree(keys)
        wanted.add(keys)
        guard isFree else { return waiting.append((keys, begin)) }
        taken.add(keys)
        begin()
    }

    /// Whether ``take(_:_:)`` would begin at once.
    func isFree(_ keys: Set<Key>) -> Bool { !wanted.collides(with: keys) }

    /// Gives keys back, and lets those begin that have waited for them.
    func release(_ keys: Set<Key>) {
        taken.remove(keys)
        wanted.remove(keys)
        while let index = nextFree {
            let next = waiting.remove(at: index)
            taken.add(next.keys)
            // It may release its keys again, and take others, before it returns.
            next.begin()
        }
    }

    /// The first that waits for nobody before it any more.
    private var nextFree: Int? {
        var earlier = taken
        for (index, next) in waiting.enumerated() {
            if !earlier.collides(with: next.keys) { return index }
            earlier.add(next.keys)
        }
        return nil
    }
}

extension Claims.Key {
    /// The directories above a target, but for the root, which everything is in.
    fileprivate var leading: [String] {
        guard case .target(let target) = self else { return [] }
        var directories: [String] = []
        var path = FilePath(target)
        while path.removeLastComponent(), !path.components.isEmpty { directories.append(path.string) }
        return directories
    }
}
