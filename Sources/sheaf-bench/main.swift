// Drives vhost-user-fs backends through their sockets, with no guest, and says what a request costs.
import Benchmark

runBenchmark()
