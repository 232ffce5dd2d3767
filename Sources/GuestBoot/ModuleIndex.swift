internal import SystemPackage

/// What depmod and the kernel's build wrote about a kernel's modules: which there are, what each needs, and which are
/// part of the image. Corresponds to `modules.dep(5)` and `modules.builtin`.
struct ModuleIndex {
    /// A module's own line: its file and those it needs, all relative to the modules directory.
    private var files: [ModuleName: (path: String, needs: [String])] = [:]
    private var builtIn: Set<ModuleName> = []

    /// Reads both lists.
    ///
    /// - Parameters:
    ///   - dependencies: The text of `modules.dep`: `FILE: FILE FILE…` a line.
    ///   - builtIn: The text of `modules.builtin`: a file that would be the module's a line.
    init(dependencies: [UInt8], builtIn: [UInt8]) {
        for line in lines(of: dependencies) {
            let halves = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, let name = ModuleName(file: String(halves[0])) else { continue }
            let needs = halves[1].split(separator: " ").map(String.init)
            files[name] = (String(halves[0]), needs)
        }
        for line in lines(of: builtIn) {
            if let name = ModuleName(file: line) { self.builtIn.insert(name) }
        }
    }

    func isBuiltIn(_ name: ModuleName) -> Bool { builtIn.contains(name) }
    func hasFile(of name: ModuleName) -> Bool { files[name] != nil }

    /// The files of these modules and of all they need, each once, in an order in which they can be loaded. Modules that
    /// are built in or not there are left out.
    func loadOrder(of wanted: [ModuleName]) -> [String] {
        var order: [String] = []
        var seen: Set<ModuleName> = []
        // A list of its own, for a chain of modules may be as long as who wrote it likes. Its last step is the next one.
        var steps = wanted.reversed().map { Step.visit($0) }
        while let step = steps.popLast() {
            switch step {
            case .visit(let name):
                guard seen.insert(name).inserted, !isBuiltIn(name), let file = files[name] else { continue }
                steps.append(.load(file.path))
                // modules.dep names what is loaded first last.
                for need in file.needs {
                    if let name = ModuleName(file: need) { steps.append(.visit(name)) }
                }
            case .load(let path):
                order.append(path)
            }
        }
        return order
    }

    private enum Step {
        /// To look at a module, which what it needs comes before.
        case visit(ModuleName)
        /// To load a file: what it needs is loaded.
        case load(String)
    }
}

private func lines(of text: [UInt8]) -> [String] {
    text.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
}
