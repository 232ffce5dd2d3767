internal import CLinux
internal import Glibc
internal import Linux
internal import SystemPackage

/// Whether threads of the machine wait for a processor, as the kernel counts them in `/proc/loadavg` (proc_loadavg(5)).
///
/// A few microseconds, once it is open: less than it takes one thread to be given another's processor. It says nothing of
/// the processors that this process alone may not use, nor of what a hypervisor below has to do.
final class ProcessorLoad: Sendable {
    private let file: Descriptor
    private let processors: Int

    /// Opens it.
    ///
    /// - Returns: Nil where there is no such file, or but one processor for this process: whoever is waited for cannot run
    ///   while it is watched for.
    init?() {
        guard cl_processor_count() > 1 else { return nil }
        let result = cl_openat(CL_AT_FDCWD, "/proc/loadavg", O_RDONLY, 0)
        guard let file = try? Descriptor(result: result) else { return nil }
        self.file = file
        processors = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
    }

    /// Whether more threads are running, or would be, than there are processors; the calling one is among them.
    var isCrowded: Bool {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
            let count = cl_preadv(file.number, &part, 1, 0)
            guard count > 0 else { return false }
            return Self.runningThreads(in: UnsafeRawBufferPointer(rebasing: buffer[..<min(count, buffer.count)])) ?? 0
                > processors
        }
    }

    /// The number before the slash of `0.20 0.18 0.12 1/80 11206`.
    static func runningThreads(in text: UnsafeRawBufferPointer) -> Int? {
        var number: Int?
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (product, isTooBig) = (number ?? 0).multipliedReportingOverflow(by: 10)
                guard !isTooBig else { return nil }
                number = product &+ Int(byte &- UInt8(ascii: "0"))
            case UInt8(ascii: "/"): return number
            default: number = nil
            }
        }
        return nil
    }
}
