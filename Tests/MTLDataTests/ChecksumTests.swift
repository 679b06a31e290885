import CZlib
import MTLData
import MTLEngine
import Testing

/// The checksum that is taken many bytes at a time is zlib's.
@Suite struct ChecksumTests {
    @Test func isThatOfZlibForEveryLengthPlaceAndStart() {
        var draw = SeededGenerator(seed: 4)
        let bytes = (0..<5000).map { _ in UInt8(truncatingIfNeeded: draw.below(256)) }
        bytes.withUnsafeBytes { all in
            for count in Array(0..<700) + [1023, 1024, 4095, 4096, 4990] {
                for (place, start) in [(0, UInt(0)), (1, 0xFFFF_FFFF), (7, 0x1234_5678)] {
                    let part = UnsafeRawBufferPointer(rebasing: all[place..<place + count])
                    let expected = CZlib.crc32(
                        start, part.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(count))
                    // Without bytes zlib says the start of a sum, and not what it was.
                    if count == 0 { continue }
                    #expect(
                        Checksum.crc32(part, from: start) == UInt32(truncatingIfNeeded: expected), "\(count)")
                }
            }
        }
        #expect(Array("123456789".utf8).withUnsafeBytes { Checksum.crc32($0) } == 0xCBF4_3926)
    }
}
