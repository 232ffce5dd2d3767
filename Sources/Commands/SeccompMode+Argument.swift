public import ArgumentParser
public import Sandbox

/// `kill`, `log` or `off`, as options name them.
extension SeccompMode: ExpressibleByArgument {}
