public import EventLoop

/// What is at the other end of a character device.
public enum Backend: Equatable, Sendable {
    /// A connected socket that QEMU inherits under this number.
    case descriptor(CInt)
    /// A pipe or file that QEMU inherits under this number, to write to.
    ///
    /// For a console: a socket would take few of its single bytes before it is full, and the guest's UART drops what its
    /// character device does not take. A pipe keeps 64 KiB of them, and then makes QEMU wait.
    case output(CInt)
    /// A unix socket that somebody listens on.
    case connect(path: String)
    /// A unix socket that QEMU itself listens on, without waiting for anybody.
    case listen(path: String)
    /// A file that QEMU writes.
    case file(path: String)
    /// QEMU's own standard input and output.
    case stdio

    /// Adds `-chardev` with this backend.
    func add(to line: inout CommandLine, id: String) {
        var properties = [CommandLine.Property.property("id", id)]
        let kind: String
        switch self {
        case .descriptor(let number):
            kind = "socket"
            properties.append(.property("fd", number))
        case .output(let number):
            kind = "file"
            // QEMU has no other name for an inherited descriptor that is to be a file.
            line.add("-add-fd", "fd=\(number),set=\(number)")
            // Without `append` it would be truncated, which a pipe cannot be.
            properties += [.property("path", "/dev/fdset/\(number)"), .property("append", true)]
        case .connect(let path):
            kind = "socket"
            properties.append(.property("path", path))
        case .listen(let path):
            kind = "socket"
            properties += [.property("path", path), .property("server", true), .property("wait", false)]
        case .file(let path):
            kind = "file"
            properties.append(.property("path", path))
        case .stdio:
            kind = "stdio"
            // Ctrl-C is the guest's.
            properties.append(.property("signal", false))
        }
        line.add("-chardev", kind, properties)
    }
}

/// Descriptors that QEMU inherits, numbered as they are added: from 3 on.
public struct InheritedDescriptors: Equatable {
    /// What ``QEMUProcess`` is started with.
    public private(set) var mappings: [Launch.Mapping] = []

    /// None yet.
    public init() {}

    /// Lets QEMU inherit `descriptor`, which must stay open until QEMU is started and remains the caller's.
    ///
    /// - Returns: The same descriptor as QEMU's command line names it.
    public mutating func add(_ descriptor: CInt) -> Backend {
        .descriptor(map(descriptor))
    }

    /// Lets QEMU inherit `descriptor`, the writing end of a pipe or a file, as `add` does.
    public mutating func addOutput(_ descriptor: CInt) -> Backend {
        .output(map(descriptor))
    }

    private mutating func map(_ descriptor: CInt) -> CInt {
        let target = 3 + CInt(mappings.count)
        mappings.append(Launch.Mapping(source: descriptor, target: target))
        return target
    }
}
