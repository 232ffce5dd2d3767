internal import Linux
public import SystemPackage

/// Why a kernel cannot be given the modules that its guest needs, with the way out in its description.
public enum ModuleError: Error, Equatable, CustomStringConvertible {
    /// The directory that the user named is none of modules.
    case notModules(FilePath)
    /// A kernel without any modules directory, and a user who did not say that it needs none.
    case noDirectory(Kernel, searched: [FilePath])
    /// Drivers without which the guest cannot run are neither modules nor built in: their build options.
    case missing([String], directory: FilePath)
    /// A file of the modules directory cannot be read.
    case unreadable(FilePath, FileFailure)
    /// A list names a file for a module that is not taken for one: its words, and the list.
    case badEntry(String, list: FilePath)
    /// Drivers need more modules than any could, as where the list is none that depmod wrote.
    case tooMany(Int, limit: Int, directory: FilePath)

    /// What was tried, on what, why it failed and what to do.
    public var description: String {
        switch self {
        case .notModules(let directory):
            "\(directory) is no modules directory: it has no modules.dep. Give the one that `make modules_install` made,"
                + " …/lib/modules/RELEASE, or run `depmod` for it"
        case .noDirectory(let kernel, let searched):
            "cannot find the modules of the kernel \(kernel.path)"
                + (kernel.release.map { " (\($0))" } ?? "")
                + ": looked in \(searched.map(\.string).joined(separator: ", ")). Give them with --modules DIR"
        case .missing(let options, let directory):
            "this kernel cannot run a Sheaf guest: \(directory) has no module for, and the kernel was built without, "
                + options.joined(separator: ", ")
                + ". Build it with these options set to y or m and install its modules"
                + " (for a build tree: `make modules_install INSTALL_MOD_PATH=DIR`, then --modules DIR), or take another"
                + " kernel with --kernel"
        case .unreadable(let path, let error):
            "cannot read \(path): \(error.explained)"
        case .badEntry(let entry, let list):
            "\(list) names a module's file as '\(entry.prefix(200))': only paths below its directory are taken, without"
                + " '..'. Run `depmod` anew"
        case .tooMany(let count, let limit, let directory):
            "\(directory)/modules.dep has a guest's drivers need \(count) modules, and at most \(limit) are taken. Run"
                + " `depmod` anew"
        }
    }
}
