import CSystemCall

/// flock(2), and fcntl(2)'s locks of processes and of open files, each tried against another process.
extension Suite {
    // LOCK_SH 1, LOCK_EX 2, LOCK_NB 4, LOCK_UN 8.
    func lockCases() {
        wholeFiles()
        ranges(ofOpenFiles: false)
        ranges(ofOpenFiles: true)
        kindsTogether()
        waiting()
    }

    @discardableResult
    private func flock(_ file: Answer, _ operation: Int) -> Answer { Suite.call(SYS_flock, file.value, operation) }

    private func lock(
        _ file: Answer, _ type: CInt, _ start: Int = 0, _ length: Int = 0, ofOpenFile: Bool = false, waits: Bool = false
    ) -> Answer {
        var lock = LockRange(type: Int16(type), start: start, length: length)
        let command = ofOpenFile ? (waits ? F_OFD_SETLKW : F_OFD_SETLK) : (waits ? F_SETLKW : F_SETLK)
        return withUnsafeMutablePointer(to: &lock) {
            Suite.call(SYS_fcntl, file.value, Int(command), Int(bitPattern: $0))
        }
    }

    /// Who is in the way of a lock: its type and range.
    private func blocker(_ file: Answer, _ type: CInt, _ start: Int = 0, _ length: Int = 0, ofOpenFile: Bool = false)
        -> String
    {
        var lock = LockRange(type: Int16(type), start: start, length: length)
        let answer = withUnsafeMutablePointer(to: &lock) {
            Suite.call(SYS_fcntl, file.value, Int(ofOpenFile ? F_OFD_GETLK : F_GETLK), Int(bitPattern: $0))
        }
        guard answer.isSuccess else { return answer.description }
        let type = lock.type == Int16(F_UNLCK) ? "none" : lock.type == Int16(F_RDLCK) ? "read" : "write"
        return type == "none" ? type : "\(type) \(lock.start)+\(lock.length)"
    }

    private func wholeFiles() {
        let kinds: [(String, Int)] = [("exclusive", 2), ("shared", 1)]
        for (first, a) in kinds {
            for (second, b) in kinds {
                test("flock/\(first)-then-\(second)") {
                    let f = open("f", O_CREAT | O_RDWR)
                    let g = open("f", O_RDWR)
                    return
                        "\(flock(f, a)) same process \(flock(g, b | 4)) child \(inChild { "\(flock(open("f", O_RDWR), b | 4))" })"
                }
            }
        }
        test("flock/released-by-unlock-and-by-close") {
            let f = open("f", O_CREAT | O_RDWR)
            let g = open("f", O_RDWR)
            let first = flock(f, 2)
            flock(f, 8)
            let second = flock(g, 6)
            close(g)
            return "\(first) \(second) \(flock(f, 6))"
        }
        test("flock/belongs-to-the-open-file") {
            let f = open("f", O_CREAT | O_RDWR)
            let d = Suite.call(SYS_dup, f.value)
            flock(f, 2)
            close(f)
            let held = flock(open("f", O_RDWR), 6)
            flock(d, 8)
            return "\(held) \(flock(open("f", O_RDWR), 6))"
        }
        test("flock/goes-with-the-process") {
            file("f")
            let child = inChild { "\(flock(open("f", O_RDWR), 6))" }
            return "\(child) \(flock(open("f", O_RDWR), 6))"
        }
        test("flock/changed-from-shared-to-exclusive") {
            let f = open("f", O_CREAT | O_RDWR)
            let g = open("f", O_RDWR)
            return "\(flock(f, 5)) \(flock(g, 5)) \(flock(f, 6)) \(flock(g, 8)) \(flock(f, 6))"
        }
        test("flock/of-descriptors-of-any-kind") {
            file("f")
            mkfifo("p")
            return
                "\(flock(open("f", O_RDONLY), 6)) \(flock(open(".", O_RDONLY | O_DIRECTORY), 6)) \(flock(open("p", O_RDWR), 6)) "
                + "\(flock(open("f", O_PATH), 6)) \(flock(open("f", O_RDWR), 99))"
        }
    }

