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

    /// Bytes that are copied on the way are all there, and no byte behind them is touched.
    @Test func whatIsCopiedHasTheSameSumWhereverItGoes() {
        var draw = SeededGenerator(seed: 5)
        let bytes = (0..<2000).map { _ in UInt8(truncatingIfNeeded: draw.below(256)) }
        for count in Array(0..<330) + [1023, 1024, 1990] {
            for (from, to) in [(0, 0), (5, 0), (0, 16), (3, 1)] {
                let target = UnsafeMutableRawBufferPointer.allocate(byteCount: 2100, alignment: 64)
                defer { target.deallocate() }
                _ = target.initializeMemory(as: UInt8.self, repeating: 7)
                bytes.withUnsafeBytes { all in
                    let part = UnsafeRawBufferPointer(rebasing: all[from..<from + count])
                    let sum = target.baseAddress.map { Checksum.copy(part, to: $0 + to) }
                    #expect(sum == Checksum.crc32(part), "\(count)")
                    #expect(target[to..<to + count].elementsEqual(part), "\(count) to \(to)")
                }
                #expect(
                    target[..<to].allSatisfy { $0 == 7 } && target[(to + count)...].allSatisfy { $0 == 7 })
            }
        }
    }

    @Test func sumsOfPartsJoin() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        bytes.withUnsafeBytes { all in
            for place in [0, 1, 64, 500, 999, 1000] {
                let (first, rest) = (all[..<place], all[place...])
                let joined = Checksum.joined(
                    Checksum.crc32(UnsafeRawBufferPointer(rebasing: first)),
                    Checksum.crc32(UnsafeRawBufferPointer(rebasing: rest)), count: rest.count)
                #expect(joined == Checksum.crc32(all), "\(place)")
            }
        }
    }
}
