import SystemPackage
import Testing

@testable import Sandbox

@Suite struct SystemCallRuleTests {
    @Test func readsNamesConditionsAndReasons() throws {
        let rules = try SystemCallRule.parse(
            """
            # a comment
              # another

            read          # a file
            ioctl a1=0x10 # a request
            mmap a2&4=0 a3=2   # memory, # and more
            """)

        #expect(rules.map(\.name) == ["read", "ioctl", "mmap"])
        #expect(rules.map(\.reason) == ["a file", "a request", "memory, # and more"])
        #expect(rules[0].conditions == [])
        #expect(rules[1].conditions.map { [UInt64($0.argument), $0.mask, $0.value] } == [[1, 0xffff_ffff, 16]])
        #expect(
            rules[2].conditions.map { [UInt64($0.argument), $0.mask, $0.value] } == [[2, 4, 0], [3, 0xffff_ffff, 2]])
    }

    @Test(
        arguments: [
            ("read", "read has no reason"), ("read #", "read has no reason"),
            ("read b1=2 # why", "'b1=2' is no condition"), ("read a6=2 # why", "'a6=2' is no condition"),
            ("read a1 # why", "'a1' is no condition"), ("read a1=x # why", "'a1=x' is no condition"),
            ("read a1&=0 # why", "'a1&=0' has no mask"), ("read a1&1&1=0 # why", "'a1&1&1=0' is no condition"),
            ("read a1=1=1 # why", "'a1=1=1' is no condition"),
        ])
    func saysWhatIsWrongWithALine(line: String, reason: String) {
        #expect(throws: SystemCallRule.SyntaxError(line: 2, reason: reason)) {
            try SystemCallRule.parse("open # a file\n\(line)\n")
        }
    }

    @Test(arguments: [(WorkerConfinement.Duty.files, 50), (.session, 20), (.labels, 15)])
    func compilesTheListsThatComeWithTheProgram(duty: WorkerConfinement.Duty, least: Int) throws {
        let rules = try duty.rules()

        #expect(rules.count > least)
        for mode in [SeccompMode.kill, .log] { _ = try SystemCallFilter(rules, mode: mode) }
        // Nothing that starts a program, opens a socket, mounts, or looks into a process.
        let forbidden: Set = [
            "execve", "execveat", "clone", "clone3", "fork", "vfork", "socket", "connect", "bind", "ptrace", "mount",
            "umount2", "unshare", "setns", "bpf", "prctl", "open_by_handle_at", "kill", "chroot", "pivot_root",
            "process_vm_writev", "io_uring_setup", "userfaultfd", "keyctl", "init_module",
        ]
        #expect(rules.filter { forbidden.contains($0.name) } == [])
        // What opens a file is for files.
        #expect(duty == .files || !rules.contains { $0.name.hasPrefix("open") })
    }

    @Test func refusesACallThatNobodyKnows() throws {
        let rules = try SystemCallRule.parse("no_such_call # none")

        #expect(throws: Errno.invalidArgument) { try SystemCallFilter(rules, mode: .kill) }
    }
}
