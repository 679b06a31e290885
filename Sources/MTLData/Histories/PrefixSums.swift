/// Sums of every run of some numbers in constant time.
///
/// A running sum is kept in a `Double` and what its rounding lost in a `Float`: 77 bits in 12 bytes, so that the difference
/// of two running sums is, but for far larger numbers before the run, the run's sum rounded once.
struct PrefixSums: Sendable {
    /// Beyond it what rounding loses may not be a `Float`.
    static let limit = 1e30

    private(set) var high: [Double]
    private(set) var low: [Float]

    /// Sums within groups; group g is values[starts[g] ..< starts[g + 1]], and NaN counts as nothing.
    init(_ values: [Double], starts: [Int]) {
        high = values
        low = [Float](repeating: 0, count: values.count)
        for (start, end) in zip(starts, starts.dropFirst()) {
            var (sum, lost) = (0.0, 0.0)
            for index in start..<end {
                let value = values[index].isNaN ? 0 : values[index]
                let (next, error) = Self.added(sum, value)
                lost += error
                (sum, lost) = Self.added(next, lost)
                high[index] = sum
                low[index] = Float(lost)
            }
        }
    }

    /// A rounded sum and what rounding lost of it (Knuth, TAOCP 2, 4.2.2).
    private static func added(_ a: Double, _ b: Double) -> (sum: Double, lost: Double) {
        let sum = a + b
        let part = sum - a
        return (sum, (a - (sum - part)) + (b - part))
    }

    /// The sum of values first ..< last of a group that begins at `start`.
    func sum(_ first: Int, _ last: Int, start: Int) -> Double {
        guard first < last else { return 0 }
        guard first > start else { return high[last - 1] }
        let (sum, lost) = Self.added(high[last - 1], -high[first - 1])
        return sum + (lost + (Double(low[last - 1]) - Double(low[first - 1])))
    }
}
