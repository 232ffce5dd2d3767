public import SystemPackage

/// The modules that a kernel needs for a guest, in an order in which they can be loaded.
public struct ModuleSet: Sendable, Equatable {
    /// One module's file.
    public struct Module: Sendable, Equatable {
        /// The file on the host.
        public let path: FilePath
        /// The file below the modules directory, such as `kernel/fs/fuse/virtiofs.ko.xz`.
        public let relativePath: String
    }

    /// Where the modules are from; nil for a kernel that has no modules directory and so must have all built in.
    public var directory: FilePath? { source?.path }
    /// That directory, as it was when the modules were looked for.
    let source: ModulesDirectory?
    /// The modules, in load order; empty where the kernel has everything built in.
    public let modules: [Module]

    /// A set for a kernel that has all it needs built in.
    public static let none = ModuleSet(source: nil, modules: [])

    /// More than any driver needs.
    private static let limit = 256

    /// Finds the modules that a guest needs and what they need in turn.
    ///
    /// - Parameters:
    ///   - kernel: The guest's kernel.
    ///   - devices: What the guest has beside what every Sheaf guest has.
    ///   - given: The directory that the user named (`--modules`): of one release, or one with `lib/modules/RELEASE`.
    ///   - places: Where to look if none is given.
    ///   - mayBeAbsent: True to take a kernel that has no modules directory as one with everything built in. Useful for
    ///     one that the user built; a distribution's kernel without its modules is an incomplete installation.
    /// - Returns: The set; empty where the kernel has all drivers built in.
    /// - Throws: Why there is no such set, and what to do.
    public static func resolve(
        for kernel: Kernel, devices: GuestDevices, given: FilePath?, in places: KernelPlaces, mayBeAbsent: Bool
    ) throws(ModuleError) -> ModuleSet {
        let searched = directories(for: kernel, given: given, in: places)
        guard let path = searched.first(where: isModulesDirectory) else {
            if let given { throw .notModules(given) }
            guard mayBeAbsent else { throw .noDirectory(kernel, searched: searched) }
            return .none
        }
        let source: ModulesDirectory
        do {
            source = try ModulesDirectory(path)
        } catch {
            throw .unreadable(path, .system(error))
        }
        let index = ModuleIndex(
            dependencies: try source.list("modules.dep"), builtIn: try source.list("modules.builtin"))
        let drivers = Driver.needed(for: devices)
        let missing = drivers.filter { driver in
            driver.isEssential && !index.isBuiltIn(driver.module) && !index.hasFile(of: driver.module)
        }
        guard missing.isEmpty else { throw .missing(missing.map(\.option), directory: path) }

        let files = index.loadOrder(of: drivers.map(\.module))
        guard files.count <= limit else { throw .tooMany(files.count, limit: limit, directory: path) }
        var modules: [Module] = []
        for file in files {
            guard ModulesDirectory.accepts(file) else {
                throw .badEntry(file, list: path.appending("modules.dep"))
            }
            modules.append(Module(path: path.appending(file), relativePath: file))
        }
        return ModuleSet(source: source, modules: modules)
    }

    /// Where the modules of a kernel may be, best first.
    private static func directories(
        for kernel: Kernel, given: FilePath?, in places: KernelPlaces
    ) -> [FilePath] {
        let release = kernel.release?.description
        if let given {
            guard let release else { return [given] }
            return [given, given.appending("lib/modules").appending(release), given.appending(release)]
        }
        let beside = kernel.path.removingLastComponent()
        var directories: [FilePath] = []
        if let release {
            // Sheaf's cache has them beside the image, and so does an unpacked package.
            directories.append(beside.appending("lib/modules").appending(release))
            directories += places.modules.map { $0.appending(release) }
            directories.append(places.cachedKernels.appending(release).appending("lib/modules").appending(release))
        }
        // An image in its own modules directory, and a build tree whose list of built-in drivers is at its top.
        directories.append(beside)
        if case .buildTree(let tree) = kernel.origin { directories.append(tree) }
        return directories
    }

    private static func isModulesDirectory(_ path: FilePath) -> Bool {
        isRegularFile(path.appending("modules.dep")) || isRegularFile(path.appending("modules.builtin"))
    }
}
