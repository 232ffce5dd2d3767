internal import Machine
internal import SystemPackage

/// Which VM a command means: the one rule for all of them.
enum MachineChoice {
    /// What help says of an argument that is read by ``entry(for:)``.
    static let help = "The VM's name, as ps lists it, or the path of a control socket; needed where several run."

    /// Finds a VM.
    ///
    /// - Parameter argument: A VM's name; or the path of a control socket, which is what has a `/` in it; nil for the only VM
    ///   that runs.
    /// - Returns: The VM. Whether it answers is not asked here.
    /// - Throws: That there is none of the name, or none or several to choose from.
    static func entry(for argument: String?) throws(LaunchError) -> RuntimePlace.Entry {
        try entry(for: argument, in: RuntimePlace())
    }

    /// The same, among the VMs of a place.
    static func entry(for argument: String?, in place: RuntimePlace) throws(LaunchError) -> RuntimePlace.Entry {
        // No VM's name has one.
        if let argument, argument.contains("/") {
            return RuntimePlace.Entry(name: argument, controlSocket: absolutePath(argument))
        }
        let running = try place.liveMachines()
        let names = running.map(\.name).joined(separator: ", ")
        if let argument {
            if let found = running.first(where: { $0.name == argument }) { return found }
            throw LaunchError(
                running.isEmpty
                    ? "no VM named '\(argument)' runs, nor any other"
                    : "no VM named '\(argument)' runs; there are: \(names)")
        }
        guard let only = running.first else { throw LaunchError("no VM runs") }
        guard running.count == 1 else { throw LaunchError("several VMs run; name one of them: \(names)") }
        return only
    }
}
