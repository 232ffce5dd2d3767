import Glibc
import TestSupport
import Testing

@testable import Commands

@Suite struct PathCompletionTests {
    /// A directory with directories, files, links and a pipe in it.
    private func tree() throws -> TemporaryDirectory {
        let temporary = try TemporaryDirectory()
        let folder = temporary.folder
        for name in ["alpha", "alpine", "beta", "beta/inner", ".hidden", "日本語", "日本酒", "with space"] {
            try folder.makeFolder(name)
        }
        try folder.write("alone.txt", "")
        try folder.write("notes", "")
        try folder.makeFolder("notes.d")
        try #require(mkfifo(folder.path(of: "fifo"), 0o600) == 0)
        try folder.link("gamma", to: "beta")
        try folder.link("gone", to: "nowhere")
        return temporary
    }

    @Test(arguments: [
        ("alp", "", ["alpha/", "alpine/"]), ("alph", "a/", ["alpha/"]),
        ("b", "eta/", ["beta/"]), ("beta/", "inner/", ["inner/"]), ("g", "amma/", ["gamma/"]),
        ("gamma/i", "nner/", ["inner/"]), ("日", "本", ["日本語/", "日本酒/"]), ("w", "ith space/", ["with space/"]),
        (".", "hidden/", [".hidden/"]), ("..", "/", ["../"]), ("x", "", []), ("nowhere/", "", []),
        ("alone.txt/", "", []), ("alo", "ne.txt", ["alone.txt"]), ("al", "", ["alone.txt", "alpha/", "alpine/"]),
        ("f", "", []), ("notes", "", ["notes", "notes.d/"]),
        (
            "", "",
            [
                "alone.txt", "alpha/", "alpine/", "beta/", "gamma/", "notes", "notes.d/", "with space/", "日本語/",
                "日本酒/",
            ]
        ),
    ])
    func completesDirectoriesAndFiles(text: String, insertion: String, candidates: [String]) throws {
        let tree = try tree()

        let completion = PathCompletion(of: "\(tree.path)/\(text)")

        #expect(completion.insertion == insertion)
        #expect(completion.candidates == candidates)
    }

    @Test func knowsTheHomeDirectoryAndTheCurrentOne() throws {
        let home = try #require(getenv("HOME").map { String(cString: $0) })

        #expect(PathCompletion(of: "~") == PathCompletion(of: "~/").withInsertion("/", ["~/"]))
        #expect(PathCompletion(of: "~/") == PathCompletion(of: home + "/"))
        #expect(PathCompletion(of: "Sour").candidates == PathCompletion(of: "./Sour").candidates)
    }

    @Test func offersNoNameThatIsNoText() throws {
        let temporary = try TemporaryDirectory()
        try temporary.folder.makeFolder("a")
        var name = Array("\(temporary.path)/a\u{1}".utf8CString)
        name[name.count - 2] = CChar(bitPattern: 0xff)
        try #require(mkdir(name, 0o700) == 0)
        // Its name is none that the directory is emptied by.
        defer { rmdir(name) }

        #expect(PathCompletion(of: "\(temporary.path)/").candidates == ["a/"])
    }
}

extension PathCompletion {
    fileprivate func withInsertion(_ insertion: String, _ candidates: [String]) -> PathCompletion {
        var copy = self
        copy.insertion = insertion
        copy.candidates = candidates
        return copy
    }
}
