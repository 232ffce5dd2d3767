internal import EventLoop
internal import Linux
internal import QEMU
internal import ShareHost
internal import SystemPackage

internal import enum ShareHost.Bucket

/// A machine's virtio-fs devices: those from the boot, and those that are plugged in when a bucket gets its first share.
final class BucketDevices {
    /// How a machine has a bucket's device.
    enum Presence: Equatable {
        case boot
        case hotPlugged
    }

    /// Why a device cannot be plugged in: a sentence.
    struct Failure: Error {
        let text: String
        let errno: Errno?
    }

    /// The devices that there are.
    private(set) var present: [Bucket: Presence] = [:]
    /// QEMU's monitor; nil before it is connected and after its end.
    weak var monitor: QMPClient?
    /// Called on any thread when QEMU has left a device.
    var onDeparture: @Sendable (String) -> Void = { _ in }

    private let shareHost: ShareHost
    private let requestQueues: Int
    private var waiting: [Bucket: [(Result<Bool, Failure>) -> Void]] = [:]

    /// The devices of a machine that boots with those of `buckets`.
    init(of shareHost: ShareHost, fromBoot buckets: [Bucket], requestQueues: Int) {
        self.shareHost = shareHost
        self.requestQueues = requestQueues
        for bucket in buckets { present[bucket] = .boot }
    }

    /// How many ports a machine keeps free for the devices that it does not boot with.
    var reservedPorts: Int { Bucket.allCases.count - present.count }

    /// Which reserved port belongs to a bucket that has no device from the boot.
    private func port(of bucket: Bucket) -> Int {
        Bucket.allCases.filter { present[$0] != .boot }.firstIndex(of: bucket) ?? 0
    }

    /// Makes sure that the machine has a bucket's device. `completion` is called once, with whether it was plugged in for this;
    /// after a failure the next call tries anew.
    func ensure(_ bucket: Bucket, completion: @escaping (Result<Bool, Failure>) -> Void) {
        if present[bucket] != nil { return completion(.success(false)) }
        waiting[bucket, default: []].append(completion)
        guard waiting[bucket]?.count == 1 else { return }
        do throws(Failure) {
            try plug(bucket)
        } catch {
            finish(bucket, .failure(error))
        }
    }

    /// Makes a bucket's device, and serves it.
    ///
    /// - Returns: The device, and QEMU's end of the socket to it.
    /// - Throws: Why there can be none: a ``ShareError`` or an `Errno`.
    func connect(_ bucket: Bucket) throws -> (device: FileSystemDevice, socket: SharedDescriptor) {
        let device = try shareHost.makeDevice(for: bucket, requestQueues: requestQueues)
        let pair = try SocketPair()
        let left = onDeparture
        try device.serve(pair.near) { end in left("QEMU has left \(bucket.tag): \(end)") }
        return (device, SharedDescriptor(pair.far))
    }

    private func plug(_ bucket: Bucket) throws(Failure) {
        guard let monitor else { throw Failure(text: "QEMU is not there", errno: nil) }
        let device: FileSystemDevice
        let far: SharedDescriptor
        do {
            (device, far) = try connect(bucket)
        } catch let error as ShareError {
            throw Failure(text: error.description, errno: error.errno)
        } catch let error as Errno {
            throw Failure(text: "no connection for a device can be made: \(error.explained)", errno: error)
        } catch {
            throw Failure(text: "\(error)", errno: nil)
        }
        HotPlug(tag: bucket.tag, requestQueues: device.requestQueues, port: port(of: bucket))
            .perform(by: monitor, socket: far) { [weak self] result in
                switch result {
                case .success: self?.finish(bucket, .success(true))
                case .failure(let error):
                    device.stop()
                    self?.finish(bucket, .failure(Failure(text: error.description, errno: nil)))
                }
            }
    }

    private func finish(_ bucket: Bucket, _ result: Result<Bool, Failure>) {
        if case .success = result { present[bucket] = .hotPlugged }
        let callers = waiting.removeValue(forKey: bucket) ?? []
        // The first has caused it; for the others the device was simply there.
        for (index, caller) in callers.enumerated() { caller(index == 0 ? result : result.map { _ in false }) }
    }
}
