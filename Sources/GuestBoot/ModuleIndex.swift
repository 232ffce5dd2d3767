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
        for name in wanted { visit(name, &order, &seen) }
        return order
    }

    private func visit(_ name: ModuleName, _ order: inout [String], _ seen: inout Set<ModuleName>) {
        guard seen.insert(name).inserted, !isBuiltIn(name), let file = files[name] else { return }
        // modules.dep names what is loaded first last.
        for need in file.needs.reversed() {
            if let name = ModuleName(file: need) { visit(name, &order, &seen) }
        }
        order.append(file.path)
    }
}

private func lines(of text: [UInt8]) -> [String] {
    text.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
}
