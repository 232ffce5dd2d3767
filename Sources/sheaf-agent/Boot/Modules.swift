import CAgent

/// The kernel modules that the initramfs holds.
enum Modules {
    private static let directory: Text = "/lib/modules/sheaf"
    /// `MODULE_INIT_COMPRESSED_FILE` of finit_module(2), which musl's headers do not have.
    private static let isCompressed: Int32 = 4

    /// Loads them in the order that the file `order` says, one path a line.
    ///
    /// One that fails is logged and no more: the kernel may well do without it, and what is really missing fails by
    /// its own name soon enough.
    static func load() {
        guard let order = try? Files.content(of: "\(directory)/order") else { return }
        for line in order.split(separator: 0x0a) {
            let path: Text = "\(directory)/\([UInt8](line))"
            do throws(Errno) {
                try load(path)
                // It is the kernel's now; the copy in the initramfs only takes memory.
                try Files.remove(path)
            } catch .fileExists {
                // Loaded already, or built in.
            } catch {
                Console.log("cannot load module \(path): \(error)")
            }
        }
    }

    private static func load(_ path: Text) throws(Errno) {
        let file = try Descriptor(opening: path, O_RDONLY)
        try unwrapped(agent_load_module(file.number, path.hasSuffix(".ko") ? 0 : isCompressed))
    }
}
