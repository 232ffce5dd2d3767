internal import EventLoop
internal import Linux
internal import SystemPackage

/// The process that started this launcher in the background and waits until its guest is ready: a ``BackgroundLaunch``.
final class Starter {
    /// The line that tells it, with the VM's name in between.
    static let ready = (start: Array("ready ".utf8), end: UInt8(ascii: "\n"))

    /// Called when it has gone before it was told.
    var onLeft: () -> Void = {}

    private let stream: ByteStream

    /// Takes over the socket to it.
    init(owning socket: consuming Descriptor, on loop: EventLoop) throws(Errno) {
        stream = try ByteStream(owning: socket, on: loop)
        stream.read { [weak self] input in
            if case .bytes = input { return }
            self?.onLeft()
        }
    }

    /// Tells it that the guest is ready; it waits no longer then.
    func tellReady(name: String) {
        stream.write(Self.ready.start + Array(name.utf8) + [Self.ready.end])
        stream.close()
    }
}
