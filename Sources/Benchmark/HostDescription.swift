import Glibc

/// The machine that figures are of.
struct HostDescription: Codable {
    var kernel: String
    var processor: String
    var processors: Int
    /// Of the last minute, when the run began: what it shared the machine with.
    var load: Double
    /// UTC, as ISO 8601 has it.
    var date: String

    /// This machine, now.
    init() {
        var system = utsname()
        uname(&system)
        kernel = withUnsafeBytes(of: system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let information = (try? HostText.read("/proc/cpuinfo")) ?? ""
        processor =
            information.split(separator: "\n").first { $0.hasPrefix("model name") }
            .flatMap { $0.split(separator: ":").last }.map { String($0.drop { $0 == " " }) } ?? "unknown"
        processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        load = ((try? HostText.read("/proc/loadavg")) ?? "").split(separator: " ").first.flatMap { Double($0) } ?? 0
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        date = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
