internal import CLinux
internal import CSeccomp
internal import Glibc
internal import Linux
internal import SystemPackage

/// What becomes of a worker thread that makes a system call which is not on the list.
public enum SeccompMode: String, CaseIterable, Sendable {
    /// The launcher ends, and says which call it was.
    case kill
    /// The call is made; the kernel's log has a line about it.
    case log
    /// There is no filter.
    case off
}

/// A list of system calls, made into what the kernel runs before each of them.
///
/// Made once and loaded by every thread that is for the same: libseccomp takes longer than the kernel.
struct SystemCallFilter: Sendable {
    /// The instructions, each a struct sock_filter of eight bytes.
    private let program: [UInt64]

    /// Compiles rules.
    ///
    /// - Parameters:
    ///   - rules: What is allowed.
    ///   - mode: What becomes of all else; not `.off`.
    /// - Throws: EINVAL for a call that libseccomp does not know; what libseccomp failed with.
    init(_ rules: [SystemCallRule], mode: SeccompMode) throws(Errno) {
        let refusal = mode == .log ? SCMP_ACT_LOG : SCMP_ACT_TRAP
        guard let context = seccomp_init(refusal) else { throw .noMemory }
        defer { seccomp_release(context) }
        // Calls of another architecture (x32, i386) have other numbers: nothing here could say what they do.
        try checked(
            seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, mode == .log ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS))
        // A tree in place of a list: seven comparisons and not seventy.
        try checked(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2))
        for rule in rules {
            let number = Self.number(ofCall: rule.name)
            guard number != SystemCallFilter.unknown else { throw .invalidArgument }
            let conditions = rule.conditions.map {
                scmp_arg_cmp(arg: $0.argument, op: SCMP_CMP_MASKED_EQ, datum_a: $0.mask, datum_b: $0.value)
            }
            try checked(
                seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, UInt32(conditions.count), conditions))
        }
        program = try Self.export(context)
    }

    /// Puts the calling thread under the filter, for good.
    ///
    /// - Throws: What the kernel refused it with: EINVAL where it has no filters.
    func load() throws(Errno) {
        let error = program.withUnsafeBytes { bytes -> CInt in
            guard let start = bytes.baseAddress else { return -EINVAL }
            return cl_load_filter(start, UInt16(truncatingIfNeeded: program.count))
        }
        try checked(error)
    }

    /// What libseccomp gives for a name that no architecture has (__NR_SCMP_ERROR).
    private static let unknown: CInt = -1

    private static func export(_ context: scmp_filter_ctx) throws(Errno) -> [UInt64] {
        let file = try Descriptor(result: cl_memfd("seccomp", 0))
        try checked(seccomp_export_bpf(context, file.number))
        let length = try checked(Int(cl_lseek(file.number, 0, SEEK_END)))
        try checked(Int(cl_lseek(file.number, 0, SEEK_SET)))
        var program = [UInt64](repeating: 0, count: length / 8)
        let count = program.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { cl_read(file.number, $0, bytes.count) } ?? 0
        }
        // BPF_MAXINSNS; libseccomp's own comes nowhere near.
        guard count == length, length > 0, program.count <= 4096 else { throw .ioError }
        return program
    }

    /// The number of a system call of this machine; negative for one that it does not have.
    static func number(ofCall name: String) -> CInt { seccomp_syscall_resolve_name(name) }

    /// The name of a system call of this machine, and its number.
    static func name(ofCall number: CInt) -> String {
        guard let text = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number) else { return "\(number)" }
        defer { free(text) }
        return "\(String(cString: text)) (\(number))"
    }
}
