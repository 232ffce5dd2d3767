internal import ArgumentParser
internal import Linux
internal import SystemPackage

/// Does something for a command; should it fail, says so and makes the process exit.
///
/// - Parameters:
///   - status: What to exit with.
///   - body: What to do.
/// - Returns: What `body` does.
/// - Throws: The exit status, after the reason was said.
func saying<Value, Failure: Error>(exit status: Int32 = 1, _ body: () throws(Failure) -> Value) throws -> Value {
    do throws(Failure) {
        return try body()
    } catch {
        FileDescriptor.standardError.say("sheaf: \(error)")
        throw ExitCode(status)
    }
}