    private func ranges(ofOpenFiles: Bool) {
        let family = ofOpenFiles ? "ofd" : "fcntl"
        func set(_ file: Answer, _ type: CInt, _ start: Int = 0, _ length: Int = 0) -> Answer {
            lock(file, type, start, length, ofOpenFile: ofOpenFiles)
        }
        func other(_ type: CInt, _ start: Int = 0, _ length: Int = 0) -> String {
            inChild {
                let f = open("f", O_RDWR)
                let blocker = blocker(f, type, start, length, ofOpenFile: ofOpenFiles)
                return "\(set(f, type, start, length)) behind \(blocker)"
            }
        }
        for (first, a) in [("read", F_RDLCK), ("write", F_WRLCK)] {
            for (second, b) in [("read", F_RDLCK), ("write", F_WRLCK)] {
                test("\(family)/\(first)-then-\(second)") {
                    let f = open("f", O_CREAT | O_RDWR)
                    return "\(set(f, a)) child \(other(b))"
                }
            }
        }
        test("\(family)/ranges") {
            let f = open("f", O_CREAT | O_RDWR)
            let first = set(f, F_WRLCK, 10, 10)
            return
                "\(first) before \(other(F_WRLCK, 0, 10)) after \(other(F_WRLCK, 20, 10)) inside \(other(F_WRLCK, 12, 2)) "
                + "across \(other(F_WRLCK, 0, 100)) to the end \(other(F_RDLCK, 15, 0))"
        }
        test("\(family)/range-split-by-unlocking-its-middle") {
            let f = open("f", O_CREAT | O_RDWR)
            return
                "\(set(f, F_WRLCK, 0, 30)) \(set(f, F_UNLCK, 10, 10)) \(other(F_WRLCK, 0, 5)) \(other(F_WRLCK, 10, 10)) \(other(F_WRLCK, 25, 5))"
        }
        test("\(family)/write-lock-made-a-read-lock") {
            let f = open("f", O_CREAT | O_RDWR)
            return "\(set(f, F_WRLCK)) \(set(f, F_RDLCK)) \(other(F_RDLCK)) \(other(F_WRLCK))"
        }
        test("\(family)/closing-another-descriptor-of-the-file") {
            let f = open("f", O_CREAT | O_RDWR)
            let first = set(f, F_WRLCK)
            close(open("f", O_RDWR))
            return "\(first) \(other(F_WRLCK))"
        }
        test("\(family)/two-descriptors-of-a-process") {
            let (f, g) = (open("f", O_CREAT | O_RDWR), open("f", O_RDWR))
            return "\(set(f, F_WRLCK)) \(set(g, F_WRLCK))"
        }
        test("\(family)/inherited-by-a-child") {
            let f = open("f", O_CREAT | O_RDWR)
            return "\(set(f, F_WRLCK)) \(inChild { "\(set(f, F_WRLCK))" })"
        }
        test("\(family)/goes-with-the-process") {
            file("f")
            return "\(other(F_WRLCK)) \(set(open("f", O_RDWR), F_WRLCK))"
        }
        test("\(family)/rights-of-the-descriptor") {
            file("f")
            let (r, w) = (open("f", O_RDONLY), open("f", O_WRONLY))
            return "\(set(r, F_WRLCK)) \(set(r, F_RDLCK)) \(set(w, F_RDLCK)) \(set(w, F_WRLCK))"
        }
        test("\(family)/errors") {
            let f = open("f", O_CREAT | O_RDWR)
            return
                "\(set(f, 9)) \(set(f, F_WRLCK, -1, 1)) \(set(f, F_WRLCK, 10, -5)) \(other(F_WRLCK, 5, 5)) \(set(open("f", O_PATH), F_WRLCK))"
        }
        test("\(family)/far-away") {
            let f = open("f", O_CREAT | O_RDWR)
            return
                "\(set(f, F_WRLCK, 1 << 62, 10)) \(other(F_WRLCK, 1 << 62, 1)) \(other(F_WRLCK, 0, 1 << 62)) \(set(f, F_WRLCK, Int.max, 2))"
        }
    }

