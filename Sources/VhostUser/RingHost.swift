public import Linux
public import SystemPackage
public import Virtio

/// What a ring runs with once it is set up, enabled and kicked.
public struct RingSetup: Sendable {
    /// Where the ring lies and what was agreed on about it.
    public let layout: SplitQueueLayout
    /// The first available entry to take.
    public let next: UInt16
    /// Signalled by the frontend for new entries; nil when it never does and the device has to look by itself.
    public let kick: SharedDescriptor?
}

/// The device behind a session: what has the threads that serve the rings. Called on the session's thread alone.
public protocol RingHost: AnyObject {
    /// The number of rings, fixed.
    var ringCount: Int { get }

    /// Serves a ring from now on in the memory given last, and looks at once whether it has entries already.
    ///
    /// - Throws: What the kick descriptor cannot be waited for with, such as EPERM for a file on disk.
    func start(ring: Int, _ setup: RingSetup) throws(Errno)

    /// Stops serving a ring that was started. When this returns, no thread touches the ring or any buffer of it.
    ///
    /// - Returns: The first available entry that was not taken.
    func stop(ring: Int) -> UInt16

    /// Gives a ring another descriptor to be signalled for used entries; signals it once, for what was signalled to the
    /// descriptor before it and is lost to the driver.
    func setCall(ring: Int, _ call: SharedDescriptor?)

    /// Gives a ring another descriptor to be signalled when the ring breaks.
    func setError(ring: Int, _ error: SharedDescriptor?)

    /// Gives all rings another memory table.
    ///
    /// - Parameters:
    ///   - memory: The whole table.
    ///   - settled: Whether no thread may use the table before it when this returns. Without, a busy ring takes it before
    ///     its next request.
    func setMemory(_ memory: GuestMemory, settled: Bool)
}
