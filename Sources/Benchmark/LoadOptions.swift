import ArgumentParser

/// What to drive backends with.
struct LoadOptions: ParsableArguments {
    @Option(name: .shortAndLong, parsing: .upToNextOption, help: "What to run (default: all).")
    var workload: [Workload] = Workload.allCases

    @Option(name: .shortAndLong, parsing: .upToNextOption, help: "Operations in flight on each queue, from 1 to 64.")
    var depth: [Int] = [1]

    @Option(name: .shortAndLong, help: "How long to measure each, in seconds.")
    var seconds = 1.0

    @Option(help: ArgumentHelp("Files of cold-walk.", valueName: "COUNT"))
    var walk = 100_000

    @Option(help: ArgumentHelp("Room of a reply to READDIRPLUS. Linux asks for 4096 up to 6.12.", valueName: "BYTES"))
    var listingRoom = 4096

    func validate() throws {
        guard depth.allSatisfy({ (1...64).contains($0) }), !depth.isEmpty else {
            throw ValidationError("--depth must lie between 1 and 64.")
        }
        guard seconds > 0, seconds <= 3600 else { throw ValidationError("--seconds must lie between 0 and 3600.") }
        guard (1...10_000_000).contains(walk) else { throw ValidationError("--walk must lie between 1 and 10000000.") }
        guard (4096...(1 << 20)).contains(listingRoom) else {
            throw ValidationError("--listing-room must lie between 4096 and 1048576.")
        }
    }

    /// The files that the workloads need.
    var extent: HostTree.Extent {
        var extent = HostTree.Extent()
        extent.walkedFiles = workload.contains(.coldWalk) ? walk : 0
        if !workload.contains(.readdirplus) { extent.listedFiles = 0 }
        return extent
    }

    /// Each workload at each depth.
    var loads: [Load] {
        workload.flatMap { workload in
            depth.map { Load(workload: workload, depth: $0, seconds: seconds, listingRoom: listingRoom) }
        }
    }
}

extension Workload: ExpressibleByArgument {}
extension SyncPlace: ExpressibleByArgument {}