    private func kindsTogether() {
        test("locks/flock-and-fcntl-are-two-things") {
            let f = open("f", O_CREAT | O_RDWR)
            return "\(flock(f, 6)) \(inChild { "\(lock(open("f", O_RDWR), F_WRLCK))" })"
        }
        test("locks/fcntl-and-ofd-conflict") {
            let f = open("f", O_CREAT | O_RDWR)
            return "\(lock(f, F_WRLCK)) \(lock(open("f", O_RDWR), F_WRLCK, ofOpenFile: true))"
        }
        test("locks/writing-is-not-forbidden") {
            let f = open("f", O_CREAT | O_RDWR)
            _ = lock(f, F_WRLCK)
            return inChild { "\(write(open("f", O_RDWR), "x").number)" }
        }
        test("locks/of-an-unlinked-file") {
            let f = open("f", O_CREAT | O_RDWR)
            let g = open("f", O_RDWR)
            unlink("f")
            return "\(flock(f, 6)) \(flock(g, 6)) \(lock(f, F_WRLCK)) \(lock(g, F_WRLCK, ofOpenFile: true))"
        }
        test("locks/by-two-names") {
            file("f")
            link("f", "g")
            return "\(flock(open("f", O_RDWR), 6)) \(flock(open("g", O_RDWR), 6))"
        }
    }

    /// A child holds what the parent waits for.
    private func waiting() {
        for (word, take) in [
            ("flock", { (suite: Suite, file: Answer) in suite.flock(file, 2) }),
            ("fcntl", { (suite: Suite, file: Answer) in suite.lock(file, F_WRLCK, waits: true) }),
            ("ofd", { (suite: Suite, file: Answer) in suite.lock(file, F_WRLCK, ofOpenFile: true, waits: true) }),
        ] {
            test("\(word)/waits-until-it-is-free") {
                file("f")
                var ends: [CInt] = [-1, -1]
                ends.withUnsafeMutableBytes { _ = Suite.call(SYS_pipe2, Int(bitPattern: $0.baseAddress), 0) }
                let child = csc_fork()
                if child == 0 {
                    _ = take(self, open("f", O_RDWR))
                    write(Answer(value: Int(ends[1])), "held")
                    pause(milliseconds: 300)
                    file("written", "before")
                    Suite.call(SYS_exit_group, 0)
                }
                let held = read(Answer(value: Int(ends[0])), 4)
                let taken = take(self, open("f", O_RDWR))
                let found = text("written")
                Suite.call(SYS_wait4, child, 0, 0, 0)
                return "\(held) \(taken) \(found)"
            }
            test("\(word)/waiting-ends-with-a-signal") {
                file("f")
                let holder = open("f", O_RDWR)
                _ = take(self, holder)
                let child = csc_fork()
                if child == 0 {
                    _ = take(self, open("f", O_RDWR))
                    Suite.call(SYS_exit_group, 3)
                }
                pause(milliseconds: 200)
                Suite.call(SYS_kill, child, 15)
                var status: CInt = 0
                withUnsafeMutablePointer(to: &status) { _ = Suite.call(SYS_wait4, child, Int(bitPattern: $0)) }
                return "signal \(status & 0x7F)"
            }
        }
        test("fcntl/deadlock-is-found") {
            file("f")
            let f = open("f", O_RDWR)
            _ = lock(f, F_WRLCK, 0, 1)
            var ends: [CInt] = [-1, -1]
            ends.withUnsafeMutableBytes { _ = Suite.call(SYS_pipe2, Int(bitPattern: $0.baseAddress), 0) }
            let child = csc_fork()
            if child == 0 {
                let g = open("f", O_RDWR)
                _ = lock(g, F_WRLCK, 1, 1)
                write(Answer(value: Int(ends[1])), "held")
                _ = lock(g, F_WRLCK, 0, 1, waits: true)
                Suite.call(SYS_exit_group, 0)
            }
            _ = read(Answer(value: Int(ends[0])), 4)
            pause(milliseconds: 200)
            let answer = lock(f, F_WRLCK, 1, 1, waits: true)
            _ = lock(f, F_UNLCK)
            Suite.call(SYS_wait4, child, 0, 0, 0)
            return answer.description
        }
    }
}

/// struct flock of <fcntl.h>, whose name is also a function's.
private struct LockRange {
    var type: Int16
    var whence: Int16 = 0
    var start: Int
    var length: Int
    var pid: Int32 = 0
}
