internal import Linux
public import SystemPackage

/// Why a share could not be added to an aggregate.
public struct AddChildError: Error, Equatable, CustomStringConvertible, Sendable {
    /// What was found wrong, in the order in which it is looked for.
    public enum Reason: Equatable, Sendable {
        /// The name is empty, ".", "..", or has a "/" or a NUL; or is longer than 255 bytes.
        case name
        /// The aggregate is being taken down.
        case tearingDown
        /// The share's access is not the aggregate's.
        case access
        /// What its options need has to be settled for a whole device, and is not for this one.
        case caching
        /// The host directory or file cannot be served.
        case hostPath
        /// Another share has the name.
        case nameInUse
        /// Its options need what the guest was not asked for when it mounted the device.
        case notNegotiated
        /// The host's file system has no room for what the guest is to see of owners and modes.
        case ownership
        /// 2^32 - 1 shares have come and gone.
        case idsExhausted
    }

    /// What was found wrong.
    public let reason: Reason
    /// The error as a number.
    public let errno: Errno
    /// The name that was asked for.
    public let name: String
    /// The host directory or file that was to be shared.
    public let hostPath: FilePath

    /// Puts an error together.
    public init(reason: Reason, errno: Errno, name: String, hostPath: FilePath) {
        self.reason = reason
        self.errno = errno
        self.name = name
        self.hostPath = hostPath
    }

    /// For a person: what was tried, on what, and what went wrong.
    public var description: String {
        switch reason {
        case .name where errno == .fileNameTooLong:
            "cannot share \(hostPath): the name is longer than 255 bytes; give a shorter name="
        case .name:
            "cannot share \(hostPath): \"\(name)\" is no name of a share; give a name= without \"/\""
        case .tearingDown: "cannot share \(hostPath): the machine is going down (\(errno.name))"
        case .access: "cannot share \(hostPath) as \"\(name)\": read-only and writable shares do not mix in one device"
        case .caching:
            "cannot share \(hostPath) as \"\(name)\": what the guest may cache of it is not what this device is for"
        case .hostPath: "cannot share \(hostPath): \(errno.explained)"
        case .nameInUse: "cannot share \(hostPath): another share is named \"\(name)\"; give a different name="
        case .notNegotiated:
            "cannot share \(hostPath) with these options: the guest has mounted the device without; share it at launch"
        case .ownership:
            "cannot share \(hostPath) with owner=mapped: its file system has no user.* extended attributes, see xattr(7)"
        case .idsExhausted:
            "cannot share \(hostPath): this device has had all the shares it can have; restart the machine"
        }
    }
}
