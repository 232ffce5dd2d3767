internal import Glibc
internal import SystemPackage

/// What may come after the beginning of a directory's or a file's path.
///
/// Looking it up reads the directory and, where links are in it, what they point to: on a file system that does not answer
/// this blocks.
struct PathCompletion: Equatable {
    /// What all paths that begin so have next; empty where they differ at once, and where there is none.
    var insertion: String
    /// The names that the last component may become, those of directories with a `/`, sorted.
    var candidates: [String]

    /// Looks names up.
    ///
    /// - Parameter text: A path as it is typed: absolute, from the current directory, or from `~`. Only directories and
    ///   regular files count; hidden ones only where the last component begins with a dot.
    init(of text: String) {
        let start = text.lastIndex(of: "/").map { text.index(after: $0) } ?? text.startIndex
        let directory = String(text[..<start])
        let beginning = String(text[start...])
        // These need not be looked for.
        if beginning == ".." || (directory.isEmpty && beginning == "~") {
            self.init(insertion: "/", candidates: [beginning + "/"])
            return
        }
        let scalars = Array(beginning.unicodeScalars)
        let path = absolutePath(directory.isEmpty ? "." : directory)
        let names = Self.names(in: path) { name in
            name.unicodeScalars.starts(with: scalars) && (!name.hasPrefix(".") || beginning.hasPrefix("."))
        }
        let endings = names.map { Array($0.unicodeScalars.dropFirst(scalars.count)) }
        var common = endings.first ?? []
        for ending in endings.dropFirst() {
            common = zip(common, ending).prefix { $0 == $1 }.map { $0.0 }
        }
        self.init(insertion: String(String.UnicodeScalarView(common)), candidates: names)
    }

    private init(insertion: String, candidates: [String]) {
        self.insertion = insertion
        self.candidates = candidates
    }

    /// The names of directories and regular files, and of links to some, that are wanted. Names that are no text are left
    /// out: they could not be typed.
    private static func names(in path: FilePath, where isWanted: (String) -> Bool) -> [String] {
        guard let stream = opendir(path.string) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            guard let name, name != ".", name != "..", isWanted(name) else { continue }
            switch Int(entry.pointee.d_type) {
            case DT_DIR: names.append(name + "/")
            case DT_REG: names.append(name)
            case DT_LNK, DT_UNKNOWN:
                var status = stat()
                guard stat(path.appending(name).string, &status) == 0 else { continue }
                switch status.st_mode & S_IFMT {
                case S_IFDIR: names.append(name + "/")
                case S_IFREG: names.append(name)
                default: break
                }
            default: break
            }
        }
        return names.sorted()
    }
}
