// The wire between launcher and agent, over the virtio-serial port `org.sheaf.agent`. Compiled into both: keep to what
// Embedded Swift has (no Foundation, no String comparison, no existential, no untyped throws).

/// Bytes of a frame's header: payload length (u32), session (u16), kind (u8), zero (u8), all little-endian.
public let frameHeaderSize = 8

/// The most a frame carries. A longer stream is cut into several frames; a longer header length ends the link.
public let frameMaximumPayload = 64 * 1024

/// The version both sides say in their `hello`; a launcher and an agent of different versions do not talk.
public let linkVersion: UInt8 = 1

/// How many bytes of one stream may be under way before the receiver has granted more with a `credit`.
///
/// Every stream of every session starts with this window, so that a command that does not read its stdin, or a terminal
/// that does not take output, holds up neither signals nor other sessions.
public let streamWindow = 256 * 1024

/// What a frame means. Session 0 is the guest as a whole; a command run in it has a session of its own from 1 up.
public enum FrameKind: UInt8, Sendable {
    // Launcher to agent.

    /// One setting as `key=value`, the very text that would have stood on the kernel command line as `sheaf.key=value`.
    case setting = 1
    /// All settings are sent: mount, enter the root, answer `ready`.
    case begin = 2
    /// Run a command: an `ExecRequest`. Answered by `started` or `failed`.
    case exec = 3
    /// Bytes for the session's standard input.
    case input = 4
    /// The session's standard input ends here.
    case inputEnd = 5
    /// Terminal size of the session: rows (u16), columns (u16).
    case windowSize = 6
    /// A signal for the session's process group: number (u8).
    case signal = 7
    /// Power off: end all programs, sync, unmount, leave. Payload: milliseconds (u32) that programs get after they are asked
    /// to end, in which all goes on as before but for them; empty for the agent's own short while.
    case powerOff = 8
    /// Mount one more share, live: a `MountRequest`. Answered by `result`.
    case mount = 9
    /// Unmount a target: request id (u32), flags (u8: 1 = lazily), target path. Answered by `result`.
    case unmount = 10
    /// The reader of one of the session's output streams has left: stream (u8, numbered as in `credit`).
    case outputEnd = 11
    /// Tell all mounts: request id (u32). Answered by `mounts`, any number of them, and then `result`.
    case listMounts = 12

    // Agent to launcher.

    /// The agent is there: version (u8), then the guest's kernel release as text.
    case hello = 64
    /// Settings are carried out, the root is entered, commands may come.
    case ready = 65
    /// The session's command runs: its pid (u32).
    case started = 66
    /// The session's command could not be run, or boot failed (session 0): errno (u32), then what was tried, as text.
    case failed = 67
    /// Bytes of the session's standard output (all output, with a terminal).
    case output = 68
    /// Bytes of the session's standard error.
    case errorOutput = 69
    /// The session's command has ended and all its output is sent: kind (u8: 0 exited, 1 signalled), value (u8).
    case ended = 70
    /// Answer to a `mount` or `unmount`: request id (u32), errno (u32), then what was tried, as text.
    case result = 71
    /// Something a person may want to know, as text.
    case log = 72
    /// Mounts: the request's id (u32), then the next bytes of `/proc/self/mountinfo`.
    case mounts = 73

    // Both ways.

    /// The receiver of a stream has room for more: stream (u8: 0 input, 1 output, 2 error output), bytes (u32).
    case credit = 128
}

/// A frame's header.
public struct FrameHeader: Sendable {
    /// Bytes of payload that follow.
    public var length: Int
    /// Whose frame it is.
    public var session: UInt16
    /// The kind's number; one that is unknown is skipped, for a later version to use.
    public var kind: UInt8

    /// A header for a frame that is to be sent.
    public init(kind: FrameKind, session: UInt16, length: Int) {
        self.length = length
        self.session = session
        self.kind = kind.rawValue
    }

    /// Reads a header from its eight bytes; nil for a length past the limit or a last byte that is not zero.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= frameHeaderSize, bytes[7] == 0 else { return nil }
        let length =
            UInt32(bytes[0]) | UInt32(bytes[1]) << 8 | UInt32(bytes[2]) << 16 | UInt32(bytes[3]) << 24
        guard length <= UInt32(frameMaximumPayload) else { return nil }
        self.length = Int(length)
        session = UInt16(bytes[4]) | UInt16(bytes[5]) << 8
        kind = bytes[6]
    }

    /// Appends the header's eight bytes.
    public func append(to bytes: inout [UInt8]) {
        let length = UInt32(truncatingIfNeeded: self.length)
        bytes.append(UInt8(truncatingIfNeeded: length))
        bytes.append(UInt8(truncatingIfNeeded: length >> 8))
        bytes.append(UInt8(truncatingIfNeeded: length >> 16))
        bytes.append(UInt8(truncatingIfNeeded: length >> 24))
        bytes.append(UInt8(truncatingIfNeeded: session))
        bytes.append(UInt8(truncatingIfNeeded: session >> 8))
        bytes.append(kind)
        bytes.append(0)
    }
}
