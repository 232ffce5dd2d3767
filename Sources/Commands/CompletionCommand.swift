internal import ArgumentParser

/// `sheaf completion`: the script that lets a shell complete sheaf's command lines.
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Print a shell's completion script.",
        discussion: """
            It completes commands and options, and the VMs and shares that there are at the moment.

              bash   sheaf completion bash > ~/.local/share/bash-completion/completions/sheaf
              zsh    sheaf completion zsh > ~/.zfunc/_sheaf        (with ~/.zfunc in fpath)
              fish   sheaf completion fish > ~/.config/fish/completions/sheaf.fish

            Or for one session of bash: source <(sheaf completion bash)
            """)

    /// The shells that there are scripts for.
    enum Shell: String, CaseIterable, ExpressibleByArgument {
        case bash, zsh, fish
    }

    @Argument(help: ArgumentHelp("bash, zsh or fish.", valueName: "SHELL"))
    var shell: Shell

    func run() throws {
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        print(Sheaf.completionScript(for: kind))
    }
}
