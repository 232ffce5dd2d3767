/// Exercises of one file, and what is left of one that failed: the fewest operations that still fail.
struct Exercise {
    let suite: Suite
    let path: Path

    /// Runs the operations of a seed and says how it went.
    ///
    /// - Returns: Whether the file and its model agreed to the end.
    func run(seed: UInt64, count: Int) -> Bool {
        let operations = FileOperation.sequence(seed: seed, count: count)
        let exerciser = FileExerciser(suite: suite, path: path)
        guard let found = exerciser.run(operations) else {
            Suite.print("seed \(seed): \(count) operations\(Exercise.refusals(exerciser))\n")
            suite.remove(path)
            return true
        }
        Suite.print(
            "seed \(seed): operation \(found.index) of \(count), \(operations[found.index]): \(found.failure)\n")
        let fewest = reduced(Array(operations[...found.index]))
        Suite.print("the fewest that fail: \(fewest.count)\n")
        for operation in fewest { Suite.print("  \(operation)\n") }
        if let again = FileExerciser(suite: suite, path: path).run(fewest) { Suite.print("  \(again.failure)\n") }
        return false
    }

    private static func refusals(_ exerciser: FileExerciser) -> String {
        let kinds = FileOperation.Kind.allCases.filter { exerciser.refused[$0.rawValue] > 0 }
        return kinds.isEmpty ? "" : ", without " + kinds.map { $0.name }.joined(separator: ", ")
    }

    /// Leaves out pieces, halves first, as long as what is left fails.
    private func reduced(_ operations: [FileOperation]) -> [FileOperation] {
        var operations = operations
        var size = operations.count / 2
        while size > 0 {
            var start = 0
            while start < operations.count {
                var fewer = operations
                fewer.removeSubrange(start..<min(start + size, operations.count))
                if let found = FileExerciser(suite: suite, path: path).run(fewer) {
                    operations = Array(fewer[...found.index])
                } else {
                    start += size
                }
            }
            size /= 2
        }
        return operations
    }
}
