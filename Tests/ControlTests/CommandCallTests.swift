import CLinux
import Control
import Glibc
import Linux
import SystemPackage
import TestSupport
import Testing

/// What the server does for `exec`: descriptors, notices, clients that leave.
@Suite struct CommandCallTests {
    private let exec =
        #"{"id":1,"method":"exec","params":{"arguments":["a"],"environment":[],"hasTerminal":false,"#
        + #""rows":0,"columns":0}}"#

    /// A server that answers a command with the number of its descriptors, and writes into the second.
    private func counting() throws -> ServedMachine {
        try ServedMachine { call in
            guard case .execute = call.request else { return call.answer(.success(.status(ServedMachine.status))) }
            let descriptors = call.takeDescriptors()
            if descriptors.count > 1 { _ = cl_write_available(descriptors[1].number, 3, "x", 1) }
            call.answer(.success(.ended(EndedCommand(exited: UInt8(descriptors.count)))))
        }
    }

    /// What is read from a pipe until its last writer has closed it, or that nobody did.
    private func read(_ end: borrowing Descriptor) -> String {
        var text = ""
        while true {
            var entry = pollfd(fd: end.number, events: Int16(POLLIN), revents: 0)
            guard cl_poll(&entry, 1, 20_000) == 1 else { return text + "…" }
            var byte: UInt8 = 0
            guard cl_read_available(end.number, 3, &byte, 1) == 1 else { return text }
            text.unicodeScalars.append(Unicode.Scalar(byte))
        }
    }

    @Test(arguments: [[0], [1], [40], []])
    func handsACommandTheDescriptorsOfItsLine(cuts: [Int]) throws {
        let server = try counting()
        let client = try RawClient(server.path)
        let pipe = try Pipe()
        let writing = pipe.writingEnd.release()

        // Other requests before it, and the line itself in parts.
        client.send(#"{"id":0,"method":"status"}"#)
        let line = exec + "\n"
        let cut = line.index(line.startIndex, offsetBy: cuts.first ?? line.count)
        if cut > line.startIndex {
            client.sendBytes(String(line[..<cut]), passing: [writing, writing, writing])
            client.sendBytes(Array(line[cut...].utf8))
        } else {
            client.sendBytes(line, passing: [writing, writing, writing])
        }
        _ = cl_close(writing)

        _ = client.line()
        #expect(client.line().hasPrefix(#"{"id":0,"#))
        #expect(client.line() == #"{"id":1,"result":{"exited":3}}"#)
        #expect(read(pipe.readingEnd) == "x")
    }

    @Test func closesDescriptorsThatComeWithAnythingElse() throws {
        let server = try counting()
        let client = try RawClient(server.path)
        let pipe = try Pipe()
        let writing = pipe.writingEnd.release()

        client.sendBytes(#"{"id":0,"method":"status"}"# + "\n", passing: [writing])
        _ = cl_close(writing)

        #expect(read(pipe.readingEnd) == "")
        client.send(exec)
        _ = (client.line(), client.line())
        #expect(client.line() == #"{"id":1,"result":{"exited":0}}"#)
    }

    @Test func letsNoClientPileUpDescriptors() throws {
        let server = try counting()
        let client = try RawClient(server.path)
        let pipe = try Pipe()
        let writing = pipe.writingEnd.release()

        client.sendBytes("{", passing: [writing, writing, writing])
        client.sendBytes(" ", passing: [writing])
        _ = cl_close(writing)

        _ = client.line()
        #expect(client.line().hasPrefix(#"{"error":{"code":"invalid-request","#))
        #expect(client.line() == "")
        #expect(read(pipe.readingEnd) == "")
    }

    @Test func passesNoticesToTheCommandTheyAreFor() throws {
        let server = try ServedMachine { call in
            call.onNotice = { notice in
                if case .resize(let rows, let columns) = notice {
                    #expect((rows, columns) == (33, 101))
                    return
                }
                #expect(notice == .signal(15))
                call.answer(.success(.ended(EndedCommand(signaled: 15))))
            }
        }
        let client = try RawClient(server.path)

        client.send(
            exec, #"{"id":2,"method":"exec.resize","params":{"exec":1,"rows":33,"columns":101}}"#,
            #"{"id":3,"method":"exec.signal","params":{"exec":9,"signal":15}}"#,
            #"{"id":4,"method":"exec.signal","params":{"exec":1,"signal":65}}"#,
            #"{"id":5,"method":"exec.signal","params":{"exec":1,"signal":15}}"#,
            #"{"id":6,"method":"exec.signal","params":{"exec":1,"signal":15}}"#)

        _ = client.line()
        #expect(client.line() == #"{"id":2,"result":{}}"#)
        #expect(client.line().hasPrefix(#"{"error":{"code":"invalid-request","#))
        #expect(client.line().hasPrefix(#"{"error":{"code":"invalid-request","#))
        #expect(client.line() == #"{"id":1,"result":{"signaled":15}}"#)
        #expect(client.line() == #"{"id":5,"result":{}}"#)
        #expect(client.line().hasSuffix(#""id":6}"#))
    }

    @Test func tellsThatAClientHasGoneWhoseCommandRuns() throws {
        let gone = try Descriptor(result: cl_eventfd(0, false))
        let number = gone.number
        let server = try ServedMachine { call in call.onAbandoned = { _ = cl_eventfd_signal(number) } }
        var client: RawClient? = try RawClient(server.path)

        client?.send(exec)
        client = nil

        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        #expect(cl_poll(&entry, 1, 20_000) == 1)
    }

    @Test func waitsWithAClientThatOnlyEndsItsWriting() throws {
        let gone = try Descriptor(result: cl_eventfd(0, true))
        let number = gone.number
        let server = try ServedMachine { call in
            call.onAbandoned = { _ = cl_eventfd_signal(number) }
            if case .status = call.request { call.answer(.success(.status(ServedMachine.status))) }
        }
        let client = try RawClient(server.path)

        client.send(exec, #"{"id":2,"method":"status"}"#)
        client.endWriting()

        _ = client.line()
        #expect(client.line().hasPrefix(#"{"id":2,"#))
        #expect(try server.connect().status() == ServedMachine.status)
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        #expect(cl_poll(&entry, 1, 50) == 0)
        withExtendedLifetime(client) {}
    }
}
