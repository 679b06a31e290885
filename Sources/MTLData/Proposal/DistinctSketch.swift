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

    /// Ertl's estimator, which has no range where it is biased (*New cardinality estimation algorithms for HyperLogLog
    /// sketches*, 2017, algorithm 6).
    var estimate: Int {
        let size = Double(registers.count)
        let highest = 64 - Self.bits + 1
        var counts = [Double](repeating: 0, count: highest + 1)
        for register in registers { counts[Int(register)] += 1 }
        var z = size * Self.tau(1 - counts[highest] / size)
        for rank in (1..<highest).reversed() { z = (z + counts[rank]) / 2 }
        z += size * Self.sigma(counts[0] / size)
        return z.isFinite ? Int((size * size / (2 * log(2) * z)).rounded()) : 0
    }

    /// x + Σ x^(2^k) 2^(k - 1).
    private static func sigma(_ share: Double) -> Double {
        guard share < 1 else { return .infinity }
        var (x, y, sum, last) = (share, 1.0, share, -1.0)
        while sum != last {
            last = sum
            x *= x
            sum += x * y
            y *= 2
        }
        return sum
    }

    /// (1 - x - Σ (1 - x^(2^-k))² 2^-k) / 3.
    private static func tau(_ share: Double) -> Double {
        guard share > 0, share < 1 else { return 0 }
        var (x, y, sum, last) = (share, 1.0, 1 - share, -1.0)
        while sum != last {
            last = sum
            x = x.squareRoot()
            y /= 2
            sum -= (1 - x) * (1 - x) * y
        }
        return sum / 3
    }
}
