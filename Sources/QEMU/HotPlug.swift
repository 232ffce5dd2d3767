public import Linux

/// An aggregate's device that is plugged into a running machine. QEMU QMP Reference Manual: `getfd`, `chardev-add`,
/// `device_add`.
public struct HotPlug: Sendable {
    /// What the guest mounts it by; the ids of device and character device are made of it.
    public var tag: String
    /// Request queues, besides the one for high priority.
    public var requestQueues: Int
    /// Which reserved port it goes into.
    public var port: Int

    /// A device for a port.
    public init(tag: String, requestQueues: Int, port: Int) {
        self.tag = tag
        self.requestQueues = requestQueues
        self.port = port
    }

    /// Plugs it in. The guest's kernel finds it a moment later.
    ///
    /// - Parameters:
    ///   - monitor: QEMU's.
    ///   - socket: QEMU's end of the vhost-user socket; the backend at its other end must be served, for QEMU talks to it
    ///     before it answers.
    ///   - completion: Called once. After a failure nothing of the device is left in QEMU.
    public func perform(
        by monitor: QMPClient, socket: SharedDescriptor, completion: @escaping (Result<Void, QMPError>) -> Void
    ) {
        let name = "socket-\(tag)"
        let character = "chardev-\(tag)"
        monitor.execute("getfd", ["fdname": .string(name)], passing: [socket]) { answer in
            if case .failure(let error) = answer { return completion(.failure(error)) }
            monitor.execute("chardev-add", addition(of: character, socket: name)) { answer in
                if case .failure(let error) = answer {
                    monitor.execute("closefd", ["fdname": .string(name)])
                    return completion(.failure(error))
                }
                monitor.execute("device_add", device(on: character)) { answer in
                    if case .failure(let error) = answer {
                        monitor.execute("chardev-remove", ["id": .string(character)])
                        return completion(.failure(error))
                    }
                    completion(.success(()))
                }
            }
        }
    }

    private func addition(of character: String, socket: String) -> [String: JSONValue] {
        [
            "id": .string(character),
            "backend": [
                "type": "socket",
                "data": ["addr": ["type": "fd", "data": ["str": .string(socket)]], "server": false],
            ],
        ]
    }

    private func device(on character: String) -> [String: JSONValue] {
        [
            "driver": .string(Hardware.fileSystemDriver), "id": .string("device-\(tag)"),
            "bus": .string(Hardware.reservedPortID(port)), "chardev": .string(character), "tag": .string(tag),
            "queue-size": .integer(Int64(Hardware.fileSystemQueueSize)),
            "num-request-queues": .integer(Int64(requestQueues)),
        ]
    }
}
