internal import ArgumentParser

/// A VM's name, which is a directory's and the guest's host name too.
enum MachineName {
    /// Refuses what cannot be one.
    ///
    /// - Throws: A usage error.
    static func check(_ name: String) throws {
        guard (1...63).contains(name.utf8.count), name.utf8.allSatisfy(isPlain) else {
            throw ValidationError("--name '\(name)' is no name (letters, digits and '-', at most 63)")
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d: true
        default: false
        }
    }
}
