internal import CZlib
internal import MTLDataKernels

/// The checksum of what the library's own files hold.
package enum Checksum {
    /// CRC-32 as zlib takes it, going on from that of the bytes before. Most of many bytes is folded, several times as fast.
    package static func crc32(_ bytes: UnsafeRawBufferPointer, from start: UInt = 0) -> UInt32 {
        crc32(bytes, from: start) { base, rest in
            mtl_crc32_fold(UInt32(truncatingIfNeeded: start), base, bytes.count, rest)
        }
    }

    /// Copies bytes, and says their CRC-32: they are read once for both.
    package static func copy(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) -> UInt32 {
        var copied = 0
        let sum = crc32(bytes, from: 0) { base, rest in
            copied = mtl_crc32_copy(
                base, target.assumingMemoryBound(to: UInt8.self), bytes.count, rest)
            return copied
        }
        if let base = bytes.baseAddress {
            (target + copied).copyMemory(from: base + copied, byteCount: bytes.count - copied)
        }
        return sum
    }

    /// The CRC-32 of bytes of which the first part has one and the rest, of `count` bytes, another.
    package static func joined(_ first: UInt32, _ rest: UInt32, count: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32_combine(UInt(first), UInt(rest), count))
    }

    /// - Parameter fold: folds the beginning into 16 bytes, and says how much of it.
    private static func crc32(
        _ bytes: UnsafeRawBufferPointer, from start: UInt,
        fold: (_ base: UnsafePointer<UInt8>, _ rest: UnsafeMutablePointer<UInt8>) -> Int
    ) -> UInt32 {
        var sum = start
        var place = 0
        if let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) {
            var rest: (UInt64, UInt64) = (0, 0)
            withUnsafeMutableBytes(of: &rest) { rest in
                guard let folded = rest.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
                place = fold(base, folded)
                if place > 0 { sum = CZlib.crc32(0xFFFF_FFFF, folded, UInt32(rest.count)) }
            }
        }
        while place < bytes.count {
            let count = min(bytes.count - place, 1 << 30)
            sum = CZlib.crc32(
                sum, bytes.baseAddress?.advanced(by: place).assumingMemoryBound(to: UInt8.self), UInt32(count)
            )
            place += count
        }
        return UInt32(truncatingIfNeeded: sum)
    }

    /// CRC-32C (Castagnoli), bit by bit: for a few bytes an epoch.
    package static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
        return ~sum
    }
}
