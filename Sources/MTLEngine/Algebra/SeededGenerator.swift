public struct SeededGenerator: RandomNumberGenerator, Sendable {
    var s: UInt64
    public init(seed: UInt64) { s = seed &+ 0x9E37_79B9_7F4A_7C15 }
    public mutating func next() -> UInt64 {
        s &+= 0x9E37_79B9_7F4A_7C15
        var z = s
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
    public mutating func uniform(in r: Range<Double>) -> Double {
        r.lowerBound + (r.upperBound - r.lowerBound) * uniform()
    }
    public mutating func normal() -> Double { uniform() + uniform() + uniform() - 1.5 }
    public mutating func shuffle(_ a: inout [Int32]) { a.shuffle(using: &self) }
    public func split(_ stream: UInt64) -> SeededGenerator {
        SeededGenerator(seed: s ^ (stream &* 0xD134_2543_DE82_EF95))
    }
}
