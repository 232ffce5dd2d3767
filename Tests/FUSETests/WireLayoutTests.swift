import FUSE
import Testing

/// Sizes and offsets of the kernel's <linux/fuse.h>, protocol 7.39.
@Suite struct WireLayoutTests {
    @Test func structuresHaveTheKernelsSizes() {
        let sizes: [(any WireStructure.Type, Int)] = [
            (InHeader.self, 40), (OutHeader.self, 16), (Attr.self, 88), (AttrOut.self, 104), (GetattrIn.self, 16),
            (SetattrIn.self, 88), (StatxTime.self, 16), (StatxIn.self, 24), (StatxAttributes.self, 256),
            (StatxOut.self, 288), (EntryOut.self, 128), (ForgetIn.self, 8), (ForgetOne.self, 16),
            (BatchForgetIn.self, 8),
            (MknodIn.self, 16), (MkdirIn.self, 8), (RenameIn.self, 8), (Rename2In.self, 16), (LinkIn.self, 8),
            (OpenIn.self, 8), (CreateIn.self, 16), (OpenOut.self, 16), (CreateOut.self, 144), (ReleaseIn.self, 24),
            (FlushIn.self, 24), (ReadIn.self, 40), (WriteIn.self, 40), (WriteOut.self, 8), (FsyncIn.self, 16),
            (FallocateIn.self, 32), (LseekIn.self, 24), (LseekOut.self, 8), (CopyFileRangeIn.self, 56),
            (AccessIn.self, 8), (IoctlIn.self, 32), (IoctlOut.self, 16), (InterruptIn.self, 8), (FileLock.self, 24),
            (LkIn.self, 48),
            (LkOut.self, 24),
            (SetxattrIn.self, 8), (SetxattrExtension.self, 8), (GetxattrIn.self, 8),
            (GetxattrOut.self, 8), (StatfsOut.self, 80), (InitIn.self, 16), (InitExtension.self, 48),
            (InitOut.self, 64),
            (DirectoryEntry.self, 24),
        ]
        for (type, size) in sizes { #expect(type.byteCount == size, "\(type)") }
    }

    @Test func fieldsAreWhereTheKernelLooks() {
        #expect(MemoryLayout<InHeader>.offset(of: \.node) == 16)
        #expect(MemoryLayout<InHeader>.offset(of: \.extensionLength) == 36)
        #expect(MemoryLayout<Attr>.offset(of: \.mode) == 60)
        #expect(MemoryLayout<Attr>.offset(of: \.blockSize) == 80)
        #expect(MemoryLayout<EntryOut>.offset(of: \.attributes) == 40)
        #expect(MemoryLayout<SetattrIn>.offset(of: \.mode) == 68)
        #expect(MemoryLayout<SetattrIn>.offset(of: \.gid) == 80)
        #expect(MemoryLayout<WriteIn>.offset(of: \.writeFlags) == 20)
        #expect(MemoryLayout<InitOut>.offset(of: \.maxBackground) == 16)
        #expect(MemoryLayout<InitOut>.offset(of: \.flags2) == 32)
        #expect(MemoryLayout<StatxAttributes>.offset(of: \.inode) == 32)
        #expect(MemoryLayout<StatxAttributes>.offset(of: \.btime) == 80)
        #expect(MemoryLayout<StatxOut>.offset(of: \.attributes) == 32)
        #expect(MemoryLayout<StatfsOut>.offset(of: \.nameLength) == 44)
    }
}
