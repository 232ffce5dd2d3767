/// How a request is cut into descriptors. A device must not care (virtio 1.2, 2.6.4).
public struct ChainLayout: Sendable {
    /// The chain lies in an indirect table, where that was negotiated.
    public var isIndirect: Bool
    /// The most bytes of header and arguments in one descriptor.
    public var headerPiece: Int
    /// The most bytes of data in one descriptor.
    public var dataPiece: Int

    /// Makes a layout.
    public init(isIndirect: Bool, headerPiece: Int, dataPiece: Int) {
        self.isIndirect = isIndirect
        self.headerPiece = headerPiece
        self.dataPiece = dataPiece
    }

    /// As Linux does it: the header, the arguments, and one descriptor a page.
    public static let linux = ChainLayout(isIndirect: true, headerPiece: .max, dataPiece: 4096)
    /// The same without an indirect table.
    public static let direct = ChainLayout(isIndirect: false, headerPiece: .max, dataPiece: 4096)
    /// Everything in descriptors of one byte.
    public static let bytewise = ChainLayout(isIndirect: true, headerPiece: 1, dataPiece: 1)
}
