import CAgent

/// The pipe `/run/initctl`, by which `poweroff`, `halt` and `reboot` of most distributions speak to an init that is not
/// systemd; see initctl(5) of sysvinit.
struct InitRequests {
    private static let path: Text = "/run/initctl"
    /// Bytes of a request, of which the agent wants three words: magic, command, run level.
    private static let size = 384
    private static let magic: UInt32 = 0x0309_1969
    private static let changeRunLevel: UInt32 = 1

    private let pipe: Descriptor

    /// Makes the pipe; nil where that fails, for these words may also come as signals.
    init?() {
        _ = InitRequests.path.withCString { mkfifo($0, 0o600) }
        // Open for writing too, so that the pipe has no end when a writer closes it.
        guard let pipe = try? Descriptor(opening: InitRequests.path, O_RDWR | O_NONBLOCK) else { return nil }
        self.pipe = pipe
    }

    /// The pipe, to be watched.
    var descriptor: Int32 { pipe.number }

    /// Takes what has come; how the guest is to end, where it is.
    func next() -> Supervisor.Ending? {
        var request = [UInt8](repeating: 0, count: InitRequests.size)
        let count = request.withUnsafeMutableBytes { bytes in (try? pipe.read(into: bytes)) ?? 0 }
        var reader = PayloadReader(request)
        guard count == InitRequests.size, reader.word() == InitRequests.magic,
            reader.word() == InitRequests.changeRunLevel
        else { return nil }
        switch reader.word() {
        case 0x30: return .powerOff
        case 0x36: return .restart
        default: return nil
        }
    }
}
