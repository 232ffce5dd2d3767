import Glibc

/// Whether the test runs under ThreadSanitizer, as `Scripts/find-races` says: its runtime makes system calls of its own on
/// every thread, which no filter lets pass.
public let isUnderThreadSanitizer = getenv("SHEAF_THREAD_SANITIZER") != nil
