import CLinux
import Frontend
import Glibc
import Linux
import Synchronization
import SystemPackage

/// What no backend can do better than: the same operations as plain system calls of a thread that is told by one eventfd
/// to make `depth` of them and says by another that it has.
///
/// What cannot be had as one call is made of those that a backend has no way around: a listing is getdents64(2) and a
/// statx(2) for each entry.
final class NativeLimit {
    private let tree: HostTree

    init(_ tree: HostTree) { self.tree = tree }

    /// Measures a load on one queue; its CPU time is that of the thread that makes the calls.
    ///
    /// - Throws: What the host refused.
    func measure(_ load: Load) throws -> Measurement {
        let worker = try Worker(NativeOperations(load.workload, tree), depth: load.depth)
        let thread = try Thread(name: "native") { worker.run() }
        var latencies = LatencyHistogram()
        let warm = cl_monotonic_time() + UInt64(load.seconds * 1e8)
        while cl_monotonic_time() < warm { worker.roundTrip() }
        let unitsBefore = worker.units
        let cpuBefore = worker.cpuTime
        let begin = cl_monotonic_time()
        let end = begin + UInt64(load.seconds * 1e9)
        var now = begin
        while now < end {
            worker.roundTrip()
            let next = cl_monotonic_time()
            latencies.add(next - now)
            now = next
        }
        let units = worker.units - unitsBefore
        let cpu = worker.cpuTime - cpuBefore
        worker.stop()
        thread.join()
        if let failure = worker.failure { throw BackendFault.host("\(load.workload.rawValue) on the host", failure) }

        var measurement = Measurement()
        measurement.count(load, units: units, messages: 0, nanoseconds: now - begin, latencies)
        measurement.cpuMicroseconds = Double(cpu) / 1e3 / Double(units)
        return measurement
    }

    /// The thread's side; what both sides use is handed over by the eventfds.
    private final class Worker: @unchecked Sendable {
        private let operations: NativeOperations
        private let depth: Int
        private let kick: Descriptor
        private let call: Descriptor
        private let isStopped = Atomic<Bool>(false)
        private(set) var units: UInt64 = 0
        private(set) var cpuTime: UInt64 = 0
        private(set) var failure: Errno?

        init(_ operations: NativeOperations, depth: Int) throws(Errno) {
            self.operations = operations
            self.depth = depth
            kick = try Descriptor(result: cl_eventfd(0, false))
            call = try Descriptor(result: cl_eventfd(0, false))
        }

        func roundTrip() {
            _ = cl_eventfd_signal(kick.number)
            _ = cl_eventfd_wait(call.number)
        }

        func stop() {
            isStopped.store(true, ordering: .relaxed)
            _ = cl_eventfd_signal(kick.number)
        }

        func run() {
            var number: UInt64 = 0
            while cl_eventfd_wait(kick.number) == 0, !isStopped.load(ordering: .relaxed) {
                for _ in 0..<depth where failure == nil {
                    do throws(Errno) { units += UInt64(try operations.perform(number)) } catch { failure = error }
                    number += 1
                }
                cpuTime = cl_thread_cpu_time()
                _ = cl_eventfd_signal(call.number)
            }
        }
    }
}

/// The operations of a workload, as system calls.
private final class NativeOperations {
    private let workload: Workload
    private let order: BlockOrder
    private let directory: Descriptor
    private let file: Descriptor
    private let writtenFile: Descriptor
    private let smallFiles: Descriptor
    private let scratch: Descriptor
    private var walked: [SharedDescriptor] = []
    private let names: [String]
    private let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    private var isAway = false

    init(_ workload: Workload, _ tree: HostTree) throws(Errno) {
        self.workload = workload
        order = BlockOrder(workload, tree)
        directory = try tree.open("", flags: O_DIRECTORY)
        file = try tree.open(HostTree.readFile, flags: O_RDONLY)
        writtenFile = try tree.open(HostTree.writtenFile, flags: O_RDWR)
        smallFiles = try tree.open(HostTree.smallDirectory, flags: O_DIRECTORY)
        scratch = try tree.open(HostTree.scratchDirectory, flags: O_DIRECTORY)
        names = (0..<max(tree.extent.smallFiles, workload == .coldWalk ? tree.extent.walkedFiles : 0)).map {
            HostTree.name($0)
        }
        block.initializeMemory(as: UInt8.self, repeating: 0x5A)
        switch workload {
        case .coldWalk:
            for number in 0..<tree.walkedDirectories {
                let name = "\(HostTree.walkedDirectory)/\(HostTree.name(number))"
                walked.append(SharedDescriptor(try tree.open(name, flags: O_DIRECTORY)))
            }
        case .rename:
            _ = try tree.open("\(HostTree.scratchDirectory)/native-here", flags: O_CREAT | O_WRONLY, mode: 0o644)
        default: break
        }
    }

