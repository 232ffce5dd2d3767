public import FileService
public import SystemPackage

/// One host directory or file offered to a guest.
public struct Share: Equatable, Sendable {
    /// Its path, absolute and without symbolic links.
    public let hostPath: FilePath
    /// Whether it is a file. Known once the share is there.
    public internal(set) var isFile = false
    /// What guests may do with it.
    public let access: Access
    /// The aggregate it is in.
    public let bucket: Bucket
    /// Its name below the synthetic root: the name the user gave, or else one made of path and access.
    public let subname: String
    /// How it is served.
    public let options: ChildOptions
    /// Where the guest binds it, in the order in which they were asked for; absolute paths in the guest.
    public internal(set) var targets: [String]

    /// The subname of a share that was given none: the first 128 bits of SHA-256 over the path, a NUL and the access, in
    /// lowercase hexadecimal. Host, guest and the next run come to the same one without a word between them.
    ///
    /// - Parameters:
    ///   - hostPath: The canonical path.
    ///   - access: What guests may do with the share.
    /// - Returns: 32 digits.
    public static func subname(hostPath: FilePath, access: Access) -> String {
        let path = hostPath.withPlatformString { start in
            var end = start
            while end.pointee != 0 { end += 1 }
            return UnsafeRawBufferPointer(start: start, count: end - start).map { $0 }
        }
        let digits = Array("0123456789abcdef")
        let digest = SHA256.digest(of: path + [0] + Array(access.rawValue.utf8))
        return String(digest.prefix(16).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
