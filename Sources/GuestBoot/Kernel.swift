internal import Linux
public import SystemPackage

/// A kernel image that can be booted.
public struct Kernel: Sendable, Equatable {
    /// Where an image was found.
    public enum Origin: Sendable, Equatable {
        /// The user named the file.
        case file
        /// The user named a kernel's build tree: this directory.
        case buildTree(FilePath)
        /// Installed by the distribution.
        case installed
        /// In Sheaf's cache.
        case cache
    }

    /// The image, for QEMU's `-kernel`.
    public let path: FilePath
    /// What `uname -r` will print in the guest, from the image itself; nil for an image that does not say.
    public let release: KernelRelease?
    /// The architecture that it is built for.
    public let architecture: Architecture
    /// Where it was found.
    public let origin: Origin

    /// Finds the kernel that a user asks for.
    ///
    /// - Parameters:
    ///   - selection: What was given for `--kernel`: a path (to an image, to a kernel's build tree, to a directory with a
    ///     `vmlinuz`), a release or its beginning (`6.1`); nil for the running kernel if its image can be read, else the
    ///     newest installed one, else the newest in the cache.
    ///   - architecture: The guest's.
    ///   - places: Where to look.
    /// - Returns: An image that can be read and is for this architecture.
    /// - Throws: Why there is none, and what to do.
    public static func find(
        _ selection: String?, for architecture: Architecture, in places: KernelPlaces
    ) throws(KernelError) -> Kernel {
        guard let selection else { return try findDefault(for: architecture, in: places) }
        let path = FilePath(selection)
        if selection.contains("/") { return try Kernel(at: path, for: architecture) }

        let looksLikeVersion = selection.drop { $0 == "v" }.first?.isNumber ?? false
        // `bzImage` in the current directory is meant as a file, `6.1` as a version even where there is a file `6.1`.
        if !looksLikeVersion, isRegularFile(path) || isDirectory(path) {
            return try Kernel(at: path, for: architecture)
        }
        do {
            return try findVersion(selection, for: architecture, in: places)
        } catch .noSuchVersion where isRegularFile(path) || isDirectory(path) {
            return try Kernel(at: path, for: architecture)
        }
    }

    /// The kernels that are there by their names, newest first; none was opened.
    ///
    /// - Parameter places: Where to look.
    /// - Returns: The release of each, and where its image is.
    public static func known(in places: KernelPlaces) -> [(release: KernelRelease, path: FilePath)] {
        Candidate.all(in: places).map { ($0.release, $0.path) }
    }

    /// The kernel at a path that the user gave.
    private init(at path: FilePath, for architecture: Architecture) throws(KernelError) {
        let identity: FileIdentity
        do {
            identity = try FileIdentity(of: path)
        } catch {
            if error == .permissionDenied { throw .unreadable(path, .system(error)) }
            throw .noSuchFile(path, error)
        }
        guard identity.isDirectory else {
            try self.init(image: path, origin: .file, for: architecture)
            return
        }
        for image in architecture.imagesInBuildTree.map({ path.appending($0) }) where isRegularFile(image) {
            try self.init(image: image, origin: .buildTree(path), for: architecture)
            return
        }
        let image = path.appending("vmlinuz")
        guard isRegularFile(image) else { throw .notBuilt(path) }
        try self.init(image: image, origin: .file, for: architecture)
    }

    private init(image path: FilePath, origin: Origin, for wanted: Architecture) throws(KernelError) {
        let image = try KernelImage(at: path)
        guard image.architecture == wanted else {
            throw .wrongArchitecture(path, image.architecture, wanted: wanted)
        }
        self.path = path
        self.origin = origin
        architecture = image.architecture
        release = image.release ?? Candidate.release(namedBy: path)
    }
}

// MARK: - By version

extension Kernel {
    /// An image that is there by its name, not yet opened.
    private struct Candidate {
        let release: KernelRelease
        let path: FilePath
        let origin: Origin

        /// The release that a file's name ends with, as in `vmlinuz-6.1.0-50-cloud-amd64`.
        static func release(namedBy path: FilePath) -> KernelRelease? {
            guard let name = path.lastComponent?.string, name.hasPrefix("vmlinuz-") else { return nil }
            return KernelRelease(String(name.dropFirst("vmlinuz-".count)))
        }

        /// All that are there: newest release first, and for one release an installed image before a cached one.
        static func all(in places: KernelPlaces) -> [Candidate] {
            var candidates: [Candidate] = []
            for name in names(in: places.boot).sorted() {
                let path = places.boot.appending(name)
                guard let release = release(namedBy: path) else { continue }
                candidates.append(Candidate(release: release, path: path, origin: .installed))
            }
            let directories = places.modules.map { ($0, Origin.installed) } + [(places.cachedKernels, Origin.cache)]
            for (directory, origin) in directories {
                for name in names(in: directory).sorted() {
                    let path = directory.appending(name).appending("vmlinuz")
                    guard isRegularFile(path) else { continue }
                    candidates.append(Candidate(release: KernelRelease(name), path: path, origin: origin))
                }
            }
            // Sorting does not keep the order of equals: the place in the list stands in for it.
            return candidates.enumerated().sorted { left, right in
                left.element.release == right.element.release
                    ? left.offset < right.offset : right.element.release < left.element.release
            }.map(\.element)
        }
    }

    private static func findDefault(
        for architecture: Architecture, in places: KernelPlaces
    ) throws(KernelError) -> Kernel {
        let candidates = Candidate.all(in: places)
        let running = candidates.filter { $0.release == places.running }
        let installed = candidates.filter { $0.release != places.running && $0.origin == .installed }
        let cached = candidates.filter { $0.release != places.running && $0.origin == .cache }
        guard let kernel = try firstUsable(of: running + installed + cached, for: architecture) else {
            throw .noneInstalled
        }
        return kernel
    }

    private static func findVersion(
        _ selection: String, for architecture: Architecture, in places: KernelPlaces
    ) throws(KernelError) -> Kernel {
        let candidates = Candidate.all(in: places)
        let version = selection.first == "v" ? String(selection.dropFirst()) : selection
        let exact = candidates.filter { $0.release.description == version }
        let matching = exact.isEmpty ? candidates.filter { $0.release.hasVersion(version) } : exact
        if let kernel = try firstUsable(of: matching, for: architecture) { return kernel }
        var known: [KernelRelease] = []
        for candidate in candidates where !known.contains(candidate.release) { known.append(candidate.release) }
        throw .noSuchVersion(selection, known: known)
    }

    /// The first image that can be booted; nil where there are none at all.
    ///
    /// - Throws: What the first of them failed with, when every one fails.
    private static func firstUsable(
        of candidates: [Candidate], for architecture: Architecture
    ) throws(KernelError) -> Kernel? {
        var failure: KernelError?
        for candidate in candidates {
            do {
                return try Kernel(image: candidate.path, origin: candidate.origin, for: architecture)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return nil
    }
}
