internal import EventLoop

/// What a person at an interactive VM's terminal gets for Ctrl-]: what is typed goes to it and not to the guest, whose output
/// waits meanwhile.
public protocol EscapeMenu: AnyObject {
    /// Shows itself. Called on the thread that runs the VM, as all the rest.
    func open(_ host: EscapeMenuHost)
    /// Takes what is typed, until it has left.
    func type(_ bytes: [UInt8])
}

/// What an ``EscapeMenu`` can do with its VM.
public final class EscapeMenuHost {
    /// The terminal's columns; 80 where they are not known.
    public let columns: Int
    /// The VM's shares.
    public let shares: LiveShares
    private let streams: StandardStreams
    private let end: (_ orderly: Bool) -> Void

    init(_ streams: StandardStreams, shares: LiveShares, end: @escaping (_ orderly: Bool) -> Void) {
        self.streams = streams
        self.shares = shares
        self.end = end
        let known = Int(streams.windowSize.columns)
        columns = known > 0 ? known : 80
    }

    /// Writes to the terminal, which is raw: lines end with CR and LF.
    public func show(_ bytes: [UInt8]) { streams.show(bytes) }

    /// Gives the terminal back to the guest.
    public func leave() { streams.closeMenu() }

    /// Gives the terminal back to the guest, and Ctrl-] to it.
    public func sendEscape() {
        streams.closeMenu()
        streams.sendEscape()
    }

    /// Has the guest power off, with all that it has to write.
    public func powerOff() {
        streams.closeMenu()
        end(true)
    }

    /// Ends the VM at once.
    public func endNow() {
        streams.closeMenu()
        end(false)
    }
}
