// Drives a vhost-user-fs backend through its socket, with no guest, and says what a request costs.
import ArgumentParser

Bench.main()
