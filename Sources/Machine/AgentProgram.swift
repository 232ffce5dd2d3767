internal import Glibc
internal import SystemPackage

/// The guest agent's program, which stands beside `sheaf` or where a package puts it.
enum AgentProgram {
    /// Finds the program.
    ///
    /// - Throws: Where it was looked for.
    static func find() throws(LaunchError) -> FilePath {
        if let named = getenv("SHEAF_AGENT") {
            let path = FilePath(String(cString: named))
            guard isFile(path) else {
                throw LaunchError("SHEAF_AGENT names '\(path)', which is no file that can be read")
            }
            return path
        }
        let programs = ownDirectory()
        let places = [
            programs.appending("sheaf-agent"),
            programs.removingLastComponent().appending("libexec/sheaf/sheaf-agent"),
            programs.removingLastComponent().appending("lib/sheaf/sheaf-agent"),
        ]
        for place in places where isFile(place) { return place }
        let list = places.map(\.string).joined(separator: ", ")
        throw LaunchError(
            "the guest agent 'sheaf-agent' is in none of \(list): build it (swift build --product sheaf-agent)")
    }

    private static func ownDirectory() -> FilePath {
        guard let path = realpath("/proc/self/exe", nil) else { return "/usr/bin" }
        defer { free(path) }
        return FilePath(String(cString: path)).removingLastComponent()
    }

    private static func isFile(_ path: FilePath) -> Bool {
        access(path.string, R_OK) == 0
    }
}
