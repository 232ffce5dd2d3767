import CAgent

/// What a request comes to in this guest: files, arguments, environment and directory of a process.
struct Command {
    private static let defaultPath: Text = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The files to try, in their order.
    let candidates: [[UInt8]]
    let arguments: [[UInt8]]
    let environment: [[UInt8]]
    /// Where it starts.
    let directory: Text
    /// Set where nobody asked for the directory, so that `/` will do.
    let isDirectoryOptional: Bool
    /// What it is called where it fails.
    let name: Text

    /// Completes a request.
    init(_ request: ExecRequest) {
        let shell: Text = Files.isExecutable("/bin/bash") ? "/bin/bash" : "/bin/sh"
        var environment = Environment([
            "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=\(shell)", "PATH=\(Command.defaultPath)",
        ])
        if request.hasTerminal { environment.set(Text("TERM=xterm").bytes) }
        for variable in request.environment { environment.set(variable) }
        self.environment = environment.variables

        if let program = request.arguments.first {
            name = Text(program)
            arguments = request.arguments
            candidates = Command.candidates(for: program, path: environment.value(of: "PATH"))
        } else {
            name = shell
            arguments = [Command.loginName(of: shell)]
            candidates = [shell.bytes]
        }
        isDirectoryOptional = request.directory.isEmpty
        if !request.directory.isEmpty {
            directory = Text(request.directory)
        } else if request.arguments.isEmpty {
            directory = Text(environment.value(of: "HOME"))
        } else {
            directory = "/"
        }
    }

    /// The files that a program's name may mean: itself where it has a `/`, else one in each directory of `PATH`.
    private static func candidates(for program: [UInt8], path: [UInt8]) -> [[UInt8]] {
        if program.isEmpty { return [] }
        if program.contains(0x2f) { return [program] }
        return path.split(separator: 0x3a, omittingEmptySubsequences: false).map { directory in
            directory.isEmpty ? program : directory + [0x2f] + program
        }
    }

    /// A shell's own name with the dash in front that makes it a login shell.
    private static func loginName(of shell: Text) -> [UInt8] {
        let name = shell.bytes.split(separator: 0x2f).last ?? shell.bytes[...]
        return [0x2d] + name
    }
}

/// Variables, each a `NAME=value`.
private struct Environment {
    private(set) var variables: [[UInt8]]

    init(_ variables: [Text]) { self.variables = variables.map { $0.bytes } }

    /// Adds a variable, in place of one of the same name.
    mutating func set(_ variable: [UInt8]) {
        let name = variable.prefix { $0 != 0x3d } + [0x3d]
        if let index = variables.firstIndex(where: { $0.starts(with: name) }) {
            variables[index] = variable
        } else {
            variables.append(variable)
        }
    }

    /// A variable's value; empty where there is none.
    func value(of name: Text) -> [UInt8] {
        let start = name.bytes + [0x3d]
        guard let variable = variables.first(where: { $0.starts(with: start) }) else { return [] }
        return [UInt8](variable.dropFirst(start.count))
    }
}
