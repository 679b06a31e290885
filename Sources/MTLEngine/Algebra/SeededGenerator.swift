#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Random numbers that are the same on every platform and with every version of Swift.
///
/// xoshiro256** (Blackman & Vigna, *Scrambled Linear Pseudorandom Number Generators*, ACM TOMS 47, 2021), its
/// state filled by SplitMix64 as its authors advise.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)
    private let seed: UInt64
    private var spareNormal: Double?

    /// A generator whose numbers depend on the seed alone.
    public init(seed: UInt64) {
        self.seed = seed
        var mixer = seed
        state = (
            Self.splitMix(&mixer), Self.splitMix(&mixer), Self.splitMix(&mixer), Self.splitMix(&mixer)
        )
    }

    /// A generator with a given state, not all zero.
    package init(state: (UInt64, UInt64, UInt64, UInt64)) {
        self.state = state
        seed = state.0
    }

    private static func splitMix(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// 64 random bits.
    public mutating func next() -> UInt64 {
        func rotated(_ x: UInt64, _ k: UInt64) -> UInt64 { x << k | x >> (64 - k) }
        let result = rotated(state.1 &* 5, 7) &* 9
        let t = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= t
        state.3 = rotated(state.3, 45)
        return result
    }

    /// A number in 0 ..< 1, a multiple of 2⁻⁵³.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number in a range.
    package mutating func uniform(in range: Range<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// A number of the standard normal distribution (Box and Muller, 1958).
    public mutating func normal() -> Double {
        if let spare = spareNormal {
            spareNormal = nil
            return spare
        }
        let radius = (-2 * log(1 - uniform())).squareRoot()
        let angle = 2 * Double.pi * uniform()
        spareNormal = radius * sin(angle)
        return radius * cos(angle)
    }

    /// A number of the gamma distribution of a shape above 0 and scale 1 (Marsaglia and Tsang, ACM TOMS 26, 2000): several of them over
    /// their sum are of a Dirichlet distribution.
    package mutating func gamma(_ shape: Double) -> Double {
        guard shape >= 1 else {
            let larger = gamma(shape + 1)
            return larger * pow(1 - uniform(), 1 / shape)
        }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let root = 1 + c * x
            guard root > 0 else { continue }
            let v = root * root * root
            if log(1 - uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
        }
    }

    /// An index in 0 ..< bound, every one as likely (Lemire, arXiv 1805.10941).
    package mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "no index below \(bound)")
        let range = UInt64(bound)
        var product = next().multipliedFullWidth(by: range)
        if product.low < range {
            let threshold = (0 &- range) % range
            while product.low < threshold { product = next().multipliedFullWidth(by: range) }
        }
        return Int(product.high)
    }

    /// Puts the elements in random order (Fisher and Yates).
    package mutating func shuffle<Element>(_ elements: inout [Element]) {
        elements.withUnsafeMutableBufferPointer { shuffle($0) }
    }

    /// The same, in place.
    package mutating func shuffle<Element>(_ elements: UnsafeMutableBufferPointer<Element>) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(last, below(last + 1)) }
    }

    /// Another generator, which depends on this one's seed and the number of the stream, not on what was drawn.
    package func split(_ stream: UInt64) -> SeededGenerator {
        var mixer = seed
        let first = Self.splitMix(&mixer)
        mixer = first ^ (stream &* 0xD134_2543_DE82_EF95)
        return SeededGenerator(seed: Self.splitMix(&mixer))
    }
}
