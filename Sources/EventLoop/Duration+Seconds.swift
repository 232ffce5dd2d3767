extension Duration {
    /// The most seconds that anybody may ask for: six weeks.
    public static let mostSeconds = 4_000_000.0

    /// So many seconds, see `Double.clampedSeconds`.
    public static func clamped(seconds: Double) -> Duration { .seconds(seconds.clampedSeconds) }
}

extension Double {
    /// As a number of seconds, from none to ``Swift/Duration/mostSeconds``: what somebody else has said may be any number, and
    /// `Duration.seconds(_:)` ends the process over what it cannot hold. Of what is no number comes none.
    public var clampedSeconds: Double { self > 0 ? min(self, Duration.mostSeconds) : 0 }
}
