import CSystemCall

/// mmap(2): shared and private, past the end, with the file changing under it.
extension Suite {
    func mappingCases() {
        mapping()
        mappedAndChanged()
        mappingRights()
    }

    private func mapping() {
        test("mmap/shared-write-is-read-by-read") {
            file("f", "0123456789")
            let f = open("f", O_RDWR)
            let page = map(f, 4096)
            poke(page, 2, "XY")
            return "\(read(f, at: 0)) \(text("f")) \(msync(page, 4096))"
        }
        test("mmap/write-is-seen-by-a-shared-mapping") {
            file("f", "0123456789")
            let f = open("f", O_RDWR)
            let page = map(f, 4096)
            let before = peek(page, 0, 10)
            pwrite(f, "XY", at: 2)
            return "\(before) \(peek(page, 0, 10))"
        }
        test("mmap/private-write-stays-private") {
            file("f", "0123456789")
            let f = open("f", O_RDWR)
            let page = map(f, 4096, shared: false)
            poke(page, 2, "XY")
            return "\(peek(page, 0, 10)) \(read(f, at: 0)) \(text("f"))"
        }
        test("mmap/private-sees-the-file-until-it-is-written") {
            file("f", "0123456789")
            let f = open("f", O_RDWR)
            let page = map(f, 4096, shared: false)
            let before = peek(page, 0, 2)
            pwrite(f, "AB", at: 0)
            return "\(before) \(peek(page, 0, 2))"
        }
        test("mmap/rest-of-the-last-page-is-zero-and-not-written") {
            file("f", "0123456789")
            let f = open("f", O_RDWR)
            let page = map(f, 4096)
            let rest = peek(page, 10, 4086)
            poke(page, 10, "beyond")
            msync(page, 4096)
            unmap(page, 4096)
            ftruncate(f, 20)
            return "\(rest) \(read(f, at: 0)) \(size("f"))"
        }
        test("mmap/page-behind-the-end-is-a-bus-error") {
            file("f", "0123456789")
            let page = map(open("f", O_RDWR), 8192)
            return inChild { peek(page, 4096, 1) }
        }
        test("mmap/page-behind-the-end-appears-when-the-file-grows") {
            let f = open("f", O_CREAT | O_RDWR)
            let page = map(f, 8192)
            let before = inChild { peek(page, 0, 1) }
            ftruncate(f, 8192)
            poke(page, 4096, "grown")
            return "\(before) \(peek(page, 0, 2)) \(read(f, 5, at: 4096))"
        }
        test("mmap/with-an-offset") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, (0..<16384).map { UInt8(0x61 + $0 / 4096) })
            let page = map(f, 4096, at: 8192)
            poke(page, 0, "Z")
            return "\(peek(page, 0, 3)) \(read(f, 3, at: 8192)) \(map(f, 4096, at: 100))"
        }
        test("mmap/big-file-in-pieces") {
            let f = open("f", O_CREAT | O_RDWR)
            ftruncate(f, 4 << 20)
            let all = map(f, 4 << 20)
            for place in stride(from: 0, to: 4 << 20, by: 65536) { poke(all, place, "p\(place / 65536)") }
            msync(all, 4 << 20)
            let right = stride(from: 0, to: 4 << 20, by: 65536).filter {
                read(f, 2, at: $0) == "'p\(String($0 / 65536).prefix(1))'"
            }
            return "\(right.count)"
        }
        test("mmap/descriptor-closed-and-file-written") {
            file("f", "0123456789")
            let f = open("f", O_RDWR)
            let page = map(f, 4096)
            close(f)
            poke(page, 0, "AB")
            msync(page, 4096)
            unmap(page, 4096)
            return text("f")
        }
        test("mmap/without-msync") {
            file("f", "0123456789")
            let page = map(open("f", O_RDWR), 4096)
            poke(page, 0, "AB")
            unmap(page, 4096)
            return text("f")
        }
        test("mmap/asynchronous-msync-and-invalidation") {
            file("f", "0123456789")
            let page = map(open("f", O_RDWR), 4096)
            poke(page, 0, "AB")
            return
                "\(msync(page, 4096, MS_ASYNC)) \(msync(page, 4096, MS_INVALIDATE)) \(msync(page, 4096, MS_SYNC | MS_ASYNC))"
        }
        test("mmap/two-mappings-and-a-child") {
            file("f", "0123456789")
            let f = open("f", O_RDWR)
            let (a, b) = (map(f, 4096), map(open("f", O_RDWR), 4096))
            poke(a, 0, "A")
            let child = inChild {
                poke(b, 1, "B")
                return peek(a, 0, 3)
            }
            return "\(child) \(peek(a, 0, 3)) \(peek(b, 0, 3))"
        }
        test("mmap/a-file-executes") {
            // A page of one instruction, ret, is called no; it is mapped so.
            file("f", "\u{43}", mode: 0o755)
            let f = open("f", O_RDONLY)
            return "\(Suite.call(SYS_mmap, 0, 4096, Int(PROT_READ | PROT_EXEC), Int(MAP_PRIVATE), f.value, 0))"
        }
    }

    private func mappedAndChanged() {
        test("mmap/truncated-under-it-is-a-bus-error") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, [UInt8](repeating: 0x61, count: 8192))
            let page = map(f, 8192)
            let before = peek(page, 4096, 2)
            ftruncate(f, 10)
            return "\(before) \(inChild { peek(page, 4096, 1) }) \(peek(page, 0, 12))"
        }
        test("mmap/truncated-and-grown-again-is-zero") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, [UInt8](repeating: 0x61, count: 8192))
            let page = map(f, 8192)
            poke(page, 4096, "dirty")
            ftruncate(f, 10)
            ftruncate(f, 8192)
            return "\(peek(page, 0, 4096)) \(peek(page, 4096, 5)) \(read(f, 8192, at: 0))"
        }
        test("mmap/private-and-truncated") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, [UInt8](repeating: 0x61, count: 8192))
            let page = map(f, 8192, shared: false)
            poke(page, 4096, "mine")
            ftruncate(f, 0)
            return inChild { peek(page, 4096, 4) }
        }
        test("mmap/dirty-and-read-directly") {
            let f = open("f", O_CREAT | O_RDWR)
            write(f, [UInt8](repeating: 0x61, count: 4096))
            let page = map(f, 4096)
            poke(page, 0, "dirty")
            let direct = open("f", O_RDONLY | O_DIRECT)
            let memory = memory(4096)
            return "\(Suite.call(SYS_pread64, direct.value, memory.value, 4096, 0).number) \(peek(memory, 0, 6))"
        }
        test("mmap/file-written-with-its-own-mapping") {
            file("f", "0123456789")
            let f = open("f", O_RDWR)
            let page = map(f, 4096)
            return "\(Suite.call(SYS_pwrite64, f.value, page.value, 10, 10).number) \(text("f"))"
        }
        test("mmap/file-read-into-its-own-mapping") {
            file("f", "0123456789")
            let f = open("f", O_RDWR)
            let page = map(f, 4096)
            return "\(Suite.call(SYS_pread64, f.value, page.value + 5, 5, 0).number) \(text("f"))"
        }
        test("mmap/append-while-mapped") {
            file("f", "0123")
            let page = map(open("f", O_RDWR), 4096)
            write(open("f", O_WRONLY | O_APPEND), "4567")
            return "\(peek(page, 0, 9))"
        }
    }

    private func mappingRights() {
        for (word, flags) in [("reading", O_RDONLY), ("writing", O_WRONLY), ("both", O_RDWR)] {
            test("mmap/rights-of-a-descriptor-for-\(word)") {
                file("f", "0123")
                let f = open("f", flags)
                return "shared r \(map(f, 4096, writable: false)) rw \(map(f, 4096)) private r "
                    + "\(map(f, 4096, shared: false, writable: false)) rw \(map(f, 4096, shared: false))"
            }
        }
        test("mmap/of-others") {
            mkfifo("p")
            return "\(map(open(".", O_RDONLY | O_DIRECTORY), 4096, writable: false)) \(map(open("p", O_RDWR), 4096)) "
                + "\(map(open("f", O_CREAT | O_RDWR), 0))"
        }
        test("mmap/mprotect") {
            file("f", "0123")
            let (r, rw) = (
                map(open("f", O_RDONLY), 4096, writable: false), map(open("f", O_RDWR), 4096, writable: false)
            )
            let write = Int(PROT_READ | PROT_WRITE)
            return
                "\(Suite.call(SYS_mprotect, r.value, 4096, write)) \(Suite.call(SYS_mprotect, rw.value, 4096, write))"
        }
    }
}
