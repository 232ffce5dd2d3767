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

    /// How many programs run at once.
    private static let width = 8

    /// Decompresses files, some side by side.
    ///
    /// To be called from the main thread, with which the programs end (`cl_spawn`).
    ///
    /// - Parameters:
    ///   - files: The files, where they are, and the program for each.
    ///   - limits: How much is taken.
    ///   - allowance: How much of that is left for all of them.
    /// - Returns: The contents, in the order of `files`.
    /// - Throws: What a program complains of; which limit is passed.
    func contents(
        of files: [(file: HostFile, path: FilePath, program: FilePath)], within limits: ModuleLimits,
        _ allowance: inout Int
    ) throws(InitramfsError) -> [[UInt8]] {
        var waiting = files[...]
        // One that is not read to its end is ended with its `Run`.
        var running: [Run] = []
        var results: [[UInt8]] = []
        while results.count < files.count {
            while running.count < Self.width, let next = waiting.popFirst() {
                do {
                    running.append(try Run(next.program, on: next.file, at: next.path))
                } catch {
                    throw .cannotDecompress(next.path, program: next.program, error.explained)
                }
            }
            guard !running.isEmpty else { break }
            let contents = try running.removeFirst().finish(limit: limits.module)
            try limits.take(contents.count, of: &allowance)
            results.append(contents)
        }
        return results
    }

    /// One program at work on one file. Its output is read from a pipe, so that it cannot write more than is taken.
    private final class Run {
        private let program: FilePath
        private let path: FilePath
        private let output: Descriptor
        private let errors: Descriptor
        private let pid: pid_t
        private var hasEnded = false

        init(_ program: FilePath, on file: HostFile, at path: FilePath) throws(Errno) {
            let pipe = try Pipe()
            errors = try Descriptor(result: cl_memfd("errors", 0))
            self.program = program
            self.path = path
            let map = [
                cl_fd_mapping(source: file.descriptor.number, target: 0),
                cl_fd_mapping(source: pipe.writingEnd.number, target: 1),
                cl_fd_mapping(source: errors.number, target: 2),
            ]
            pid = try checked(program.withPlatformString { Run.spawn($0, map) })
            output = pipe.readingEnd
        }

        deinit {
            guard !hasEnded else { return }
            var status: CInt = 0
            _ = cl_kill(pid, SIGKILL)
            _ = cl_wait(pid, &status, true)
        }

        /// The program's pid, or -errno.
        private static func spawn(_ program: UnsafePointer<CChar>, _ map: [cl_fd_mapping]) -> pid_t {
            let arguments = [strdup(program), strdup("-dc"), nil]
            defer { for argument in arguments { free(argument) } }
            let environment: [UnsafeMutablePointer<CChar>?] = [nil]
            return cl_spawn(program, arguments, environment, map, UInt32(map.count), 0)
        }

        func finish(limit: Int) throws(InitramfsError) -> [UInt8] {
            do throws(Errno) {
                let contents = try GuestBoot.contents(of: output.number, limit: limit + 1)
                guard contents.count <= limit else { throw Errno.fileTooLarge }
                var status: CInt = 0
                try checked(cl_wait(pid, &status, true))
                hasEnded = true
                if cl_exit_code(status) == 0 { return contents }
            } catch .fileTooLarge {
                throw .unreadable(path, .tooLarge(limit: limit))
            } catch {
                throw .cannotDecompress(path, program: program, error.explained)
            }
            throw .cannotDecompress(path, program: program, complaint)
        }

        /// The first line that the program has written to its standard error.
        private var complaint: String {
            guard lseek(errors.number, 0, SEEK_SET) == 0,
                let bytes = try? GuestBoot.contents(of: errors.number, limit: 4096)
            else { return "it failed" }
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            return lines.first.map(String.init) ?? "it failed without a word"
        }
    }
}

extension Compression {
    /// The program that undoes it with `-dc`.
    var program: String {
        switch self {
        case .xz: "xz"
        case .zstd: "zstd"
        case .gzip: "gzip"
        }
    }
}
