// swift-tools-version: 6.2

import PackageDescription

/// What every host target is compiled with: Swift 6 mode comes with the tools version.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

/// The guest agent is Embedded Swift on static musl: a few tens of kilobytes that need nothing of the guest.
let muslHeaders = "/usr/include/x86_64-linux-musl"
let muslLibraries = "/usr/lib/x86_64-linux-musl"

func host(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ module: String, _ more: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(module)Tests", dependencies: [.byName(name: module), "TestSupport", "CLinux", system] + more,
        swiftSettings: strict)
}

/// The program that is fuzzed, for `Scripts/fuzz` alone: it sees what is internal, and libFuzzer is linked to it.
let fuzzing: [Target] =
    Context.environment["SHEAF_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "sheaf-fuzz",
            dependencies: [
                "VhostUser", "Virtio", "FUSE", "FileService", "QEMU", "Control", "Machine", "GuestLink", "GuestBoot",
                "EventLoop", "Sandbox", "TestSupport", "Linux", "CLinux", system,
            ],
            path: "Tests/Fuzz", exclude: ["Corpus"], swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])])
    ]

let package = Package(
    name: "sheaf",
    products: [
        .executable(name: "sheaf", targets: ["sheaf"]),
        .executable(name: "sheaf-agent", targets: ["sheaf-agent"]),
        .executable(name: "sheaf-bench", targets: ["sheaf-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        // Programs.
        .executableTarget(name: "sheaf", dependencies: ["Commands"], swiftSettings: strict),
        .executableTarget(name: "sheaf-bench", dependencies: ["Benchmark"], swiftSettings: strict),
        .executableTarget(
            name: "sheaf-agent", dependencies: ["CAgent"],
            swiftSettings: [
                .enableExperimentalFeature("Embedded"),
                .unsafeFlags([
                    "-wmo", "-Osize", "-parse-as-library", "-Xfrontend", "-function-sections",
                    "-Xcc", "-nostdlibinc", "-Xcc", "-isystem\(muslHeaders)", "-Xcc", "-idirafter/usr/include",
                ]),
            ],
            linkerSettings: [
                .unsafeFlags([
                    "-Xclang-linker", "-static", "-Xclang-linker", "-nostdlib",
                    "-Xlinker", "--gc-sections", "-Xlinker", "--icf=all", "-Xlinker", "-s",
                    // Nothing is found by it, and each byte may be the one that costs a page.
                    "-Xlinker", "--build-id=none",
                    // Nothing relocates a static program; a linker that pads no segment to a page saves one. Sections are
                    // for linkers and debuggers.
                    "-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "nosectionheader",
                    "-Xlinker", "-z", "-Xlinker", "norelro", "-Xlinker", "-z", "-Xlinker",
                    "noseparate-code",
                    "-Xclang-linker", "\(muslLibraries)/crt1.o", "-Xclang-linker", "\(muslLibraries)/crti.o",
                    "-Xclang-linker", "\(muslLibraries)/libc.a", "-Xclang-linker", "\(muslLibraries)/crtn.o",
                ])
            ]),

        // Control plane, top down.
        host(
            "Commands",
            [
                "Control", "Machine", "QEMU", "GuestBoot", "FileService", "Sandbox", "EventLoop", "Linux", "CLinux",
                argumentParser, logging,
                system,
            ]),
        host("Control", ["EventLoop", "Linux", "CLinux", system]),
        host(
            "Machine",
            [
                "QEMU", "GuestBoot", "GuestLink", "ShareHost", "FileService", "Sandbox", "EventLoop", "Linux", "CLinux",
                logging,
                system,
            ]),
        host("QEMU", ["EventLoop", "Linux", "CLinux", logging, system]),
        host("GuestBoot", ["GuestLink", "Linux", "CLinux", system]),
        host("GuestLink"),
        host("EventLoop", ["CGLib", "Linux", "CLinux", system]),

        // Data plane, top down.
        host(
            "ShareHost", ["FileService", "FUSE", "VhostUser", "Virtio", "Sandbox", "Linux", "CLinux", logging, system]),
        host("FileService", ["FUSE", "Sandbox", "Linux", "CLinux", system]),
        host("FUSE", ["Linux", "CLinux", system]),
        host("VhostUser", ["Virtio", "Linux", "CLinux", system]),
        host("Virtio", ["Linux", "CLinux", system]),
        .target(
            name: "Sandbox", dependencies: ["CSeccomp", "Linux", "CLinux", system],
            // Links to the files in Config: a program needs none at run time.
            resources: [.embedInCode("worker-system-calls.txt"), .embedInCode("session-system-calls.txt")],
            swiftSettings: strict),

        // What sheaf-bench does; and the other side of a vhost-user socket, for it and for tests.
        host("Benchmark", ["Frontend", "FUSE", "Linux", "CLinux", system, argumentParser]),
        host("Frontend", ["FUSE", "Linux", "CLinux", system]),

        // The syscall seam and what C alone can express.
        host("Linux", ["CLinux", system]),
        .target(name: "CLinux", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),
        .target(
            name: "CAgent",
            cSettings: [
                .unsafeFlags([
                    "-Os", "-ffunction-sections", "-fno-asynchronous-unwind-tables", "-nostdlibinc",
                    "-isystem\(muslHeaders)", "-idirafter/usr/include",
                ])
            ]),
        .systemLibrary(name: "CGLib", pkgConfig: "gio-unix-2.0", providers: [.apt(["libglib2.0-dev"])]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),

        // Tests.
        .target(
            name: "TestSupport", dependencies: ["Frontend", "FUSE", "GuestLink", "Linux", "CLinux", system],
            path: "Tests/TestSupport", swiftSettings: strict),
        // What the threads of a test ask the kernel for.
        .target(name: "CObserver", path: "Tests/CObserver", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),
        // A worker thread in a process of its own, for what ends a process.
        .executableTarget(
            name: "confined-call", dependencies: ["Sandbox", "CObserver", "Linux", "CLinux"],
            path: "Tests/ConfinedCall", swiftSettings: strict),
        tests("Linux"),
        tests("Sandbox", ["CObserver", "Linux"]),
        tests("Virtio", ["Linux"]),
        tests("VhostUser", ["Virtio", "Frontend", "Linux"]),
        tests("FUSE", ["Linux"]),
        tests("FileService", ["FUSE", "Frontend", "Sandbox", "Linux"]),
        tests("ShareHost", ["FileService", "FUSE", "Frontend", "VhostUser", "Sandbox", "CObserver", "Linux", logging]),
        tests("GuestLink", ["Linux"]),
        tests("GuestBoot", ["GuestLink", "Linux"]),
        tests("QEMU", ["EventLoop", "FileService", "ShareHost", "Linux", logging]),
        tests("EventLoop", ["Linux"]),
        tests("Control", ["EventLoop", "Linux"]),
        tests("Machine", ["GuestLink", "ShareHost", "FileService", "EventLoop", "Linux", logging]),
        tests("Benchmark", ["ShareHost", "FileService", "Frontend", "FUSE", "Linux", logging]),
        tests("Commands", ["Control", "Machine", "EventLoop", "Linux"]),
        // What applications may ask of a file system, asked: a program of its own, which runs in guests of any kind.
        .target(
            name: "CSystemCall", path: "Tests/CSystemCall", cSettings: [.unsafeFlags(["-Wall", "-Wextra"])]),
        .executableTarget(
            name: "sheaf-conformance", dependencies: ["CSystemCall"], path: "Tests/Conformance",
            swiftSettings: [
                .enableExperimentalFeature("Embedded"), .treatAllWarnings(as: .error),
                .unsafeFlags(["-wmo", "-O", "-parse-as-library", "-Xfrontend", "-function-sections"]),
            ],
            linkerSettings: [
                .unsafeFlags(["-Xclang-linker", "-static", "-Xlinker", "--gc-sections"]),
                .linkedLibrary("m"),
            ]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: ["TestSupport", "Frontend", "FUSE", "GuestLink", "Linux", "CLinux", system],
            swiftSettings: strict),
    ] + fuzzing
)
