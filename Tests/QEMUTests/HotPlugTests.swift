import CLinux
import EventLoop
import FileService
import Linux
import Logging
import QEMU
import ShareHost
import Testing

import enum ShareHost.Bucket

/// The QEMU of this machine, if there is one.
private let installed = try? QEMUProgram.find()

/// Devices that are plugged into a real QEMU, whose guest has not begun to run.
@Suite(.enabled(if: installed != nil, "needs an installed QEMU")) struct HotPlugTests {
    /// A QEMU with two free ports, and a backend for its device.
    private final class Scene {
        let loop = EventLoop()
        let device: FileSystemDevice
        let monitor: QMPClient
        private let host = ShareHost(log: Logger(label: "test"))
        private var process: QEMUProcess?

        init() throws {
            let program = try #require(installed)
            device = try host.makeDevice(for: .readWrite, requestQueues: 2)
            let pair = try SocketPair()
            var inherited = InheritedDescriptors()
            var hardware = Hardware(
                name: "plug", accelerator: .tcg, cpus: 1, memory: 64 << 20, kernel: "/dev/null", initramfs: nil,
                kernelCommandLine: "", console: .file(path: "/dev/null"))
            hardware.monitor = inherited.add(pair.far.number)
            hardware.reservedPorts = 2
            var line = hardware.commandLine(for: program.version(rememberedIn: nil))
            line.remove("-kernel")
            line.remove("-append")
            monitor = try QMPClient(owning: pair.near, on: loop)
            process = try QEMUProcess(program, line, inheriting: inherited, on: loop) { _ in }
            _ = consume pair.far
        }

        /// Runs the loop until something has an answer.
        func wait<Value>(_ begin: (@escaping (Value) -> Void) -> Void) -> Value? {
            var value: Value?
            let limit = loop.after(.seconds(60)) { [unowned self] in
                Issue.record("QEMU does not answer")
                loop.stop()
            }
            begin {
                value = $0
                self.loop.stop()
            }
            loop.run()
            limit.cancel()
            return value
        }

        func plug(port: Int = 0, into socket: SharedDescriptor) -> Result<Void, QMPError>? {
            wait {
                HotPlug(tag: "sheaf-rw", requestQueues: 2, port: port).perform(
                    by: monitor, socket: socket, completion: $0)
            }
        }

        /// QEMU's end of a socket whose other end the device serves.
        func served() throws -> SharedDescriptor {
            let pair = try SocketPair()
            try device.serve(pair.near)
            return SharedDescriptor(pair.far)
        }

        /// The character devices that QEMU has for devices that were plugged in.
        var characters: [String] {
            let answer: QMPClient.Answer? = wait { monitor.execute("query-chardev", completion: $0) }
            return Self.elements(answer).compactMap { $0["label"]?.text }.filter { $0.hasPrefix("chardev-") }
        }

        /// The ids of devices that were plugged in.
        var devices: [String] {
            let answer: QMPClient.Answer? = wait {
                monitor.execute("qom-list", ["path": "/machine/peripheral"], completion: $0)
            }
            return Self.elements(answer).compactMap { $0["name"]?.text }.filter { $0.hasPrefix("device-") }
        }

        private static func elements(_ answer: QMPClient.Answer?) -> [JSONValue] {
            guard case .success(.array(let elements)) = answer else { return [] }
            return elements
        }

        func end() {
            let _: QMPClient.Answer? = wait { monitor.execute("quit", completion: $0) }
            host.stop()
        }
    }

    @Test func plugsADeviceIn() throws {
        let scene = try Scene()
        defer { scene.end() }

        let result = scene.plug(into: try scene.served())

        #expect(throws: Never.self) { try result?.get() }
        #expect(scene.characters == ["chardev-sheaf-rw"])
        #expect(scene.devices == ["device-sheaf-rw"])
        #expect(scene.device.isServing)
    }

    @Test func leavesNothingOfADeviceWhoseBackendIsGone() throws {
        let scene = try Scene()
        defer { scene.end() }
        let pair = try SocketPair()
        let far = SharedDescriptor(pair.far)
        _ = consume pair.near

        let result = scene.plug(into: far)

        #expect(throws: QMPError.self) { try result?.get() }
        #expect(scene.characters == [])
        #expect(scene.devices == [])
        // And the next try works, with the same names.
        let next = scene.plug(into: try scene.served())
        #expect(throws: Never.self) { try next?.get() }
        #expect(scene.devices == ["device-sheaf-rw"])
    }

    @Test func leavesNothingOfADeviceForAPortThatIsNotThere() throws {
        let scene = try Scene()
        defer { scene.end() }

        let result = scene.plug(port: 7, into: try scene.served())

        #expect(throws: QMPError.self) { try result?.get() }
        #expect(scene.characters == [])
        scene.device.stop()
        let next = scene.plug(port: 1, into: try scene.served())
        #expect(throws: Never.self) { try next?.get() }
    }

    @Test func leavesTheFirstOfTwoOfOneName() throws {
        let scene = try Scene()
        defer { scene.end() }
        let first = scene.plug(into: try scene.served())
        #expect(throws: Never.self) { try first?.get() }
        let pair = try SocketPair()

        let second = scene.plug(port: 1, into: SharedDescriptor(pair.far))

        #expect(throws: QMPError.self) { try second?.get() }
        #expect(scene.characters == ["chardev-sheaf-rw"])
        #expect(scene.device.isServing)
    }

    @Test func tellsOfAQEMUThatIsGone() throws {
        let scene = try Scene()
        let socket = try scene.served()
        scene.monitor.close()

        let result = scene.plug(into: socket)

        #expect(throws: QMPError.disconnected) { try result?.get() }
        scene.device.stop()
    }
}
