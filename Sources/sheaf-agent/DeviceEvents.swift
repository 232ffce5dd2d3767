import CAgent

/// The kernel's news of devices. What counts is a virtio-fs device that has got its driver back, as after a reload of that.
struct DeviceEvents {
    private let socket: Descriptor

    /// Listens from now on; nil where the kernel does not tell.
    init?() {
        let number = agent_open_device_events()
        guard number >= 0 else { return nil }
        socket = Descriptor(owning: number)
    }

    /// The socket, to be watched.
    var descriptor: Int32 { socket.number }

    /// Takes all news that there are; whether a virtio-fs device may have got its driver.
    func takeAll() -> Bool {
        var isBound = false
        var news = [UInt8](repeating: 0, count: 8192)
        while true {
            do throws(Errno) {
                let count = try news.withUnsafeMutableBufferPointer { (bytes) throws(Errno) in
                    try socket.read(into: UnsafeMutableRawBufferPointer(bytes))
                }
                guard count > 0 else { return isBound }
                let fields = news[..<count].split(separator: 0)
                let isBinding = fields.first.map { Text([UInt8]($0)).hasPrefix("bind@") } ?? false
                if isBinding, fields.contains(where: { Text([UInt8]($0)) == "DRIVER=virtiofs" }) { isBound = true }
            } catch .wouldBlock {
                return isBound
            } catch {
                // There were more than the kernel keeps for us.
                return true
            }
        }
    }
}
