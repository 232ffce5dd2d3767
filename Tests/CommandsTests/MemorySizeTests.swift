import Commands
import Testing

@Suite struct MemorySizeTests {
    @Test(arguments: [
        ("512", 512), ("512M", 512), ("512MiB", 512), ("2G", 2048), ("1.5g", 1536), ("1GB", 1024), ("1T", 1_048_576),
    ])
    func reads(text: String, mebibytes: Int) {
        #expect(MemorySize(argument: text)?.mebibytes == mebibytes)
    }

    @Test(arguments: ["", "M", "0", "-1G", "1K", "nan", "inf", "1e300G", "two"])
    func refuses(text: String) {
        #expect(MemorySize(argument: text) == nil)
    }
}
