import CSystemCall

/// Random operations on one file, and a model of the file in memory that is always to agree with it.
///
/// An operation says what it does with numbers of its own and takes nothing from those before it, so that any of them can be
/// left out and the rest be run again: that is how a failure is made small.
final class FileExerciser {
    /// The most bytes that the file has.
    static let limit = 256 * 1024
    private static let page = 4096

    private let suite: Suite
    private let path: Path
    /// What the file must hold.
    private var model: [UInt8] = []
    private var file = Answer(value: -1)
    private var direct = Answer(value: -1)
    /// Memory for direct transfers, on a page.
    private let memory: Answer
    /// What went wrong; nil as long as nothing has.
    private var failure: String?
    /// How many operations of each kind were done, and how many of them the file system does not have.
    private(set) var done = [Int](repeating: 0, count: FileOperation.Kind.allCases.count)
    private(set) var refused = [Int](repeating: 0, count: FileOperation.Kind.allCases.count)

    init(suite: Suite, path: Path) {
        self.suite = suite
        self.path = path
        memory = suite.memory(FileExerciser.limit)
    }

    /// Runs operations from an empty file on.
    ///
    /// - Returns: What went wrong, and at which operation; nil when nothing did.
    func run(_ operations: [FileOperation]) -> (index: Int, failure: String)? {
        suite.remove(path)
        model = []
        failure = nil
        reopen(O_CREAT)
        defer { closeAll() }
        for (index, operation) in operations.enumerated() {
            perform(operation)
            if failure == nil { checkSize() }
            if failure == nil, index % 64 == 63 || index == operations.count - 1 { checkAll() }
            if let failure { return (index, failure) }
        }
        return nil
    }

    private func closeAll() {
        suite.close(file)
        suite.close(direct)
    }

    private func reopen(_ more: CInt = 0) {
        closeAll()
        file = suite.open(path, O_RDWR | more)
        direct = suite.open(path, O_RDWR | O_DIRECT)
        if !file.isSuccess { failure = "open: \(file)" }
    }

    // MARK: Checks

    private func expect(_ answer: Answer, _ count: Int, _ what: String) {
        if answer.value != count, failure == nil { failure = "\(what) answered \(answer.number) and not \(count)" }
    }

    private func compare(_ bytes: UnsafeRawBufferPointer, at offset: Int, _ what: String) {
        for (index, byte) in bytes.enumerated() where byte != model[offset + index] {
            failure = "\(what): byte \(offset + index) is \(byte) and not \(model[offset + index])"
            return
        }
    }

    private func checkSize() {
        let status = suite.status(file)
        if !status.answer.isSuccess || status.found.stx_size != UInt64(model.count) {
            failure = "the size is \(status.found.stx_size) and not \(model.count) (\(status.answer))"
        }
    }

    /// Reads all of the file by a descriptor of its own.
    private func checkAll() {
        let other = suite.open(path, O_RDONLY)
        defer { suite.close(other) }
        read(other, 0, model.count, "read of the whole")
    }

    // MARK: Operations

    private func perform(_ operation: FileOperation) {
        let offset = operation.offset
        let end = min(offset + operation.length, FileExerciser.limit)
        let length = end - offset
        done[operation.kind.rawValue] += 1
        switch operation.kind {
        case .read: read(file, min(offset, model.count), max(0, min(end, model.count) - offset), "read")
        case .write: write(operation, offset, length)
        case .append: append(operation, min(length, FileExerciser.limit - model.count))
        case .mappedRead: mapped(operation, offset, min(end, model.count) - offset, isWrite: false)
        case .mappedWrite: mapped(operation, offset, length, isWrite: true)
        case .directRead, .directWrite: directly(operation)
        case .truncate: truncate(to: offset, byPath: operation.length % 2 == 0)
        case .punchHole:
            change(operation, CSC_PUNCH_HOLE.rawValue | CSC_KEEP_SIZE.rawValue, offset, length, zeroes: true)
        case .zeroRange: change(operation, CSC_ZERO_RANGE.rawValue, offset, length, zeroes: true)
        case .zeroRangeKeepingSize:
            change(operation, CSC_ZERO_RANGE.rawValue | CSC_KEEP_SIZE.rawValue, offset, length, zeroes: true)
        case .allocate: change(operation, 0, offset, length, zeroes: false)
        case .copyRange: copy(operation, length)
        case .sync: expect(suite.fsync(file, dataOnly: operation.length % 2 == 0), 0, "fsync")
        case .reopen: reopen()
        case .dropCache: Suite.call(SYS_fadvise64, file.value, 0, 0, 4)
        }
    }

    private func read(_ descriptor: Answer, _ offset: Int, _ count: Int, _ what: String) {
        var buffer = [UInt8](repeating: 0xEE, count: count)
        let got = buffer.withUnsafeMutableBytes {
            Suite.call(SYS_pread64, descriptor.value, Int(bitPattern: $0.baseAddress), count, offset)
        }
        expect(got, count, what)
        if failure == nil { buffer.withUnsafeBytes { compare($0, at: offset, what) } }
    }

