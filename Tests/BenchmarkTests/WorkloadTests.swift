import CLinux
import Frontend
import Glibc
import Linux
import SystemPackage
import Testing

@testable import Benchmark

@Suite struct WorkloadTests {
    @Test func givesFiguresOfEveryWorkload() throws {
        let fixture = try ServedTreeFixture()
        for workload in Workload.allCases {
            let measured = try fixture.session.measure(Load(workload: workload, depth: 4, seconds: 0.05))
            #expect(measured.units > 0)
            #expect(measured.rate > 0)
            #expect(measured.p50 > 0)
            #expect(measured.p99 >= measured.p50)
            #expect((measured.megabytesPerSecond != nil) == (workload.blockSize > 0))
            switch workload {
            case .openReadClose: #expect((3...4.1).contains(measured.messages))
            case .createWriteUnlink: #expect((5...6.1).contains(measured.messages))
            case .coldWalk: #expect(measured.messages == 2)
            case .readdirplus: #expect(measured.messages < 0.2)
            default: #expect(measured.messages == 1)
            }
        }
    }

    /// Which slots are free after a run is by chance: the next one must do with any.
    @Test func goesFromOneDepthToAnother() throws {
        let fixture = try ServedTreeFixture()
        for depth in [8, 1, 7, 2, 8, 1] {
            for workload in [Workload.getattr, .randread4k, .rename, .openReadClose] {
                #expect(try fixture.session.measure(Load(workload: workload, depth: depth, seconds: 0.01)).units > 0)
            }
        }
    }

    @Test func usesSeveralQueues() throws {
        let fixture = try ServedTreeFixture(queues: 3)
        for workload in [Workload.getattr, .coldWalk, .randread4k, .randwrite4k, .createWriteUnlink, .rename] {
            let kicks = fixture.session.clients.map(\.queue.kicks)
            let measured = try fixture.session.measure(Load(workload: workload, depth: 4, queues: 3, seconds: 0.05))
            #expect(measured.units >= 12)
            for (client, before) in zip(fixture.session.clients, kicks) { #expect(client.queue.kicks > before) }
        }
    }

    @Test func pollsWithoutWaitingForCalls() throws {
        let fixture = try ServedTreeFixture()
        let calls = fixture.session.clients[0].queue.calls
        _ = try fixture.session.measure(Load(workload: .getattr, isPolling: true, seconds: 0.05))
        #expect(fixture.session.clients[0].queue.calls == calls)
    }

    @Test(arguments: SyncPlace.allCases)
    func measuresBesideAFileThatIsSynced(_ place: SyncPlace) throws {
        let fixture = try ServedTreeFixture(hasSyncQueue: place == .otherQueue)
        let measured = try fixture.session.measure(Load(workload: .getattr, syncing: place, seconds: 0.05))
        #expect(measured.units > 0)
        #expect(measured.messages == 1)
        let left = names(in: FilePath("\(fixture.tree.path)/\(HostTree.scratchDirectory)"))
        #expect(left.isEmpty)
    }

    @Test func leavesNothingInTheTree() throws {
        let fixture = try ServedTreeFixture()
        for workload in [Workload.createWriteUnlink, .rename] {
            _ = try fixture.session.measure(Load(workload: workload, depth: 8, seconds: 0.02))
        }
        #expect(names(in: FilePath("\(fixture.tree.path)/\(HostTree.scratchDirectory)")).isEmpty)
        fixture.tree.remove()
        #expect(access(fixture.tree.path, F_OK) != 0)
    }

    // MARK: Wrong answers

    private func overwrite(_ tree: HostTree, _ name: String, at offset: Int) throws {
        let file = try tree.open(name, flags: O_WRONLY)
        #expect(pwrite(file.number, "wrong", 5, offset) == 5)
    }

    @Test(arguments: [Workload.seqread128k, .seqread1m, .randread4k])
    func givesNoNumberForAWrongPage(_ workload: Workload) throws {
        let fixture = try ServedTreeFixture { try self.overwrite($0, HostTree.readFile, at: 5 << 20) }
        #expect(throws: BackendFault.self) {
            try fixture.session.measure(Load(workload: workload, depth: 8, seconds: 5))
        }
    }

    @Test func givesNoNumberForAWrongSmallFile() throws {
        let fixture = try ServedTreeFixture {
            try self.overwrite($0, "\(HostTree.smallDirectory)/\(HostTree.name(3))", at: 0)
        }
        #expect(throws: BackendFault.self) {
            try fixture.session.measure(Load(workload: .openReadClose, seconds: 5))
        }
    }

    @Test(arguments: [Workload.readdirplus, .coldWalk])
    func givesNoNumberForAFileOfAnotherSize(_ workload: Workload) throws {
        let fixture = try ServedTreeFixture {
            let walked = "\(HostTree.walkedDirectory)/\(HostTree.name(1))/\(HostTree.name(1020))"
            for name in ["\(HostTree.listedDirectory)/\(HostTree.name(7))", walked] {
                let file = try $0.open(name, flags: O_WRONLY)
                try checked(cl_ftruncate(file.number, 5))
            }
        }
        #expect(throws: BackendFault.self) {
            try fixture.session.measure(Load(workload: workload, seconds: 0.05))
        }
    }

    @Test func givesNoNumberForAListingThatLacksAFile() throws {
        let fixture = try ServedTreeFixture {
            unlink("\($0.path)/\(HostTree.listedDirectory)/\(HostTree.name(7))")
        }
        #expect(throws: BackendFault.self) {
            try fixture.session.measure(Load(workload: .readdirplus, seconds: 0.05))
        }
    }

    @Test func givesNoNumberForAnAbsentNameThatIsThere() throws {
        let fixture = try ServedTreeFixture { _ = try $0.open("absent", flags: O_CREAT | O_WRONLY, mode: 0o644) }
        #expect(throws: BackendFault.self) {
            try fixture.session.measure(Load(workload: .lookupMiss, seconds: 0.05))
        }
    }

    @Test func seesThatAWriteIsNotInTheHostsFile() throws {
        let fixture = try ServedTreeFixture()
        var job = try WriteJob(
            .seqwrite128k, fixture.session.tree, fixture.session.clients[0], stamp: Stamp(salt: 1))
        let client = fixture.session.clients[0]
        let slot = try #require(client.acquire())
        #expect(try job.begin(client, slot: slot, number: 0))
        client.queue.publish()
        #expect(try job.proceed(client, client.complete()) == 1)
        client.release(slot)
        try overwrite(fixture.tree, HostTree.writtenFile, at: 8192)
        #expect(throws: BackendFault.self) { try job.settle(client, fixture.session.forgetter) }
    }

    // MARK: The host itself

    @Test func measuresTheSameOperationsOnTheHost() throws {
        let directory = try WorkDirectory(in: "/tmp")
        let tree = try HostTree(at: "\(directory.path)/tree", extent: ServedTreeFixture.smallExtent)
        for workload in Workload.allCases {
            let measured = try NativeLimit(tree).measure(Load(workload: workload, depth: 4, seconds: 0.02))
            #expect(measured.units >= 4)
            #expect(try #require(measured.cpuMicroseconds) > 0)
        }
        #expect(names(in: FilePath("\(tree.path)/\(HostTree.scratchDirectory)")).isEmpty)
    }
}
