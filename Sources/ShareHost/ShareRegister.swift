internal import FileService
internal import SystemPackage

/// The shares that there are or that are being added, found by name and by target. Not locked, and never in need of the
/// host.
///
/// Names and targets are compared byte by byte: to Linux the two spellings of "é" are two names.
struct ShareRegister {
    /// A share's place: no bucket has a name twice.
    private struct Key: Hashable {
        let bucket: Bucket
        let name: [UInt8]

        init(_ name: String, _ bucket: Bucket) {
            self.bucket = bucket
            self.name = Array(name.utf8)
        }

        init(_ share: Share) {
            self.init(share.subname, share.bucket)
        }
    }

    private struct Entry {
        var share: Share
        /// Who is adding it; nil once it is there.
        var attempt: ShareAttempt?
        /// Grows with every share that has been added.
        var order: UInt64 = 0
    }

    /// What a wish for a share came to.
    enum Reservation {
        /// It was there; the wanted target is now one of its own.
        case present(Share)
        /// Somebody else is adding it: to be asked again when that attempt has ended.
        case pending(ShareAttempt)
        /// Its name and target are kept for whoever asked, to be committed or withdrawn.
        case reserved
    }

    private var entries: [Key: Entry] = [:]
    /// Whose each target is.
    private var owners: [[UInt8]: Key] = [:]
    private var lastOrder: UInt64 = 0

    // MARK: Looking

    /// The shares that are there, in the order in which they were added.
    var shares: [Share] {
        entries.values.filter { $0.attempt == nil }.sorted { $0.order < $1.order }.map(\.share)
    }

    /// The share of this name, if it is there.
    func share(named subname: String, in bucket: Bucket) -> Share? { present(Key(subname, bucket)) }

    /// The share that has this target, if it is there.
    func share(at target: String) -> Share? { owners[Array(target.utf8)].flatMap { present($0) } }

    private func present(_ key: Key) -> Share? {
        guard let entry = entries[key], entry.attempt == nil else { return nil }
        return entry.share
    }

    // MARK: Adding

    /// Finds a share that is there, or keeps the place of one that is to be added.
    ///
    /// - Parameters:
    ///   - wanted: The share, with at most one target.
    ///   - attempt: Is under way until the place is committed or withdrawn.
    /// - Returns: What is to be done next.
    /// - Throws: Whose the target or the name is; that the share is there with other options.
    mutating func reserve(_ wanted: Share, _ attempt: ShareAttempt) throws(ShareError) -> Reservation {
        let key = Key(wanted)
        let known = entries[key]
        for target in wanted.targets {
            guard let owner = owners[Array(target.utf8)], let other = entries[owner] else { continue }
            guard owner == key, other.share.hostPath == wanted.hostPath else {
                throw .targetInUse(target: target, by: other.share.hostPath)
            }
        }
        if let known {
            guard known.share.hostPath == wanted.hostPath else {
                throw .child(
                    AddChildError(
                        reason: .nameInUse, errno: .fileExists, name: wanted.subname, hostPath: wanted.hostPath))
            }
            if let attempt = known.attempt { return .pending(attempt) }
            guard known.share.options == wanted.options else { throw .otherOptions(wanted.hostPath) }
            var share = known.share
            for target in wanted.targets { append(target, to: &share, key) }
            return .present(share)
        }
        entries[key] = Entry(share: wanted, attempt: attempt)
        for target in wanted.targets { owners[Array(target.utf8)] = key }
        return .reserved
    }

    /// A share whose place was reserved is there now.
    mutating func commit(_ wanted: Share) {
        lastOrder += 1
        entries[Key(wanted)] = Entry(share: wanted, order: lastOrder)
    }

    /// Gives the place of a share up that was reserved.
    mutating func withdraw(_ wanted: Share) { drop(Key(wanted)) }

    // MARK: Changing

    /// Gives a share one more target; one that it has already changes nothing.
    ///
    /// - Returns: The share as it is now.
    /// - Throws: Whose the target is; that there is no such share.
    mutating func addTarget(
        _ target: String, toShareNamed subname: String, in bucket: Bucket
    ) throws(ShareError) -> Share {
        let key = Key(subname, bucket)
        guard var share = present(key) else { throw .noShare(named: subname, bucket) }
        if let owner = owners[Array(target.utf8)], owner != key, let other = entries[owner] {
            throw .targetInUse(target: target, by: other.share.hostPath)
        }
        append(target, to: &share, key)
        return share
    }

    private mutating func append(_ target: String, to share: inout Share, _ key: Key) {
        guard owners.updateValue(key, forKey: Array(target.utf8)) == nil else { return }
        share.targets.append(target)
        entries[key]?.share = share
    }

    /// Takes a target from the share that has it.
    ///
    /// - Returns: The share as it is now; nil when no share that is there has the target.
    mutating func removeTarget(_ target: String) -> Share? {
        let bytes = Array(target.utf8)
        guard let key = owners[bytes], var share = present(key) else { return nil }
        owners[bytes] = nil
        share.targets.removeAll { $0.utf8.elementsEqual(bytes) }
        entries[key]?.share = share
        return share
    }

    /// Takes a share that is there out.
    mutating func remove(_ share: Share) { drop(Key(share)) }

    private mutating func drop(_ key: Key) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        for target in entry.share.targets { owners[Array(target.utf8)] = nil }
    }
}
