import CLinux
internal import Synchronization

/// How many descriptors a guest may make the launcher hold. Past it, the guest gets ENFILE, and the launcher keeps those it
/// needs for itself.
final class DescriptorBudget: Sendable {
    /// How many there are in all.
    let limit: Int
    private let left: Atomic<Int>

    init(limit: Int) {
        self.limit = limit
        left = Atomic(limit)
    }

    /// A part of the process's limit of open files, raised as far as it goes: several aggregates share it, and some are kept
    /// back.
    static func ofProcess(eighths: Int) -> Int {
        let raised = cl_raise_file_limit()
        // So that no share is slow to be added because it happens to be the 256th descriptor.
        cl_reserve_descriptors(4096)
        let limit = raised > 0 ? raised : Int(clamping: cl_file_limit())
        return max((limit - min(512, limit / 4)) / 8 * min(max(1, eighths), 8), 64)
    }

    /// Takes one; false when the guest holds as many as it may.
    func take() -> Bool {
        if left.subtract(1, ordering: .relaxed).newValue >= 0 { return true }
        left.add(1, ordering: .relaxed)
        return false
    }

    /// Whether there was one left a moment ago.
    var hasLeft: Bool { left.load(ordering: .relaxed) > 0 }

    func giveBack() { left.add(1, ordering: .relaxed) }
}
