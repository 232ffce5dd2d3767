/// Something the agent set out to do and could not.
struct Failure: Error {
    /// What was tried, as words that follow "cannot".
    let attempt: Text
    /// Why it failed.
    let reason: Errno
}

/// Runs `body`; should it fail, says what it was for.
func attempt<Value>(
    _ what: @autoclosure () -> Text, _ body: () throws(Errno) -> Value
) throws(Failure) -> Value {
    do throws(Errno) {
        return try body()
    } catch {
        throw Failure(attempt: what(), reason: error)
    }
}
