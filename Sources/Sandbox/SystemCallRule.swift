/// One line of the list of system calls that worker threads may make.
public struct SystemCallRule: Equatable, Sendable {
    /// What one argument has to be.
    public struct Condition: Equatable, Sendable {
        /// Which argument, from 0 to 5.
        public let argument: UInt32
        /// The bits that are looked at.
        public let mask: UInt64
        /// What they have to be.
        public let value: UInt64

        /// Whether a call with these arguments meets the condition.
        public func holds(for arguments: [UInt64]) -> Bool {
            let index = Int(argument)
            return index < arguments.count && arguments[index] & mask == value
        }
    }

    /// Why a line is none.
    public struct SyntaxError: Error, Equatable {
        /// The line, counted from 1.
        public let line: Int
        /// What is wrong with it.
        public let reason: String
    }

    /// The call's name, as libseccomp has it.
    public let name: String
    /// All of these have to hold.
    public let conditions: [Condition]
    /// What it is needed for.
    public let reason: String

    /// Reads a list: `NAME [aN=VALUE | aN&MASK=VALUE]… # REASON` on each line, and comments that begin with `#`.
    ///
    /// - Parameter text: The list.
    /// - Returns: The rules in their order.
    /// - Throws: What is wrong with the first line that is wrong.
    public static func parse(_ text: String) throws(SyntaxError) -> [SystemCallRule] {
        var rules: [SystemCallRule] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard let first = line.first(where: { $0 != " " }), first != "#" else { continue }
            do {
                rules.append(try SystemCallRule(line))
            } catch let error as Malformed {
                throw SyntaxError(line: index + 1, reason: error.reason)
            } catch {
                throw SyntaxError(line: index + 1, reason: "\(error)")
            }
        }
        return rules
    }

    private struct Malformed: Error {
        let reason: String
    }

    private init(_ line: Substring) throws {
        let parts = line.split(separator: "#", maxSplits: 1)
        let words = parts[0].split(separator: " ")
        guard let name = words.first else { throw Malformed(reason: "there is no name") }
        guard parts.count == 2, let reason = parts.last?.drop(while: { $0 == " " }), !reason.isEmpty else {
            throw Malformed(reason: "\(name) has no reason")
        }
        self.name = String(name)
        self.reason = String(reason)
        conditions = try words.dropFirst().map(Self.condition)
    }

    private static func condition(_ text: Substring) throws -> Condition {
        let sides = text.split(separator: "=", omittingEmptySubsequences: false)
        let subject = sides[0].split(separator: "&", omittingEmptySubsequences: false)
        guard sides.count == 2, (1...2).contains(subject.count), subject[0].first == "a",
            let argument = UInt32(subject[0].dropFirst()), argument < 6, let value = number(sides[1])
        else { throw Malformed(reason: "'\(text)' is no condition") }
        guard subject.count == 2 else { return Condition(argument: argument, mask: 0xffff_ffff, value: value) }
        guard let mask = number(subject[1]) else { throw Malformed(reason: "'\(text)' has no mask") }
        return Condition(argument: argument, mask: mask, value: value)
    }

    private static func number(_ text: Substring) -> UInt64? {
        text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    }
}
