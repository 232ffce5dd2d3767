import CAgent

/// Time that no one sets.
enum Clock {
    /// Milliseconds since some moment before the boot.
    static var now: Int64 { agent_milliseconds() }

    /// Waits.
    static func sleep(milliseconds: UInt32) { usleep(milliseconds * 1000) }

    /// Runs `body` until it answers, again every `pause` milliseconds, for `limit` milliseconds at most.
    static func poll<Value>(every pause: UInt32, for limit: Int64, _ body: () -> Value?) -> Value? {
        let end = now + limit
        while true {
            if let value = body() { return value }
            guard now < end else { return nil }
            sleep(milliseconds: pause)
        }
    }
}
