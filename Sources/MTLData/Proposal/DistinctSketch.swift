#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Estimates how many different values there are, within about 0.8 % (HyperLogLog: Flajolet et al., AofA 2007, of hashes
/// of 64 bits).
struct DistinctSketch {
    private static let bits = 14
    private var registers = [UInt8](repeating: 0, count: 1 << bits)

    mutating func add(_ hash: UInt64) {
        let index = Int(hash >> UInt64(64 - Self.bits))
        let rest = hash << UInt64(Self.bits)
        let rank = UInt8(min(64 - Self.bits, rest.leadingZeroBitCount) + 1)
        if rank > registers[index] { registers[index] = rank }
    }

    mutating func merge(_ other: DistinctSketch) {
        for index in registers.indices { registers[index] = max(registers[index], other.registers[index]) }
    }

    var estimate: Int {
        let size = Double(registers.count)
        var sum = 0.0
        var empty = 0.0
        for register in registers {
            sum += Double(sign: .plus, exponent: -Int(register), significand: 1)
            if register == 0 { empty += 1 }
        }
        let raw = 0.7213 / (1 + 1.079 / size) * size * size / sum
        // Few values leave registers empty, whose number says more.
        if raw <= 2.5 * size && empty > 0 { return Int((size * log(size / empty)).rounded()) }
        return Int(raw.rounded())
    }
}
