/// A processor architecture that a guest can have.
public enum Architecture: String, Sendable, CaseIterable {
    /// 64-bit x86.
    case x86_64
    /// 64-bit Arm.
    case arm64

    /// The architecture that this program runs on; nil where it is none that Sheaf boots guests of.
    public static var host: Architecture? {
        #if arch(x86_64)
            .x86_64
        #elseif arch(arm64)
            .arm64
        #else
            nil
        #endif
    }

    /// The most bytes that a kernel takes as its command line, the final NUL not counted.
    ///
    /// Corresponds to `COMMAND_LINE_SIZE`. An x86 kernel that is given more hangs before it prints anything.
    public var commandLineLimit: Int {
        switch self {
        case .x86_64, .arm64: 2047
        }
    }

    /// The serial console of the machine types that Sheaf uses, as the guest's kernel names it.
    public var console: String {
        switch self {
        case .x86_64: "ttyS0"
        case .arm64: "ttyAMA0"
        }
    }

    /// Where a kernel's build tree has the image that a boot loader takes, below the tree.
    var imagesInBuildTree: [String] {
        switch self {
        case .x86_64: ["arch/x86/boot/bzImage", "arch/x86_64/boot/bzImage"]
        case .arm64: ["arch/arm64/boot/Image"]
        }
    }
}
