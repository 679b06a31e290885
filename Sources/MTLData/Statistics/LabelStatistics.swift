internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What is counted of the labels of one task while a preprocessor is fitted: equal in every bit, whatever parts the rows came in.
struct LabelStatistics: Sendable {
    /// Whether moments are those of log(1 + label).
    private let isLogarithmic: Bool
    /// Of a regression label; else its values are classes.
    private let isNumber: Bool
    private var moments = WeightedMoments()
    private var logs = WeightedMoments()
    private var least = Double.infinity
    private var greatest = -Double.infinity
    /// Rows of no and of yes.
    private var classes = [0, 0]

    init(_ label: Label) {
        isLogarithmic = label.isLogarithmic
        isNumber = label.kind == .regression
    }

    mutating func add(_ value: Double, weight: Double) {
        guard !value.isNaN else { return }
        guard isNumber else {
            classes[value > 0.5 ? 1 : 0] += 1
            return
        }
        // Rows that may be left out later for such a label.
        guard !isLogarithmic || value >= 0, weight > 0 else { return }
        let learned = isLogarithmic ? log1p(value) : value
        (least, greatest) = (min(least, learned), max(greatest, learned))
        moments.add(learned, weight: weight)
        if value > 0 { logs.add(log(value), weight: weight) }
    }

    mutating func merge(_ other: LabelStatistics) {
        moments.merge(other.moments)
        logs.merge(other.logs)
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
        for index in classes.indices { classes[index] += other.classes[index] }
    }

    var found: LabelMoments {
        var found = LabelMoments()
        found.isLogarithmic = isLogarithmic
        guard isNumber else {
            found.classes = classes.map(Double.init)
            return found
        }
        found.mean = moments.mean
        // What rounding leaves of equal labels would make a scale of its own.
        found.deviation = least < greatest ? moments.variance.squareRoot() : 0
        found.meanLogOfPositive = logs.hasWeight ? logs.mean : nil
        return found
    }
}

/// The weighted mean and variance of numbers, each sum exact but for the rounding of its terms to twice a `Double`'s digits.
struct WeightedMoments: Sendable {
    private var weights = ExactSum()
    private var sum = ExactSum()
    private var squares = ExactSum()

    mutating func add(_ value: Double, weight: Double) {
        let value = max(-Moments.limit, min(Moments.limit, value))
        let product = weight * value
        let rest = (-product).addingProduct(weight, value)
        let square = product * value
        let squareRest = (-square).addingProduct(product, value) + rest * value
        weights.withBins { ExactSum.add(weight, to: $0) }
        sum.withBins {
            ExactSum.add(product, to: $0)
            ExactSum.add(rest, to: $0)
        }
        squares.withBins {
            ExactSum.add(square, to: $0)
            ExactSum.add(squareRest, to: $0)
        }
    }

    mutating func merge(_ other: WeightedMoments) {
        weights.merge(other.weights)
        sum.merge(other.sum)
        squares.merge(other.squares)
    }

    var hasWeight: Bool { weights.parts.high > 0 }
    var mean: Double { hasWeight ? sum.parts.high / weights.parts.high : 0 }

    /// The mean of the squares less the square of the mean, in twice a `Double`'s digits until the difference is taken.
    var variance: Double {
        guard hasWeight else { return 0 }
        let (rows, sum, squares) = (weights.parts, sum.parts, squares.parts)
        let left = rows.high * squares.high
        let leftRest =
            (-left).addingProduct(rows.high, squares.high) + rows.high * squares.low + rows.low * squares.high
        let right = sum.high * sum.high
        let rightRest = (-right).addingProduct(sum.high, sum.high) + 2 * sum.high * sum.low
        return max(0, (left - right) + (leftRest - rightRest)) / rows.high / rows.high
    }
}