    deinit {
        block.deallocate()
        if workload == .rename {
            _ = cl_unlinkat(scratch.number, isAway ? "native-there" : "native-here", false)
        }
    }

    /// Does it once.
    ///
    /// - Returns: How many units that was.
    /// - Throws: What the host refused.
    func perform(_ number: UInt64) throws(Errno) -> Int {
        var attributes = cl_statx()
        guard let start = block.baseAddress else { throw .noMemory }
        switch workload {
        case .getattr:
            try checked(cl_statx(file.number, nil, &attributes))
        case .lookupHit:
            try checked(cl_statx(directory.number, HostTree.readFile, &attributes))
        case .lookupMiss:
            guard cl_statx(directory.number, "absent", &attributes) == -ENOENT else { throw .fileExists }
        case .coldWalk:
            let index = Int(number % UInt64(names.count))
            try checked(cl_statx(walked[index / HostTree.filesPerDirectory].number, names[index], &attributes))
        case .openReadClose:
            let name = names[Int(number % UInt64(names.count))]
            let opened = try Descriptor(result: cl_openat(smallFiles.number, name, O_RDONLY, 0))
            try expect(pread(opened.number, start, HostTree.pageSize, 0), HostTree.pageSize)
        case .createWriteUnlink:
            let created = try Descriptor(
                result: cl_openat(scratch.number, "native-created", O_CREAT | O_EXCL | O_RDWR, 0o644))
            try expect(pwrite(created.number, start, HostTree.pageSize, 0), HostTree.pageSize)
            _ = cl_close(created.release())
            try checked(cl_unlinkat(scratch.number, "native-created", false))
        case .rename:
            let (from, to) = isAway ? ("native-there", "native-here") : ("native-here", "native-there")
            try checked(cl_renameat2(scratch.number, from, scratch.number, to, 0))
            isAway.toggle()
        case .readdirplus:
            return try list()
        case .statfs:
            var status = cl_statfs()
            try checked(cl_fstatfs(file.number, &status))
        case .getxattr:
            try expect(
                cl_fgetxattr(file.number, HostTree.attributeName, start, 256), HostTree.attributeValue.count)
        case .seqread128k, .seqread1m, .randread4k:
            try expect(pread(file.number, start, order.blockSize, Int(order.offset(number))), order.blockSize)
        case .seqwrite128k, .seqwrite1m, .randwrite4k:
            try expect(pwrite(writtenFile.number, start, order.blockSize, Int(order.offset(number))), order.blockSize)
        }
        return 1
    }

    private func list() throws(Errno) -> Int {
        let opened = try Descriptor(
            result: cl_openat(directory.number, HostTree.listedDirectory, O_RDONLY | O_DIRECTORY, 0))
        guard let start = block.baseAddress else { throw .noMemory }
        var attributes = cl_statx()
        var entries = 0
        while true {
            let count = try checked(cl_getdents(opened.number, start, 32 << 10))
            if count == 0 { return entries }
            var position = 0
            while position < count {
                let record = start + position
                // struct linux_dirent64: the record's length at 16, the name at 19.
                let name = (record + 19).assumingMemoryBound(to: CChar.self)
                if name.pointee != CChar(bitPattern: UInt8(ascii: ".")) {
                    try checked(cl_statx(opened.number, name, &attributes))
                    entries += 1
                }
                position += Int(record.loadUnaligned(fromByteOffset: 16, as: UInt16.self))
            }
        }
    }

    private func expect(_ count: Int, _ wanted: Int) throws(Errno) {
        guard count == wanted else { throw count < 0 ? Errno(rawValue: errno) : .ioError }
    }
}
