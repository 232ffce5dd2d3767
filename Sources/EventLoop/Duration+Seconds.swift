extension Duration {
    /// So many seconds, from none to 4,000,000 (six weeks): what somebody else has said may be any number, and
    /// `Duration.seconds(_:)` ends the process over what it cannot hold.
    public static func clamped(seconds: Double) -> Duration {
        // Of what is no number either comes none.
        .seconds(seconds > 0 ? min(seconds, 4_000_000) : 0)
    }
}
