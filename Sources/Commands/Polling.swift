internal import ArgumentParser

/// Whether the file server watches its queues.
enum Polling: String, CaseIterable, ExpressibleByArgument {
    /// Where it pays: requests come soon after each other, and a core is free.
    case auto
    /// Never: it sleeps until it is kicked.
    case never

    static var help: ArgumentHelp {
        ArgumentHelp(
            "auto watches a queue for a moment before sleeping, where that pays and a core is free; never does not.",
            valueName: "WHEN")
    }
}
