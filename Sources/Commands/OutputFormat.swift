internal import ArgumentParser
internal import FoundationEssentials
internal import SystemPackage

/// How a command shows what it has found.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    /// For people.
    case table
    /// For programs.
    case json
}

/// Writes a value to standard output as JSON, members sorted by name.
///
/// - Throws: Why it could not be written.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try FileDescriptor.standardOutput.writeAll(Array(try encoder.encode(value)) + [0x0a])
}

/// The same on a single line.
///
/// - Throws: Why it could not be written.
func printJSONLine(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try FileDescriptor.standardOutput.writeAll(Array(try encoder.encode(value)) + [0x0a])
}
