import Control
import Testing

@testable import Commands

@Suite struct StatusViewTests {
    /// Five seconds of work on three shares, one of which has failed.
    private var sample: RatedStatus {
        let failure = ShareActivity.Failure(errno: "ENOSPC", operation: "write", time: 1000)
        let earlier = MachineStatus.example(shares: [
            .example("/home/user/src/a/long/way/down/project"), .example("/data/日本語のフォルダ", subname: "photos"),
            .example("/models", access: "ro"),
        ])
        var later = earlier
        later.uptime += 5
        later.shares[0].activity = ShareActivity(
            requests: 60_000, bytesRead: 5 * 1536 * 1024, bytesWritten: 5000, openHandles: 3, liveInodes: 1200)
        later.shares[1].targets = [
            ShareStatus.Target(path: "/photos", state: .mounted), ShareStatus.Target(path: "/copy", state: .gone),
        ]
        later.shares[1].activity = ShareActivity(requests: 16, errors: 2, lastError: failure)
        return RatedStatus(later, after: earlier, at: 1200)
    }

    private func text(_ sample: RatedStatus, columns: Int?) -> String {
        StatusView(sample, columns: columns).lines.map(\.text).joined(separator: "\n")
    }

    @Test func showsWhatMattersAtEightyColumns() {
        #expect(
            text(sample, columns: 80) == """
                dev  running  up 3m12s  kvm  4 CPUs  2048 MiB  pid 4242  QEMU 4243
                  kernel 6.12.48  /boot/vmlinuz
                sheaf-ro  from boot    connected      4 queues  1 share
                sheaf-rw  hot-plugged  not connected  1 queue   2 shares

                TARGET                 ACCESS  STATE     REQ/S  READ/S  WRITE/S  LAST ERROR
                …ong/way/down/project  rw      mounted     12k    1.5M     1.0K  -
                /photos                rw      mounted     3.2       0        0  ENOSPC write 3m
                /copy                          gone
                /models                ro      mounted       0       0        0  -
                """)
    }

    @Test func showsMoreAtMoreColumns() {
        let lines = StatusView(sample, columns: 120).lines.map(\.text)

        #expect(
            lines[0]
                == "dev  running  up 3m12s  kvm  4 CPUs  2048 MiB  pid 4242  QEMU 4243  kernel 6.12.48  /boot/vmlinuz")
        #expect(
            lines.dropFirst(4).joined(separator: "\n") == """
                TARGET                      SOURCE                      ACCESS  STATE     REQ/S  READ/S  WRITE/S   OPEN  LAST ERROR
                …c/a/long/way/down/project  …c/a/long/way/down/project  rw      mounted     12k    1.5M     1.0K      3  -
                /photos                     /data/日本語のフォルダ      rw      mounted     3.2       0        0      0  ENOSPC write 3m
                /copy                                                           gone
                /models                     /models                     ro      mounted       0       0        0      0  -
                """)
    }

    @Test func showsAllWhereThereIsNoTerminal() {
        let lines = StatusView(sample, columns: nil).lines.map(\.text)

        #expect(
            lines[4].split(separator: " ").joined(separator: " ")
                == "TARGET SOURCE NAME ACCESS STATE REQ/S READ/S WRITE/S OPEN INODES REQS READ WRITTEN ERRORS LAST ERROR"
        )
        #expect(
            lines[5].split(separator: " ").joined(separator: " ")
                == "/home/user/src/a/long/way/down/project /home/user/src/a/long/way/down/project "
                + "0123456789abcdef0123456789abcdef rw mounted 12k 1.5M 1.0K 3 1200 60k 7.5M 4.9K 0 -")
    }

    @Test func showsNamesWhereTheGuestMountsTheDeviceByItself() {
        var status = MachineStatus.example(
            name: "fs", shares: [.example("/src", subname: "src", targets: []), .example("/models", targets: [])])
        (status.state, status.qemuPid, status.kernelRelease, status.kernel) = (.serving, nil, nil, nil)
        (status.accelerator, status.cpus, status.memoryMiB) = (nil, nil, nil)

        #expect(
            text(RatedStatus(status, after: nil, at: 0), columns: 80) == """
                fs  serving  up 3m07s  pid 4242
                sheaf-ro  from boot    connected      4 queues  1 share
                sheaf-rw  hot-plugged  not connected  1 queue   1 share

                SOURCE   NAME                              ACCESS   REQ/S  READ/S  WRITE/S
                /src     src                               rw           -       -        -
                /models  0123456789abcdef0123456789abcdef  rw           -       -        -
                """)
    }

    @Test func showsNoTableWithoutShares() {
        #expect(
            text(RatedStatus(.example(shares: []), after: nil, at: 0), columns: 200)
                == "dev  running  up 3m07s  kvm  4 CPUs  2048 MiB  pid 4242  QEMU 4243  kernel 6.12.48  /boot/vmlinuz")
    }

    @Test(arguments: 1...130)
    func fitsEveryWidth(columns: Int) {
        let screen = StatusView(sample, columns: columns).screen(height: 24, firstRow: 0)

        for line in screen.lines { #expect(line.text.terminalColumns <= columns) }
    }

    @Test(arguments: 1...30)
    func fitsEveryHeight(height: Int) {
        let screen = StatusView(sample, columns: 80).screen(height: height, firstRow: 0)

        #expect(screen.lines.count <= height)
        if height >= 5 { #expect(screen.lines.contains { $0.text.contains("project") }) }
    }

    @Test func colourIsForHeadingsAndErrorsAlone() {
        let lines = StatusView(sample, columns: 80).lines.map { $0.rendered(isStyled: true) }

        #expect(lines[0].hasPrefix("\u{1b}[1mdev\u{1b}[0m  running"))
        #expect(lines[5].hasPrefix("\u{1b}[1mTARGET"))
        #expect(lines[7].hasSuffix("\u{1b}[31mENOSPC write 3m\u{1b}[0m"))
        #expect(!lines[6].contains("\u{1b}[1m"))
    }

    // MARK: - A screen

    /// Thirty shares, of which the last are the busiest.
    private var many: RatedStatus {
        let earlier = MachineStatus.example(
            shares: (0..<30).map { .example("/share/\($0)", subname: "s\($0)") })
        var later = earlier
        later.uptime += 1
        for index in 0..<30 { later.shares[index].activity.requests = UInt64(index / 10) }
        return RatedStatus(later, after: earlier, at: 0)
    }

    private func targets(_ screen: StatusView.Screen) -> [String] {
        screen.lines.compactMap { line in
            line.text.hasPrefix("/share/") ? String(line.text.prefix { $0 != " " }.dropFirst(7)) : nil
        }
    }

    @Test func keepsTheOrderWhereAllFit() {
        let screen = StatusView(many, columns: 80).screen(height: 40, firstRow: 5)

        #expect(targets(screen) == (0..<30).map(String.init))
        #expect(screen.firstRow == 0)
        #expect(screen.lines.last?.text == "q quits")
    }

    @Test func showsTheBusiestFirstWhereNotAllFit() {
        let view = StatusView(many, columns: 80)

        let first = view.screen(height: 20, firstRow: -3)
        let next = view.screen(height: 20, firstRow: 5)
        let last = view.screen(height: 20, firstRow: 1000)

        #expect(targets(first) == ["20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "10", "11", "12"])
        #expect(targets(next).prefix(6) == ["25", "26", "27", "28", "29", "10"])
        #expect(targets(last) == ["17", "18", "19", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
        #expect((first.firstRow, next.firstRow, last.firstRow) == (0, 5, 17))
        #expect(first.rowCount == 13)
        #expect(first.lines.count == 20)
        #expect(
            first.lines.last?.text
                == "17 of 30 shares not shown, busiest first; arrows, PgUp, PgDn scroll; q quits")
    }

    @Test func saysWhatIsWrongInTheLastLine() {
        let screen = StatusView(many, columns: 80).screen(height: 20, firstRow: 0, trouble: "the VM does not answer")

        #expect(screen.lines.last == StyledLine("the VM does not answer", .alarming))
    }

    @Test func drawsAFrameWithoutErasingItsOwnText() {
        let frame = StatusWatch.frame(
            [StyledLine("full"), StyledLine("x", .bold)], on: WindowSize(rows: 3, columns: 4), isStyled: true)
        let whole = StatusWatch.frame([StyledLine("a")], on: WindowSize(rows: 1, columns: 4), isStyled: false)

        #expect(frame == "\u{1b}[Hfull\r\n\u{1b}[1mx\u{1b}[0m\u{1b}[K\r\n\u{1b}[J")
        #expect(whole == "\u{1b}[Ha\u{1b}[K")
    }
}
