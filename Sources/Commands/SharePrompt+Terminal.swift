internal import CLinux
internal import EventLoop
internal import Glibc
internal import Linux
internal import SystemPackage

extension SharePrompt {
    /// Whether there is a person to ask: standard input and standard error, where the questions go, are a terminal.
    static var canAsk: Bool {
        cl_is_terminal(STDIN_FILENO) && WindowSize(of: STDERR_FILENO) != nil
    }

    /// Asks on the terminal, and blocks until there is an answer; for a command that does nothing else meanwhile. The terminal
    /// is given back as it was, also when a signal ends the process, which it does then as ever.
    ///
    /// - Parameters:
    ///   - keyboard: What is typed at.
    ///   - screen: Where the questions go.
    /// - Returns: How the dialogue has ended; cancelled too when the terminal has gone.
    /// - Throws: That a stream is not open.
    static func ask(at keyboard: CInt = STDIN_FILENO, on screen: CInt = STDERR_FILENO) throws(Errno) -> Result {
        let loop = EventLoop()
        let input = try ByteStream(sharing: keyboard, on: loop)
        let terminal = RawTerminal(keyboard)
        var prompt = SharePrompt(columns: WindowSize(of: screen)?.columns ?? 80)
        var result = Result.cancelled
        var signal: ObservableSignal?
        let show = { (bytes: [UInt8]) in _ = try? FileDescriptor(rawValue: screen).writeAll(bytes) }

        var sources = [ObservableSignal.interrupt, .terminate, .hangup].map { kind in
            loop.onSignal(kind) {
                signal = kind
                loop.stop()
            }
        }
        sources.append(
            loop.onSignal(.windowChange) {
                prompt.columns = WindowSize(of: screen)?.columns ?? 80
                show(prompt.redraw())
            })
        input.read { event in
            guard case .bytes(let bytes) = event else { return loop.stop() }
            let (output, end) = prompt.feed(bytes)
            show(output)
            guard let end else { return }
            result = end
            loop.stop()
        }
        show(prompt.begin())
        loop.run()

        input.close()
        sources = []
        terminal.restore()
        if let signal {
            show([0x0a])
            raise(signal.number)
        }
        return result
    }
}
