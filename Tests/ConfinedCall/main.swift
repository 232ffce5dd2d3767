import CLinux
import CObserver
import Glibc
import Linux
import Sandbox

// A worker thread in a process of its own, which may end by what the thread does.
//
//   confined-call kill|log|off NUMBER [ARGUMENT]…   makes a system call and prints what it returned
//   confined-call kill abort|trap|touch|bus         has the thread abort, trap, touch no memory, or a file's that is gone
//   confined-call kill told NUMBER                  is told of the call and exits with 7
//   confined-call kill untold NUMBER                is told and does nothing
//   confined-call kill labels|session NUMBER        makes it on a thread for attributes alone, or for a frontend
//   confined-call kill heap COUNT                   has one thread more, beside COUNT that have a heap, allocate its first memory
//   confined-call off reach                         tries to reach others, and exits with 0 when it cannot

/// Runs `body` on a confined thread and waits for it.
func confined(
    _ seccomp: SeccompMode, for duty: WorkerConfinement.Duty = .files, _ body: @escaping @Sendable () -> Void
) {
    let thread = try? Linux.Thread(name: "fs-queue-1") {
        let confinement = WorkerConfinement(seccomp: seccomp)
        do {
            try confinement.enter()
            try confinement.seal(for: duty)
        } catch {
            _exit(99)
        }
        body()
    }
    thread?.join()
}

/// Whether the thread can neither signal another process nor connect to a port of this machine: 0, or what it can.
func reach() -> CInt {
    guard kill(getppid(), 0) == -1, errno == EPERM else { return 1 }
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = 0x0100_007f
    address.sin_port = 0x0100
    let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    return result == -1 && errno == EACCES ? 0 : 2
}

let words = Array(CommandLine.arguments.dropFirst())
guard words.count >= 2, let seccomp = SeccompMode(rawValue: words[0]) else { exit(64) }
let numbers = words.dropFirst().compactMap { Int($0) } + [0, 0, 0, 0]
let first = numbers[0]
let (a, b, c) = (numbers[1], numbers[2], numbers[3])
switch words[1] {
case "abort": confined(seccomp) { abort() }
case "trap":
    let divisor = words.count - 2
    confined(seccomp) { _exit(Int32(1 / divisor)) }
case "touch": confined(seccomp) { _exit(UnsafePointer<CInt>(bitPattern: 4096 * (words.count - 1))?.pointee ?? 0) }
case "bus":
    let memory = mmap(nil, 4096, PROT_READ, MAP_SHARED, cl_memfd("empty", 0), 0)
    nonisolated(unsafe) let number = memory?.assumingMemoryBound(to: CInt.self)
    confined(seccomp) { _exit(number?.pointee ?? 0) }
case "told", "untold":
    let notice = cl_eventfd(0, false)
    ForbiddenCall.tell(notice, patience: words[1] == "told" ? 60_000 : 200, status: 125)
    let thread = try? Linux.Thread(name: "caller") { confined(seccomp) { _ = co_call(first, 0, 0, 0, 0, 0, 0) } }
    guard words[1] == "told" else {
        thread?.join()
        exit(1)
    }
    _ = cl_eventfd_wait(notice)
    guard let call = ForbiddenCall.first, call.call == "ptrace (101)", call.thread == "fs-queue-1" else { exit(2) }
    exit(7)
case "heap":
    let confinement = WorkerConfinement(seccomp: seccomp)
    let turn = Semaphore()
    let never = Semaphore()
    // Threads that stay: malloc gives the heap of one that has ended to the next. The first of them has the filter made.
    for _ in 0..<first {
        _ = try? Linux.Thread(name: "other") {
            guard (try? confinement.enter()) != nil, (try? confinement.seal(for: .session)) != nil else { _exit(99) }
            let memory = malloc(100)
            // Wakes nobody, and is what the memory is for.
            _ = co_call(Int(SYS_futex), Int(bitPattern: memory), 1, 0, 0, 0, 0)
            turn.signal()
            never.wait()
        }
        turn.wait()
    }
    _exit(0)
case "labels", "session":
    // It may not print what it has found.
    confined(seccomp, for: words[1] == "labels" ? .labels : .session) {
        _ = co_call(first, a, b, c, 0, 0, 0)
        _exit(0)
    }
case "reach": confined(seccomp) { _exit(reach()) }
default: confined(seccomp) { print(co_call(first, a, b, c, 0, 0, 0)) }
}
