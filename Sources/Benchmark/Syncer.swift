import FUSE
import Frontend
import Linux
import Synchronization
import SystemPackage

/// Where a file is written and synced beside what is measured.
enum SyncPlace: String, CaseIterable, Codable, Sendable {
    case sameQueue = "same-queue"
    case otherQueue = "other-queue"
}

/// Writes a page of a file and syncs it, again and again: what a measurement must not be slowed down by.
struct Syncer {
    private static let name: FileName = "synced"

    private let file: NodeID
    private let handle: HandleID
    private var isWritten = false
    /// How many times the file was synced.
    private(set) var syncs: UInt64 = 0

    /// Makes the file.
    ///
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    init(_ client: FuseClient, in directory: NodeID) throws {
        let created = try client.create(directory, Self.name)
        file = created.entry.node
        handle = created.open.handle
    }

    /// Puts the next request into the ring.
    mutating func submit(_ client: FuseClient, slot: Int) throws(BackendFault) {
        let handle = handle
        isWritten.toggle()
        guard isWritten else {
            syncs += 1
            return try client.submit(slot, opcode: .fsync, node: file, reply: .empty) { request in
                request.append(FsyncIn { $0.handle = handle })
            }
        }
        try client.submit(
            slot, opcode: .write, node: file, reply: .exactly(WriteOut.byteCount), dataCount: HostTree.pageSize
        ) { request in
            request.append(
                WriteIn {
                    $0.handle = handle
                    $0.size = UInt32(HostTree.pageSize)
                })
        }
    }

    /// Removes the file.
    ///
    /// - Throws: The server's `Errno`, or a `BackendFault`.
    func remove(_ client: FuseClient, from directory: NodeID) throws {
        try client.release(file, handle)
        try client.unlink(directory, Self.name)
    }
}

/// A syncer on a queue and a thread of its own.
final class SyncerThread: Sendable {
    private let isStopped = Atomic<Bool>(false)
    private let thread = Mutex<Thread?>(nil)

    /// Starts the thread.
    ///
    /// - Throws: The server's `Errno`, or a `BackendFault`; what pthread_create(3) failed with.
    init(_ client: FuseClient, in directory: NodeID) throws {
        nonisolated(unsafe) var syncer = try Syncer(client, in: directory)
        let thread = try Thread(name: "syncer") { [self] in
            while !isStopped.load(ordering: .relaxed), let slot = client.acquire() {
                guard (try? syncer.submit(client, slot: slot)) != nil else { return }
                client.queue.publish()
                guard (try? client.complete()) != nil else { return }
                client.release(slot)
            }
            try? syncer.remove(client, from: directory)
        }
        self.thread.withLock { $0 = thread }
    }

    /// Ends it and removes its file.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        thread.withLock { $0.take() }?.join()
    }
}
