import SystemPackage
import Testing

@testable import QEMU

@Suite struct AcceleratorTests {
    private static let working = VirtualisationFacts(deviceError: nil, hasHardwareVirtualisation: true)
    private static let paravirtual = VirtualisationFacts(deviceError: nil, hasHardwareVirtualisation: false)
    private static let absent = VirtualisationFacts(
        deviceError: .noSuchFileOrDirectory, hasHardwareVirtualisation: true)
    private static let forbidden = VirtualisationFacts(deviceError: .permissionDenied, hasHardwareVirtualisation: true)

    @Test(arguments: [
        (AcceleratorPreference.auto, working, Accelerator.kvm), (.auto, paravirtual, .tcg), (.auto, absent, .tcg),
        (.auto, forbidden, .tcg), (.kvm, paravirtual, .kvm), (.tcg, working, .tcg),
    ])
    func choiceFollowsPreferenceAndHost(
        preference: AcceleratorPreference, host: VirtualisationFacts, accelerator: Accelerator
    ) {
        #expect(AcceleratorChoice(preference, on: host).accelerator == accelerator)
    }

    @Test func reasonNamesWhatIsMissing() {
        #expect(AcceleratorChoice(.auto, on: Self.absent).reason.contains("ENOENT"))
        #expect(AcceleratorChoice(.auto, on: Self.forbidden).reason.contains("group kvm"))
        #expect(AcceleratorChoice(.auto, on: Self.paravirtual).reason.contains("vmx"))
    }

    @Test(arguments: [
        ("processor : 0\nflags : fpu vmx sse\n", true), ("flags\t\t: svm\n", true), ("flags : fpu vmx_extra\n", false),
        ("vmx flags\n", false), ("", false),
    ])
    func cpuinfoIsReadByWords(text: String, expected: Bool) {
        #expect(VirtualisationFacts.listsVirtualisation(text) == expected)
    }
}
