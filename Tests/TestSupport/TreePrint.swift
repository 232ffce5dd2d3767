import Glibc

extension HostFolder {
    /// All that there is to know of everything below it: two that are equal are the same tree, unchanged.
    ///
    /// - Returns: For each path what lstat(2) says, but for the time of the last access, and a file's content.
    /// - Throws: What the host says.
    public func print() throws -> [String: String] {
        var print: [String: String] = [:]
        for name in try names() {
            let status = try status(name)
            var line = "\(status.st_ino) \(status.st_mode) \(status.st_uid):\(status.st_gid) \(status.st_nlink) "
            line += "\(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec) "
            line += "\(status.st_ctim.tv_sec).\(status.st_ctim.tv_nsec)"
            switch status.st_mode & S_IFMT {
            case S_IFREG: line += " \(try read(name))"
            case S_IFDIR:
                for (inner, text) in try HostFolder(path(of: name)).print() { print["\(name)/\(inner)"] = text }
            default: break
            }
            print[name] = line
        }
        return print
    }
}
