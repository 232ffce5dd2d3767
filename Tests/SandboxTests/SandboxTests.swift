import CLinux
import Glibc
import Linux
import Sandbox
import Synchronization
import SystemPackage
import Testing

/// What a worker thread saw, handed to the test when the thread has ended.
private final class Findings: Sendable {
    let state = Mutex<[String: UInt32]>([:])

    subscript(name: String) -> UInt32? {
        get { state.withLock { $0[name] } }
        set { state.withLock { $0[name] = newValue } }
    }
}

/// Runs `body` on a thread of its own, whose credentials end with it.
private func onThread(_ body: @escaping @Sendable () -> Void) throws {
    try Linux.Thread(name: "sandbox-test", body).join()
}

private let privileged = cl_thread_may_change_ids()

@Suite struct WorkerConfinementTests {
    @Test func givesTheThreadAUmaskOfItsOwn() throws {
        let found = Findings()
        let before = umask(0o022)
        defer { umask(before) }

        try onThread {
            do throws(Errno) {
                found["own"] = try WorkerConfinement().enter() ? 1 : 0
                found["umask"] = umask(0o077)
            } catch {
                found["error"] = UInt32(error.rawValue)
            }
        }

        #expect(found["error"] == nil)
        // Where the machine forbids unshare(2), the thread has to say so.
        #expect(found["umask"] == (found["own"] == 1 ? 0 : 0o022))
        #expect(umask(0o022) == 0o022)
    }
}

@Suite struct ThreadCredentialsTests {
    @Test func createsInTheCallersNameWhereOnlyTheLauncherMayWrite() throws {
        var template = Array("/tmp/sheaf-sandbox-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = directory + "/made"
        defer {
            unlink(path)
            rmdir(directory)
        }
        let found = Findings()

        try onThread {
            let credentials = ThreadCredentials()
            do throws(Errno) {
                let made = try credentials.perform(as: 1234, 2345) { () throws(Errno) in
                    try Linux.Descriptor(result: cl_openat(CL_AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0o600))
                }
                var status = cl_statx()
                try checked(cl_statx(made.number, nil, &status))
                found["uid"] = status.uid
                found["gid"] = status.gid
            } catch {
                found["error"] = UInt32(error.rawValue)
            }
            found["uid after"] = cl_thread_uid()
            found["gid after"] = cl_thread_gid()
        }

        #expect(found["error"] == nil)
        #expect(found["uid"] == (privileged ? 1234 : geteuid()))
        #expect(found["gid"] == (privileged ? 2345 : getegid()))
        #expect(found["uid after"] == geteuid())
        #expect(found["gid after"] == getegid())
    }

    @Test func restoresTheIdsWhenTheCallFails() throws {
        let found = Findings()

        try onThread {
            let credentials = ThreadCredentials()
            do throws(Errno) {
                try credentials.perform(as: CallerIdentity(uid: 1234, gid: 2345)) { () throws(Errno) in
                    throw Errno.noSpace
                }
            } catch {
                found["error"] = UInt32(error.rawValue)
            }
            found["uid"] = cl_thread_uid()
        }

        #expect(found["error"] == UInt32(Errno.noSpace.rawValue))
        #expect(found["uid"] == geteuid())
    }

    @Test(.enabled(if: privileged)) func refusesTheIdThatNamesNobody() throws {
        let found = Findings()

        try onThread {
            do throws(Errno) {
                try ThreadCredentials().perform(as: .max, 0) { () throws(Errno) in found["ran"] = 1 }
            } catch {
                found["error"] = UInt32(error.rawValue)
            }
        }

        #expect(found["error"] == UInt32(Errno.invalidArgument.rawValue))
        #expect(found["ran"] == nil)
    }
}
