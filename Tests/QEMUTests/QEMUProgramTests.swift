import FoundationEssentials
import QEMU
import Testing

@Suite struct QEMUProgramTests {
    @Test func namedProgramGoesFirst() throws {
        let program = try QEMUProgram.find { $0 == "SHEAF_QEMU" ? "/bin/sh" : nil }
        #expect(program.path == "/bin/sh")
    }

    @Test func namedProgramThatIsNoneIsAnErrorThatSaysSo() {
        let error = #expect(throws: QEMUError.self) {
            try QEMUProgram.find { $0 == "SHEAF_QEMU" ? "/etc/passwd" : nil }
        }
        #expect(error?.description.contains("SHEAF_QEMU") == true)
        #expect(error?.description.contains("/etc/passwd") == true)
    }

    @Test func saysWhatToInstallWhereThereIsNone() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "sheaf-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let error = #expect(throws: QEMUError.self) {
            try QEMUProgram.find(environment: { $0 == "PATH" ? directory.path : nil }, fallbacks: [])
        }
        #expect(error?.description.contains("apt install qemu-system-x86") == true)
        #expect(error?.description.contains("SHEAF_QEMU") == true)
    }

    @Test func programOutOfPathIsFoundWhereDistributionsPutIt() throws {
        let program = try QEMUProgram.find(environment: { $0 == "PATH" ? "/nonexistent" : nil }, fallbacks: ["/bin/sh"])
        #expect(program.path == "/bin/sh")
    }

    @Test(arguments: [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)\nCopyright", QEMUVersion(7, 2, 22)),
        ("QEMU emulator version 11.1.3", QEMUVersion(11, 1, 3)), ("8.2", QEMUVersion(8, 2)),
        ("10.0.0-rc1", QEMUVersion(10, 0)),
        ("no number", nil), ("", nil), ("7", nil),
    ])
    func versionIsReadFromWhatQemuSays(text: String, version: QEMUVersion?) {
        #expect(QEMUVersion(text: text) == version)
    }

    @Test func versionIsRememberedForAsLongAsTheFileStaysTheSame() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "sheaf-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let script = directory.appending(path: "qemu")
        func install(_ version: String) throws {
            try Data("#!/bin/sh\necho asked >> \(directory.path)/asked\necho QEMU emulator version \(version)\n".utf8)
                .write(to: script, options: .atomic)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
        }
        let program = QEMUProgram(path: script.path)
        try install("8.1.2")
        #expect(program.version(rememberedIn: directory.path) == QEMUVersion(8, 1, 2))
        #expect(program.version(rememberedIn: directory.path) == QEMUVersion(8, 1, 2))
        try install("10.2.0")
        #expect(program.version(rememberedIn: directory.path) == QEMUVersion(10, 2, 0))
        let asked = try Data(contentsOf: directory.appending(path: "asked"))
        #expect(String(decoding: asked, as: UTF8.self) == "asked\nasked\n")
    }
}