    private func grow(to size: Int) {
        if size > model.count { model += [UInt8](repeating: 0, count: size - model.count) }
    }

    private func place(_ bytes: [UInt8], at offset: Int) {
        if bytes.isEmpty { return }
        grow(to: offset + bytes.count)
        model.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }

    private func write(_ operation: FileOperation, _ offset: Int, _ length: Int) {
        let bytes = operation.bytes(length)
        expect(suite.pwrite(file, bytes, at: offset), length, "write")
        place(bytes, at: offset)
    }

    private func append(_ operation: FileOperation, _ length: Int) {
        let bytes = operation.bytes(length)
        let appending = suite.open(path, O_WRONLY | O_APPEND)
        expect(suite.write(appending, bytes), length, "append")
        suite.close(appending)
        place(bytes, at: model.count)
    }

    private func mapped(_ operation: FileOperation, _ offset: Int, _ length: Int, isWrite: Bool) {
        guard length > 0 else { return }
        if isWrite, offset + length > model.count {
            expect(suite.ftruncate(file, offset + length), 0, "ftruncate before a mapped write")
            grow(to: offset + length)
        }
        let start = offset / FileExerciser.page * FileExerciser.page
        let count = offset + length - start
        let map = suite.map(file, count, at: start, writable: isWrite)
        guard let base = UnsafeMutableRawPointer(bitPattern: map.value), map.isSuccess else {
            failure = "mmap: \(map)"
            return
        }
        let part = UnsafeMutableRawBufferPointer(start: base + (offset - start), count: length)
        if isWrite {
            let bytes = operation.bytes(length)
            part.copyBytes(from: bytes)
            place(bytes, at: offset)
            if operation.value % 2 == 0 { expect(suite.msync(map, count), 0, "msync") }
        } else {
            compare(UnsafeRawBufferPointer(part), at: offset, "mapped read")
        }
        suite.unmap(map, count)
    }

    /// On whole blocks, as direct transfers have to be.
    private func directly(_ operation: FileOperation) {
        guard direct.isSuccess, let base = UnsafeMutableRawPointer(bitPattern: memory.value) else {
            refused[operation.kind.rawValue] += 1
            return
        }
        let offset = operation.offset / FileExerciser.page * FileExerciser.page
        let wanted = (operation.length / FileExerciser.page + 1) * FileExerciser.page
        let length = min(wanted, FileExerciser.limit - offset)
        if operation.kind == .directWrite {
            let bytes = operation.bytes(length)
            UnsafeMutableRawBufferPointer(start: base, count: length).copyBytes(from: bytes)
            let wrote = Suite.call(SYS_pwrite64, direct.value, memory.value, length, offset)
            expect(wrote, length, "direct write")
            place(bytes, at: offset)
        } else {
            let count = max(0, min(length, model.count - offset))
            let got = Suite.call(SYS_pread64, direct.value, memory.value, length, offset)
            expect(got, count, "direct read")
            if failure == nil {
                compare(UnsafeRawBufferPointer(start: base, count: count), at: offset, "direct read")
            }
        }
    }

    private func truncate(to size: Int, byPath: Bool) {
        expect(byPath ? suite.truncate(path, size) : suite.ftruncate(file, size), 0, "truncate")
        if size < model.count { model.removeLast(model.count - size) } else { grow(to: size) }
    }

    /// fallocate(2), which not every host file system has in all modes.
    private func change(_ operation: FileOperation, _ mode: UInt32, _ offset: Int, _ length: Int, zeroes: Bool) {
        guard length > 0 else { return }
        let answer = suite.fallocate(file, Int(mode), offset, length)
        if answer.value == -Int(EOPNOTSUPP) {
            refused[operation.kind.rawValue] += 1
            return
        }
        expect(answer, 0, "fallocate")
        if mode & CSC_KEEP_SIZE.rawValue == 0 { grow(to: offset + length) }
        let end = min(offset + length, model.count)
        if zeroes, offset < end {
            model.replaceSubrange(offset..<end, with: repeatElement(0, count: end - offset))
        }
    }

    private func copy(_ operation: FileOperation, _ length: Int) {
        let from = operation.offset
        let to = operation.value % FileExerciser.limit
        let count = min(length, model.count - from, FileExerciser.limit - to)
        // Ranges that overlap are refused: inside a file.
        guard count > 0, abs(from - to) >= count else { return }
        var copied = 0
        while copied < count {
            let answer = suite.copyRange(file, at: from + copied, file, at: to + copied, count - copied)
            guard answer.value > 0 else {
                failure = "copy_file_range answered \(answer.number) after \(copied) of \(count)"
                return
            }
            copied += answer.value
        }
        place(Array(model[from..<(from + count)]), at: to)
    }
}
