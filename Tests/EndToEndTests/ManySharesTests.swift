import Foundation
import Testing

extension LiveBoots {
    @Suite(.serialized) struct ManySharesTests {
        @Test func addsUsesAndRemovesAThousandShares() async throws {
            let count = 1000
            let guest = try await LiveGuest()
            for number in 0..<count {
                _ = try guest.scratch.directory("s/\(number)")
                try guest.scratch.write("s/\(number)/file", "\(number)\n")
            }
            // The device is there before, so that all is after as it was.
            let first = try guest.scratch.directory("first")
            #expect(try await guest.sheaf("share", "add", "\(first):/first").status == 0)
            let before = try await guest.traces()

            let adding = ContinuousClock.now
            let added = try pipelined(count, "share.add", in: guest) { number in
                ["source": guest.scratch.path("s/\(number)"), "target": "/mnt/\(number)", "timeout": 120]
            }
            print(
                "\(count) adds at once: \(ContinuousClock.now - adding),",
                "host \(summary(added, "hostMilliseconds")), guest \(summary(added, "milliseconds"))")
            #expect(try await guest.shares.filter { $0.hasSuffix(" rw mounted") }.count == count + 1)
            let listed = try await guest.sheaf("share", "ls", "-q")
            #expect(listed.text.split(separator: "\n").count == count + 2)

            let sum = try await guest.ask(
                "s=0; for n in $(seq 0 \(count - 1)); do read x < /mnt/$n/file; s=$((s + x)); done; echo $s", limit: 180
            )
            #expect(sum == "\(count * (count - 1) / 2)")
            let held = guest.descriptors.values.reduce(0, +) - before.descriptors.values.reduce(0, +)
            print("descriptors that \(count) shares in use take: \(held)")

            let removing = ContinuousClock.now
            let removed = try pipelined(count, "share.remove", in: guest) { ["share": "/mnt/\($0)", "timeout": 120] }
            print("\(count) removals at once: \(ContinuousClock.now - removing)")
            #expect(removed.allSatisfy { $0["isGone"] as? Bool == true })
            let after = try await guest.settles(to: before)
            #expect(after == before)
            #expect(try await guest.end().status == 0)
        }

        /// Sends so many requests, and then takes their answers, all of which are to be results.
        private func pipelined(
            _ count: Int, _ method: String, in guest: LiveGuest, params: (Int) -> [String: Any]
        ) throws -> [[String: Any]] {
            let socket = try ControlSocket(guest.socket)
            for number in 0..<count { try socket.send(number, method, params(number)) }
            let end = ContinuousClock.now + .seconds(240)
            return try (0..<count).map { _ in
                try #require(ContinuousClock.now < end)
                let answer = try socket.answer(within: 60)
                return try #require(answer.result, "\(answer.error ?? [:])")
            }
        }

        private func summary(_ results: [[String: Any]], _ key: String) -> String {
            let sorted = results.compactMap { $0[key] as? Double }.sorted()
            func percentile(_ share: Double) -> Double {
                sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
            }
            return "p50 \(percentile(0.5)) ms, p95 \(percentile(0.95)) ms, last \(sorted.last ?? .nan) ms"
        }
    }
}
