import EventLoop
import FileService
import Glibc
import Linux
import Logging
import ShareHost
import SystemPackage
import TestSupport
import Testing

@testable import Machine

/// The shares of a guest that the test plays, of real directories.
final class LiveScene {
    let loop = EventLoop()
    let host = ShareHost(log: Logger(label: "test"))
    let guest: ScriptedGuest
    let shares: LiveShares
    private let place: TemporaryDirectory

    /// Sets the scene; `boot` has the directories that the guest boots with, by target, all to be written.
    init(isReady: Bool = true, devices: BucketDevices? = nil, boot: [String: String] = [:]) throws {
        place = try TemporaryDirectory()
        guest = ScriptedGuest(on: loop)
        shares = LiveShares(of: host, on: loop, guest: guest.mounts, devices: devices)
        let root = try host.add("/", access: .readOnly, name: RootSelection.subname, target: "/").share
        var served = [ServedShare(root, target: "/")]
        for (target, name) in boot {
            let share = try host.add(FilePath(directory(name)), access: .readWrite, target: target).share
            served.append(ServedShare(share, target: target))
            guest.mountByItself(entry(name), at: target)
        }
        shares.note(atBoot: served)
        if isReady { shares.guestIsReady() }
    }

    /// A host directory, made where it is not there.
    func directory(_ name: String) -> String {
        var path = place.path
        for component in name.split(separator: "/") {
            path += "/\(component)"
            mkdir(path, 0o755)
        }
        return path
    }

    func remove(directory name: String) { rmdir("\(place.path)/\(name)") }

    /// A directory's name, as the guest's table has it.
    func entry(_ name: String, _ access: Access = .readWrite) -> String {
        let subname = Share.subname(hostPath: FilePath(directory(name)), access: access)
        return "\(Bucket(access).rawValue)/\(subname)"
    }

    // MARK: - Requests

    typealias Added = Result<LiveShares.Addition, LiveShares.Failure>
    typealias Removed = Result<LiveShares.Removal, LiveShares.Failure>

    func add(
        _ name: String, _ target: String? = nil, isReadOnly: Bool = false, name subname: String? = nil,
        within limit: Double? = nil, _ completion: @escaping (Added) -> Void
    ) {
        let source = FilePath(name.hasPrefix("/") ? name : directory(name))
        shares.add(
            ShareRequest(source: source, target: target, isReadOnly: isReadOnly, name: subname), within: limit,
            completion: completion)
    }

    func add(
        _ name: String, _ target: String? = nil, isReadOnly: Bool = false, name subname: String? = nil,
        within limit: Double? = nil
    ) -> Added {
        wait { add(name, target, isReadOnly: isReadOnly, name: subname, within: limit, $0) }
    }

    func remove(_ word: String, force: Bool = false, revoke: Bool = false, within limit: Double? = nil) -> Removed {
        wait { shares.remove(word, force: force, revoke: revoke, within: limit, completion: $0) }
    }

    func change(
        _ word: String, target: String? = nil, isReadOnly: Bool? = nil, force: Bool = false, within limit: Double? = nil
    ) -> Added {
        wait {
            shares.change(
                word, target: target, isReadOnly: isReadOnly, force: force, within: limit, completion: $0)
        }
    }

    func refresh() {
        let _: Bool = wait { done in shares.refresh(within: .seconds(20)) { done(true) } }
    }

    /// Begins something and runs the loop until it has come to its end.
    func wait<Value>(_ begin: (@escaping (Value) -> Void) -> Void) -> Value {
        var value: Value?
        begin { value = $0 }
        loop.run(until: { value != nil })
        guard let value else { fatalError("the test has failed already") }
        return value
    }

    // MARK: - What there is

    /// The shares but the guest's root, each as `ACCESS DIRECTORY TARGET STATE…`.
    var list: [String] {
        shares.list.filter { $0.subname != RootSelection.subname }.map { share in
            let name = share.source.dropFirst(place.path.count + 1)
            return (["\(share.access) \(name)"] + share.targets.map { "\($0.path) \($0.state)" })
                .joined(separator: " ")
        }
    }

    /// Everything that a failed request must leave as it was.
    var traces: [String] {
        list + guest.seen.map { "\($0.key) \($0.value)" }.sorted()
            + ["\(guest.mounts.pending) pending", "\(shares.placements.count) placements"]
    }
}

extension Result where Failure == LiveShares.Failure {
    /// Why it failed; nil for success.
    var failure: LiveShares.Failure? {
        if case .failure(let failure) = self { failure } else { nil }
    }

    var value: Success? { try? get() }
}
