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

        """

    static func run(_ words: [String]) -> Int32 {
        if words.count >= 2, words.count <= 3, Path(words[0]) == "run" {
            let suite = Suite(directory: Path(words[1]), beginning: Path(words.count > 2 ? words[2] : ""))
            suite.allCases()
            return 0
        }
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
