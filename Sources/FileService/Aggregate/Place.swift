internal import FUSE
import Glibc

/// Where a node was found last: a name in a directory. Never changed, so that whoever has got it may use it without a lock.
///
/// One allocation, the name with a NUL behind the header: there is one of these for every inode the guest knows.
final class Place: ManagedBuffer<PlaceHeader, CChar> {
    /// Makes a place. The name is one component without a NUL.
    static func make(_ name: UnsafeRawBufferPointer, in parent: Node) -> Place {
        let buffer = Place.create(minimumCapacity: name.count + 1) { _ in
            PlaceHeader(parent: parent, count: UInt16(truncatingIfNeeded: name.count))
        }
        // SAFETY: `create` makes an object of the class it is called on.
        let place = unsafeDowncast(buffer, to: Place.self)
        place.withUnsafeMutablePointerToElements { bytes in
            if let start = name.baseAddress { memcpy(bytes, start, name.count) }
            bytes[name.count] = 0
        }
        return place
    }

    /// The directory; nil only while the last node that knew this place is let go of.
    var parent: Node? { withUnsafeMutablePointerToHeader { $0.pointee.parent } }

    /// Runs `body` with the name, NUL and all.
    @inline(__always)
    func withName<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        withUnsafeMutablePointerToElements { body(UnsafePointer($0)) }
    }

    func matches(_ name: UnsafeRawBufferPointer, in directory: Node) -> Bool {
        withUnsafeMutablePointers { header, bytes in
            header.pointee.parent === directory
                && Int(header.pointee.count) == name.count
                && (name.baseAddress.map { memcmp(bytes, $0, name.count) == 0 } ?? true)
        }
    }

    /// Takes the directory out, by the only owner.
    func takeParent() -> Node? {
        withUnsafeMutablePointerToHeader { $0.pointee.parent.take() }
    }

    /// A number that is the same for the same place, and as good as never for another; not 0. `seed` is the session's, so that
    /// no guest can find two places with one tag.
    @inline(__always)
    static func tag(_ name: UnsafeRawBufferPointer, in parent: Node, seed: UInt64) -> UInt64 {
        var hash = mixed(seed ^ parent.id.rawValue ^ UInt64(truncatingIfNeeded: name.count) << 56)
        var offset = 0
        while offset + 8 <= name.count {
            hash = mixed(hash ^ name.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < name.count {
            rest = rest << 8 | UInt64(name[offset])
            offset += 1
        }
        return mixed(hash ^ rest) | 1
    }
}

/// What a `Place` begins with.
struct PlaceHeader {
    fileprivate var parent: Node?
    fileprivate let count: UInt16
}
