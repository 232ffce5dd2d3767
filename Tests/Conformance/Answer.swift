import CSystemCall

/// What a system call answered: a number, or an error.
struct Answer: CustomStringConvertible {
    /// What the kernel returned; negative for an error.
    let value: Int

    var isSuccess: Bool { value >= 0 }

    /// `ok`, or the error's name.
    var description: String { isSuccess ? "ok" : Answer.name(ofError: -value) }

    /// The number itself, or the error's name.
    var number: String { isSuccess ? "\(value)" : description }

    static func name(ofError error: Int) -> String {
        csc_errno_name(CInt(truncatingIfNeeded: error)).map { String(cString: $0) } ?? "errno \(error)"
    }
}

/// What a path or a name is made of: any bytes but NUL.
struct Path: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, CustomStringConvertible, Equatable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    init(_ text: String) { bytes = Array(text.utf8) }

    init(stringLiteral text: String) { self.init(text) }

    /// As text; a byte that is no printable ASCII as `\xHH`.
    var description: String {
        var text = ""
        for byte in bytes {
            if byte > 0x20 && byte < 0x7F && byte != 0x5C {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16)
                text += "\\x" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return text
    }

    /// Runs `body` with the address of the path as C has it.
    func withAddress<R>(_ body: (Int) -> R) -> R {
        (bytes + [0]).withUnsafeBytes { body(Int(bitPattern: $0.baseAddress)) }
    }
}
