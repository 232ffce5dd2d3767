internal import Glibc
internal import Linux
public import SystemPackage

/// The guest's first root: the agent as `/init`, the modules it loads, and the directories it mounts on.
public enum Initramfs {
    /// The directory of the modules in the guest; the file `order` in it names them, one a line, in load order.
    static let modulesDirectory = "lib/modules/sheaf"

    /// Makes the archive, or finds the one that an earlier run made of the same files.
    ///
    /// To be called from the main thread: it may run the host's `xz` and `zstd`. Any number of processes may do so at once.
    ///
    /// - Parameters:
    ///   - agent: The agent's program, statically linked.
    ///   - modules: The modules for the guest's kernel.
    ///   - cache: Sheaf's cache directory; the archive is in `initramfs/` below it.
    /// - Returns: The archive, for QEMU's `-initrd`.
    /// - Throws: What could not be read, decompressed or written.
    public static func build(
        agent: FilePath, modules: ModuleSet, cache: FilePath
    ) throws(InitramfsError) -> FilePath {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let directories = path.split(separator: ":").map { FilePath(String($0)) } + ["/usr/bin", "/bin"]
        return try build(
            agent: agent, modules: modules, cache: cache, decompressor: Decompressor(searchPath: directories))
    }

    static func build(
        agent: FilePath, modules: ModuleSet, cache: FilePath, decompressor: Decompressor,
        limits: ModuleLimits = ModuleLimits()
    ) throws(InitramfsError) -> FilePath {
        let recipe = try Recipe(agent: agent, modules: modules, decompressor: decompressor)
        let cache = InitramfsCache(directory: cache.appending("initramfs"))
        var archive = CpioArchive()
        do {
            // The recipe is the archive's beginning: so an archive proves itself what it was made of.
            try archive.addFile("\(modulesDirectory)/recipe", mode: 0o444, contents: Array(recipe.text.utf8))
        } catch {
            throw InitramfsError(error)
        }
        if let cached = cache.find(beginningWith: archive.bytes) { return cached }
        let beginning = archive.bytes
        try recipe.append(to: &archive, with: decompressor, limits)
        return try cache.store(archive.bytes, beginningWith: beginning)
    }

    /// What goes into an archive, each file with its identity, so that equal recipes make equal archives.
    private struct Recipe {
        private struct Ingredient {
            let path: FilePath
            let file: HostFile
            let name: String
            /// How the file is compressed.
            let compression: Compression?
            /// The program that decompresses the file; nil for one that is stored as it is.
            let program: FilePath?
        }

        let text: String
        private let agent: (path: FilePath, file: HostFile)
        private let ingredients: [Ingredient]

        init(agent: FilePath, modules: ModuleSet, decompressor: Decompressor) throws(InitramfsError) {
            var programs: [Compression: FilePath] = [:]
            for compression in Compression.allCases { programs[compression] = decompressor.program(for: compression) }

            // No path of the host is in it: the guest can read it.
            var lines = ["initramfs 2"]
            do {
                self.agent = (agent, try HostFile(agent))
            } catch {
                throw .noAgent(agent, error)
            }
            lines.append("agent \(self.agent.file.identity.text)")
            var ingredients: [Ingredient] = []
            for module in modules.modules {
                let compression = Compression(file: module.relativePath)
                let program = compression.flatMap { programs[$0] }
                let plain = module.relativePath.dropLast(compression?.suffix.count ?? 0)
                let name = program == nil ? module.relativePath : String(plain)
                let file: HostFile
                do throws(FileFailure) {
                    guard let source = modules.source else { throw .notRegular }
                    file = try source.open(module.relativePath)
                } catch {
                    throw .unreadable(module.path, error)
                }
                lines.append("module \(name) \(file.identity.text)")
                ingredients.append(
                    Ingredient(path: module.path, file: file, name: name, compression: compression, program: program))
            }
            text = lines.joined(separator: "\n") + "\n"
            self.ingredients = ingredients
        }

        func append(
            to archive: inout CpioArchive, with decompressor: Decompressor, _ limits: ModuleLimits
        ) throws(InitramfsError) {
            let program: [UInt8]
            do {
                program = try agent.file.contents(atMost: limits.module)
            } catch {
                throw .noAgent(agent.path, error)
            }
            var allowance = limits.together
            var modules: [(name: String, contents: [UInt8])] = []
            var decompressed = try decompressor.contents(
                of: ingredients.compactMap { ingredient in
                    ingredient.program.map { (ingredient.file, ingredient.path, $0) }
                }, within: limits, &allowance)[...]
            for ingredient in ingredients {
                if ingredient.program != nil {
                    modules.append((ingredient.name, decompressed.popFirst() ?? []))
                    continue
                }
                let contents: [UInt8]
                do {
                    contents = try ingredient.file.contents(atMost: limits.module)
                } catch {
                    throw .unreadable(ingredient.path, error)
                }
                try limits.take(contents.count, of: &allowance)
                modules.append((ingredient.name, contents))
            }
            for (ingredient, module) in zip(ingredients, modules) {
                let magic = ingredient.program == nil ? ingredient.compression?.magic : nil
                guard module.contents.starts(with: magic ?? [0x7f, 0x45, 0x4c, 0x46]) else {
                    throw .unreadable(ingredient.path, .notModule)
                }
            }
            do {
                try Initramfs.fill(&archive, agent: program, modules: modules)
            } catch {
                throw InitramfsError(error)
            }
        }
    }

    /// Everything but the recipe.
    private static func fill(
        _ archive: inout CpioArchive, agent: [UInt8], modules: [(name: String, contents: [UInt8])]
    ) throws(CpioArchive.Failure) {
        for directory in ["proc", "sys", "dev", "run", "sysroot"] { try archive.addDirectory(directory) }
        try archive.addDirectory("tmp", mode: 0o1777)
        // The kernel opens it for init before anybody could have mounted a devtmpfs.
        try archive.addCharacterDevice("dev/console", mode: 0o600, major: 5, minor: 1)
        try archive.addFile("init", mode: 0o755, contents: agent)
        let order = modules.map { $0.name + "\n" }.joined()
        try archive.addFile("\(modulesDirectory)/order", mode: 0o444, contents: Array(order.utf8))
        for module in modules {
            try archive.addFile("\(modulesDirectory)/\(module.name)", mode: 0o444, contents: module.contents)
        }
        try archive.finish()
    }
}

extension InitramfsError {
    fileprivate init(_ failure: CpioArchive.Failure) {
        switch failure {
        case .tooLong(let name): self = .tooLong(name)
        }
    }
}

/// How much is taken of the modules of a kernel that a guest may have written.
struct ModuleLimits {
    /// The bytes of one module, decompressed.
    var module = 64 << 20
    /// Those of all.
    var together = 256 << 20

    /// Counts a module's bytes.
    func take(_ count: Int, of allowance: inout Int) throws(InitramfsError) {
        allowance -= count
        if allowance < 0 { throw .tooMuch(limit: together) }
    }
}
