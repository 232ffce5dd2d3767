/// A fixed-size structure of the FUSE protocol, laid out in memory exactly as on the wire.
///
/// Conforming types are frozen structs of fixed-width integers in the order of the kernel's `<linux/fuse.h>`; both sides of
/// a virtio-fs device are little-endian. Every field starts at zero, which is what the protocol asks of unused ones.
public protocol WireStructure: BitwiseCopyable, Sendable {
    /// Makes a structure of zeroes.
    init()
}

extension WireStructure {
    /// Makes a structure from zeroes and what `fill` sets.
    @inlinable
    public init(_ fill: (inout Self) -> Void) {
        self.init()
        fill(&self)
    }

    /// How many bytes the structure takes on the wire.
    @inlinable
    public static var byteCount: Int { MemoryLayout<Self>.size }

    /// Copies a structure out of `bytes`, at any alignment.
    ///
    /// - Returns: Nil when fewer than `byteCount` bytes follow `offset`.
    @inlinable
    public init?(copying bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        guard offset >= 0, bytes.count >= Self.byteCount, offset <= bytes.count - Self.byteCount else { return nil }
        self = bytes.loadUnaligned(fromByteOffset: offset, as: Self.self)
    }

    /// Lends the structure's bytes.
    @inlinable
    public func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        withUnsafeBytes(of: self) { body($0) }
    }
}
