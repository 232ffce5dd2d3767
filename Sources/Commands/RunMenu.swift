internal import Control
internal import EventLoop
internal import Linux
internal import Machine

/// What Ctrl-] opens in an interactive `sheaf run`: a share can be added without a second terminal.
final class RunMenu: EscapeMenu {
    private enum State {
        /// A key is waited for. Whether the one before was Ctrl-] again.
        case choosing(again: Bool)
        /// The dialogue for a share.
        case asking(SharePrompt)
        /// The VM is at work on what was asked for.
        case waiting
    }

    private var state = State.waiting
    private var host: EscapeMenuHost?

    func open(_ host: EscapeMenuHost) {
        self.host = host
        state = .choosing(again: false)
        say(
            "\r\nsheaf: a: add a share  l: list shares  c: send Ctrl-]  q: power off\r\n"
                + "       Ctrl-] twice: end the VM now  any other key: back to the guest")
    }

    func type(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while let byte = rest.first {
            switch state {
            case .choosing(let again):
                rest.removeFirst()
                choose(byte, again)
            case .asking(var prompt):
                // A dialogue takes what comes in one piece, as of a key that is several bytes.
                let (output, result) = prompt.feed(Array(rest))
                host?.show(output)
                state = .asking(prompt)
                if let result { answered(result) }
                return
            case .waiting: return
            }
        }
    }

    private func choose(_ key: UInt8, _ again: Bool) {
        switch key {
        case UInt8(ascii: "a"):
            var prompt = SharePrompt(columns: host?.columns ?? 80)
            host?.show(prompt.begin())
            state = .asking(prompt)
        case UInt8(ascii: "l"): list()
        case UInt8(ascii: "c"):
            let host = leave()
            host?.sendEscape()
        case UInt8(ascii: "q"):
            say("sheaf: the guest powers off")
            leave()?.powerOff()
        case Terminal.escape where again: leave()?.endNow()
        case Terminal.escape: state = .choosing(again: true)
        default: leave()?.leave()
        }
    }

    /// Lets go of the terminal.
    private func leave() -> EscapeMenuHost? {
        state = .waiting
        defer { host = nil }
        return host
    }

    private func list() {
        var table = TextTable("TARGET", "SOURCE", "ACCESS", "STATE")
        for share in host?.shares.list ?? [] {
            for target in share.targets { table.append(target.path, share.source, share.access, target.state.rawValue) }
        }
        table.lines.forEach(say)
        leave()?.leave()
    }

    private func answered(_ result: SharePrompt.Result) {
        guard case .share(let request) = result, let host else {
            say("sheaf: nothing is shared")
            leave()?.leave()
            return
        }
        state = .waiting
        host.shares.add(request) { [self] result in
            switch result {
            case .success(let addition):
                say("sheaf: \(ShareTalk.sentence(AddedShare(addition, mountCommand: nil), in: "this VM"))")
            case .failure(let failure): say("sheaf: \(printable(failure.message))")
            }
            leave()?.leave()
        }
    }

    private func say(_ line: String) {
        host?.show(Array((line + "\r\n").utf8))
    }
}
