internal import ArgumentParser
internal import Control
internal import Linux
internal import Machine

/// What a shell offers at a Tab for arguments that name what runs.
///
/// A shell waits for it and shows nothing of what goes wrong: there are then no candidates.
extension CompletionKind {
    /// The names of the VMs that run.
    static var machines: CompletionKind {
        .custom { _, _, prefix in MachineCompletion.machines(RuntimePlace(), beginning: prefix) }
    }

    /// The names and targets of shares: those of the VM that the command line names, or of all.
    static var shares: CompletionKind {
        .custom { words, _, prefix in
            MachineCompletion.shares(RuntimePlace(), of: words, beginning: prefix)
        }
    }

    /// The VMs, and where one alone runs its shares too: for a command whose VM may be left out.
    static var machinesAndShares: CompletionKind {
        .custom { words, _, prefix in
            MachineCompletion.machines(RuntimePlace(), beginning: prefix)
                + MachineCompletion.shares(RuntimePlace(), of: words, beginning: prefix)
        }
    }
}

/// Candidates for a word of a command line.
enum MachineCompletion {
    /// How long one VM may take to answer, and all of them together.
    private static let patience = (one: Duration.milliseconds(300), all: Duration.milliseconds(900))

    /// The names of VMs that begin so.
    static func machines(_ place: RuntimePlace, beginning prefix: String) -> [String] {
        ((try? place.liveMachines()) ?? []).map(\.name).filter { $0.hasPrefix(prefix) }
    }

    /// The targets of shares that begin so, and the names that were given to some by their user; not those made of digits,
    /// which nobody knows by heart.
    static func shares(_ place: RuntimePlace, of words: [String], beginning prefix: String) -> [String] {
        let all = (try? place.liveMachines()) ?? []
        let named = all.filter { words.contains($0.name) }
        let end = ContinuousClock.now + patience.all
        var candidates: Set<String> = []
        for entry in named.isEmpty ? all : named where ContinuousClock.now < end {
            guard let client = try? ControlClient(path: entry.controlSocket, timeout: patience.one),
                let status = try? client.status()
            else { continue }
            for share in status.shares {
                candidates.formUnion(share.targets.map(\.path))
                if !share.hasMadeName { candidates.insert(share.subname) }
            }
        }
        return candidates.filter { $0.hasPrefix(prefix) && printable($0) == $0 }.sorted()
    }
}

extension ShareStatus {
    /// Whether its name is none of a user's: 32 hexadecimal digits.
    var hasMadeName: Bool {
        subname.utf8.count == 32 && subname.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
