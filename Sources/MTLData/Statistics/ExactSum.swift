/// A sum that does not depend on the order of its numbers, and is rounded only when it is asked for: whole numbers, one for
/// every 32 powers of two (a superaccumulator, as in Neal, *Fast Exact Summation Using Small and Large
/// Superaccumulators*, 2015).
struct ExactSum: Sendable {
    /// Bin k counts units of 2^(32k - 1074). A number adds less than 2^85 to its bin, so that 2^42 numbers fit.
    private var bins = [Int128](repeating: 0, count: 64)

    mutating func withBins(_ body: (UnsafeMutableBufferPointer<Int128>) -> Void) {
        bins.withUnsafeMutableBufferPointer { body($0) }
    }

    /// Adds a finite number.
    @inline(__always)
    static func add(_ value: Double, to bins: UnsafeMutableBufferPointer<Int128>) {
        let exponent = Int(value.exponentBitPattern)
        let whole = value.significandBitPattern | (exponent == 0 ? 0 : 1 << 52)
        let place = max(exponent, 1) - 1
        let units = Int128(whole) << Int128(place & 31)
        bins[place >> 5] &+= value.sign == .minus ? -units : units
    }

    mutating func merge(_ other: ExactSum) {
        for index in bins.indices { bins[index] &+= other.bins[index] }
    }

    /// The sum in two parts, the second what is missing in the first.
    var parts: (high: Double, low: Double) {
        var high = 0.0
        var low = 0.0
        for index in bins.indices.reversed() where bins[index] != 0 {
            let unit = Double(sign: .plus, exponent: 32 * index - 1074, significand: 1)
            var rest = bins[index]
            while rest != 0 {
                let part = Double(rest)
                rest -= Int128(part)
                let sum = twoSum(high, part * unit)
                (high, low) = (sum.high, low + sum.low)
            }
        }
        let sum = twoSum(high, low)
        return (sum.high, sum.low)
    }
}

/// A sum and its rounding error (Knuth, *The Art of Computer Programming* 2, 4.2.2).
private func twoSum(_ left: Double, _ right: Double) -> (high: Double, low: Double) {
    let high = left + right
    let part = high - left
    return (high, (left - (high - part)) + (right - part))
}

/// The moments of numbers: equal in every bit, whatever parts the numbers came in.
struct Moments: Sendable {
    /// Beyond this, squares of sums no longer fit a `Double`; numbers are cut to it.
    static let limit = 1e140

    private(set) var count = 0
    private var sum = ExactSum()
    private var squares = ExactSum()

    mutating func add(_ values: [Double]) {
        count += values.count
        sum.withBins { sum in
            squares.withBins { squares in
                for value in values {
                    ExactSum.add(value, to: sum)
                    let square = value * value
                    ExactSum.add(square, to: squares)
                    let error = (-square).addingProduct(value, value)
                    if error != 0 { ExactSum.add(error, to: squares) }
                }
            }
        }
    }

    mutating func merge(_ other: Moments) {
        count += other.count
        sum.merge(other.sum)
        squares.merge(other.squares)
    }

    var mean: Double { count > 0 ? sum.parts.high / Double(count) : 0 }

    /// The mean of the squares less the square of the mean, in twice a `Double`'s digits until the difference is taken.
    var variance: Double {
        guard count > 0 else { return 0 }
        let rows = Double(count)
        let (sum, squares) = (sum.parts, squares.parts)
        let left = rows * squares.high
        let leftRest = (-left).addingProduct(rows, squares.high) + rows * squares.low
        let right = sum.high * sum.high
        let rightRest = (-right).addingProduct(sum.high, sum.high) + 2 * sum.high * sum.low
        let difference = twoSum(left, -right)
        return max(0, difference.high + (difference.low + (leftRest - rightRest))) / rows / rows
    }
}
