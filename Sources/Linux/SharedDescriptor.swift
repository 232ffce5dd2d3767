internal import CLinux

/// A descriptor that more than one place may hold, such as one that another process has passed; closed with the last
/// reference.
public final class SharedDescriptor: Sendable {
    private let descriptor: Descriptor

    /// Takes the descriptor over.
    public init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// The descriptor's number, for as long as this object is kept.
    public var number: CInt { descriptor.number }

    /// Adds one to the counter, when it is that of an eventfd. A frontend that has gone away is no error here: the end of
    /// its connection says so.
    public func signal() {
        _ = cl_eventfd_signal(number)
    }
}
