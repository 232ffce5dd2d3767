import CLinux
import Glibc

/// libFuzzer's own main function; it comes with `-sanitize=fuzzer`.
@_silgen_name("LLVMFuzzerRunDriver")
private func runLibFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ attempt: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What is fuzzed: libFuzzer calls back without a word about it.
nonisolated(unsafe) private var target: (any FuzzTarget)?

/// By the name that libFuzzer's own main function, which is not used, wants at link time.
@_cdecl("LLVMFuzzerTestOneInput")
func attempt(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target?.run(FuzzInput(Array(UnsafeBufferPointer(start: bytes, count: count))))
    return 0
}

/// `sheaf-fuzz TARGET [LIBFUZZER-OPTION | CORPUS]…`: `Scripts/fuzz` knows how.
func fuzz() -> CInt {
    let names = fuzzTargets.map(\.name).joined(separator: " ")
    guard CommandLine.arguments.count > 1,
        let chosen = fuzzTargets.first(where: { $0.name == CommandLine.arguments[1] })
    else {
        print(names)
        return CommandLine.arguments.count > 1 ? 2 : 0
    }
    do {
        target = try chosen.make()
    } catch {
        print("sheaf-fuzz: \(chosen.name): \(error)")
        return 1
    }
    // libFuzzer takes its own arguments from where the target's name is.
    var count = CommandLine.argc - 1
    var arguments = CommandLine.unsafeArgv + 1
    return runLibFuzzer(&count, &arguments, attempt)
}

@main
struct FuzzMain {
    static func main() { exit(fuzz()) }
}
