import Machine
import Testing

@Suite struct OutcomeTests {
    @Test(
        arguments: [
            (Outcome.exited(code: 7), 7), (.exited(code: 0), 0), (.signaled(number: 9), 137), (.timeout, 124),
            (.launcherError, 125), (.bootFailed, 125), (.cannotExecute(notFound: false), 126),
            (.cannotExecute(notFound: true), 127), (.panic, 255), (.reset, 255), (.lost, 255),
        ] as [(Outcome, UInt8)])
    func saysItselfToAShell(outcome: Outcome, code: UInt8) {
        #expect(outcome.exitCode() == code)
    }

    @Test func usesTheUsersCodeForAPanicAndForNothingElse() {
        #expect(Outcome.panic.exitCode(panicCode: 99) == 99)
        #expect(Outcome.lost.exitCode(panicCode: 99) == 99)
        #expect(Outcome.timeout.exitCode(panicCode: 99) == 124)
        #expect(Outcome.exited(code: 255).exitCode(panicCode: 99) == 255)
    }
}
