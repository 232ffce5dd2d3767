/// The first line that a server sends on every connection.
public struct Greeting: Codable, Equatable, Sendable {
    /// The protocol that this library speaks. A change that old clients cannot bear makes it a higher one.
    public static let currentProtocol = 1

    /// The version of Sheaf that runs the VM, such as `0.1.0`.
    public var sheaf: String
    /// The protocol's version.
    public var `protocol`: Int

    /// A greeting by this version of Sheaf, in this library's protocol.
    public init(sheaf: String) {
        self.sheaf = sheaf
        `protocol` = Self.currentProtocol
    }
}
