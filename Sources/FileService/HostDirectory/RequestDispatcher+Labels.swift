import CLinux
internal import FUSE
import Glibc
internal import Linux
internal import SystemPackage

/// What a security module of the guest, such as SELinux, says of what it makes: it comes with the request that makes it, and
/// becomes an attribute before the guest hears that it is there.
extension RequestDispatcher {
    /// The labels of what a request makes.
    ///
    /// - Throws: EINVAL, E2BIG; nothing was made yet.
    func labels(of request: Request, _ session: Session) throws(Errno) -> [SecurityLabel] {
        session.flags.contains(.securityContext) ? try request.securityLabels() : []
    }

    /// Labels what was just made, and takes it away again if that fails. Where the host has no such attributes, or lets
    /// nobody write them, it stays without: the guest takes it for what it has no label of.
    ///
    /// - Parameters:
    ///   - labels: The labels.
    ///   - held: The new inode.
    ///   - name: The name it has, if any.
    ///   - parent: Where.
    /// - Throws: What the host says; the name is gone then.
    func write(
        _ labels: [SecurityLabel], to held: CInt, asMade name: ComponentName?, in parent: Node
    ) throws(Errno) {
        for label in labels {
            do throws(Errno) {
                try checked(set(label, of: held, in: parent.child))
            } catch {
                switch error {
                case .notSupported, .notPermitted, .permissionDenied, .noFunction: continue
                default: break
                }
                var found = cl_statx()
                if let name, cl_statx(held, nil, &found) == 0 {
                    try? parent.withDescriptor { (directory) throws(Errno) in
                        takeBack(found, name, in: parent, directory)
                    }
                }
                throw error
            }
        }
    }

    private func set(_ label: SecurityLabel, of held: CInt, in child: Child) -> Int {
        label.name.withUnsafeBytes { name in
            label.value.withUnsafeBytes { value in
                guard let start = name.baseAddress else { return 0 - Int(EINVAL) }
                if child.owners.areMapped {
                    // Without the NUL.
                    let text = UnsafeRawBufferPointer(rebasing: name.dropLast())
                    guard let kept = KeptAttribute.name(keeping: text, scratch.attributeName) else {
                        return 0 - Int(ERANGE)
                    }
                    return Int(cl_setxattr_held(held, kept, value.baseAddress, value.count, 0))
                }
                let call = PrivilegedAttributes.Call.set(
                    name: start.assumingMemoryBound(to: CChar.self), value.baseAddress, value.count, flags: 0)
                return aggregate.privilegedAttributes?.perform(call, on: held) ?? 0 - Int(EPERM)
            }
        }
    }

    /// Removes the name of what was just made, unless the host has given it to something else meanwhile.
    func takeBack(_ made: cl_statx, _ name: ComponentName, in parent: Node, _ directory: CInt) {
        var there = cl_statx()
        if cl_statx(directory, name.start, &there) == 0,
            NodeKey(child: parent.child, there) == NodeKey(child: parent.child, made)
        {
            _ = cl_unlinkat(directory, name.start, made.mode & UInt32(Glibc.S_IFMT) == UInt32(Glibc.S_IFDIR))
        }
    }
}
