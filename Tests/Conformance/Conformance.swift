import CSystemCall

/// The entry point: SwiftPM makes `main` another name of it.
@_cdecl("sheaf_conformance_main")
func main(_ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    let words = (1..<Int(count)).compactMap { values[$0].map { String(cString: $0) } }
    return Conformance.run(words)
}

/// Asks a file system what it answers to some nine hundred small programs, so that two file systems can be compared.
///
/// The program is one static file without a runtime, which starts at once in a guest of any kind and needs nothing there.
enum Conformance {
    private static let usage = """
        usage: sheaf-conformance run DIRECTORY [BEGINNING-OF-A-NAME]
               sheaf-conformance exercise DIRECTORY OPERATIONS SEED...
               sheaf-conformance map FILE...
               sheaf-conformance make-tree DIRECTORY
               sheaf-conformance try-tree DIRECTORY

        """

    static func run(_ words: [String]) -> Int32 {
        guard words.count >= 2 else { return misused() }
        switch Path(words[0]) {
        case "run" where words.count <= 3:
            Suite(directory: Path(words[1]), beginning: Path(words.count > 2 ? words[2] : "")).allCases()
            return 0
        case "map":
            show(Array(words[1...]))
            return 0
        case "make-tree" where words.count == 2:
            tree(words[1]).make()
            return 0
        case "try-tree" where words.count == 2:
            tree(words[1]).tryAll()
            return 0
        case "exercise" where words.count >= 4: return exercise(words[1], words[2], Array(words[3...]))
        default: return misused()
        }
    }

    private static func tree(_ directory: String) -> ReadOnlyTree {
        ReadOnlyTree(suite: Suite(directory: Path(directory), beginning: ""), directory: Path(directory))
    }

    private static func exercise(_ directory: String, _ count: String, _ seeds: [String]) -> Int32 {
        let suite = Suite(directory: Path(directory), beginning: "")
        let exercise = Exercise(suite: suite, path: Path(directory + "/exercised"))
        guard let count = Int(count), count > 0 else { return misused() }
        var status: Int32 = 0
        for word in seeds {
            guard let seed = UInt64(word) else { return misused() }
            if !exercise.run(seed: seed, count: count) { status = 1 }
        }
        return status
    }

    /// Maps the beginning of files, shared and private, and prints what is there each time a byte can be read.
    private static func show(_ names: [String]) {
        let suite = Suite(directory: Path("."), beginning: "")
        let pages = names.map { name in
            let file = suite.open(Path(name), O_RDWR)
            return (suite.map(file, 4096), suite.map(file, 4096, shared: false))
        }
        var byte: UInt8 = 0
        while withUnsafeMutableBytes(of: &byte, { Suite.call(SYS_read, 0, Int(bitPattern: $0.baseAddress), 1) }).value
            == 1
        {
            let found = pages.map { "\(suite.peek($0.0, 0, 6))/\(suite.peek($0.1, 0, 6))" }
            Suite.print(found.joined(separator: " ") + "\n")
        }
    }

    private static func misused() -> Int32 {
        Suite.print(usage)
        return 64
    }
}

extension Suite {
    fileprivate func allCases() {
        openCases()
        linkCases()
        renameCases()
        directoryCases()
        attributeCases()
        privilegeCases()
        sizeCases()
        timeCases()
        accessCases()
        extendedAttributeCases()
        rangeCases()
        mappingCases()
        lockCases()
    }
}
