internal import CLinux
internal import Glibc
internal import Linux
internal import SystemPackage

/// The host's own programs for compressed modules.
///
/// A module is stored plain in the initramfs where the host can decompress it: that is done once and then cached, and a
/// guest's kernel need not have been built with the decompressor (`CONFIG_MODULE_DECOMPRESS`).
struct Decompressor {
    /// The directories in which programs are looked for.
    let searchPath: [FilePath]

    /// The program that undoes a compression, with its arguments; nil where it is not installed.
    func program(for compression: Compression) -> FilePath? {
        searchPath.map { $0.appending(compression.program) }.first { program in
            program.withPlatformString { access($0, X_OK) == 0 } && isRegularFile(program)
        }
    }

    /// Decompresses files side by side.
    ///
    /// To be called from the main thread, with which the programs end (`cl_spawn`).
    ///
    /// - Returns: The contents, in the order of `files`.
    func contents(of files: [(path: FilePath, program: FilePath)]) throws(InitramfsError) -> [[UInt8]] {
        var running: [Run] = []
        var failure: InitramfsError?
        for file in files where failure == nil {
            do {
                running.append(try Run(file.program, on: file.path))
            } catch {
                failure = .cannotDecompress(file.path, program: file.program, error.explained)
            }
        }
        // Every program that was started is waited for, whatever the others did.
        var results: [[UInt8]] = []
        for run in running {
            do {
                results.append(try run.finish())
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return results
    }

    /// One program at work on one file. Its output goes to memory files, so that nobody has to read along.
    private final class Run {
        private let program: FilePath
        private let path: FilePath
        private let output: Descriptor
        private let errors: Descriptor
        private let pid: pid_t

        init(_ program: FilePath, on path: FilePath) throws(Errno) {
            let input = try Descriptor(result: cl_openat(CL_AT_FDCWD, "/dev/null", O_RDONLY, 0))
            output = try Descriptor(result: cl_memfd("module", 0))
            errors = try Descriptor(result: cl_memfd("errors", 0))
            self.program = program
            self.path = path
            let map = [
                cl_fd_mapping(source: input.number, target: 0), cl_fd_mapping(source: output.number, target: 1),
                cl_fd_mapping(source: errors.number, target: 2),
            ]
            let result = program.withPlatformString { program in
                path.withPlatformString { Run.spawn(program, on: $0, map) }
            }
            pid = try checked(result)
        }

        /// The program's pid, or -errno.
        private static func spawn(
            _ program: UnsafePointer<CChar>, on path: UnsafePointer<CChar>, _ map: [cl_fd_mapping]
        ) -> pid_t {
            let arguments = [strdup(program), strdup("-dc"), strdup("--"), strdup(path), nil]
            defer { for argument in arguments { free(argument) } }
            let environment: [UnsafeMutablePointer<CChar>?] = [nil]
            return cl_spawn(program, arguments, environment, map, UInt32(map.count), 0)
        }

        func finish() throws(InitramfsError) -> [UInt8] {
            var status: CInt = 0
            do {
                try checked(cl_wait(pid, &status, true))
                if cl_exit_code(status) == 0 { return try Run.contents(fromStartOf: output.number) }
                let message = String(decoding: try Run.contents(fromStartOf: errors.number), as: UTF8.self)
                let reason = message.split(separator: "\n").first.map(String.init) ?? "it failed without a word"
                throw InitramfsError.cannotDecompress(path, program: program, reason)
            } catch let error as InitramfsError {
                throw error
            } catch {
                throw .cannotDecompress(path, program: program, "\(error)")
            }
        }

        private static func contents(fromStartOf file: CInt) throws(Errno) -> [UInt8] {
            guard lseek(file, 0, SEEK_SET) == 0 else { throw Errno(rawValue: errno) }
            return try GuestBoot.contents(of: file)
        }
    }
}

extension Compression {
    /// The program that undoes it with `-dc FILE`.
    var program: String {
        switch self {
        case .xz: "xz"
        case .zstd: "zstd"
        case .gzip: "gzip"
        }
    }
}
