internal import CZlib

/// The checksum of what the library's own files hold.
package enum Checksum {
    /// CRC-32 as zlib takes it, going on from that of the bytes before.
    package static func crc32(_ bytes: UnsafeRawBufferPointer, from start: UInt = 0) -> UInt32 {
        var sum = start
        var place = 0
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
