import EventLoop
import Testing

@Suite struct DurationTests {
    @Test(
        arguments: [
            (1.5, .milliseconds(1500)), (0, .zero), (-1, .zero), (-.infinity, .zero), (.nan, .zero),
            (1e300, .seconds(4_000_000)),
            (.infinity, .seconds(4_000_000)),
        ] as [(Double, Duration)])
    func isMadeOfWhateverSomebodySays(seconds: Double, duration: Duration) {
        #expect(Duration.clamped(seconds: seconds) == duration)
    }
}
