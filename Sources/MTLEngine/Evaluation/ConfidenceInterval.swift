/// A number that was estimated, and between which bounds it may as well lie.
public struct ConfidenceInterval: Sendable, Equatable, Codable {
    /// What was estimated.
    public let estimate: Double
    /// The lower bound.
    public let lower: Double
    /// The upper bound.
    public let upper: Double

    /// An interval around an estimate.
    public init(estimate: Double, lower: Double, upper: Double) {
        self.estimate = estimate
        self.lower = lower
        self.upper = upper
    }

    /// Half the distance of the bounds.
    public var halfWidth: Double { (upper - lower) / 2 }

    /// Whether 0 lies outside, so that the sign of the estimate is told.
    public var excludesZero: Bool { lower > 0 || upper < 0 }

    /// Student's interval of the mean of independent values: mean ± t s/√n, with n - 1 degrees of freedom. Of the differences between two
    /// models, seed by seed, it is the paired one.
    ///
    /// - Parameters:
    ///   - values: each a measurement by itself.
    ///   - level: the share of such intervals that hold the true mean, above 0 and below 1.
    /// - Returns: nil of fewer than two values, or where one is no finite number.
    public static func mean(of values: [Double], level: Double = 0.95) -> ConfidenceInterval? {
        precondition(level > 0 && level < 1, "a level of \(level)")
        guard values.count > 1, values.allSatisfy(\.isFinite) else { return nil }
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let error = (squares / (count - 1) / count).squareRoot()
        let half = StudentDistribution(degrees: values.count - 1).quantile((1 + level) / 2) * error
        return ConfidenceInterval(estimate: mean, lower: mean - half, upper: mean + half)
    }

    /// The same estimate where two independent sources of error add, each of which this and another interval know by itself: bounds by the
    /// method of variance estimates recovery, estimate ± √(h₁² + h₂²) of the distances to the bounds on that side. It holds 0 where
    /// one of the two does.
    ///
    /// - Source: Zou and Donner, *Construction of confidence limits about effect measures*, Statistics in Medicine 27, 2008, formula 3.
    package func adding(_ other: ConfidenceInterval) -> ConfidenceInterval {
        func joint(_ one: Double, _ two: Double) -> Double { (one * one + two * two).squareRoot() }
        // A percentile interval need not hold its estimate: no bound lies beyond it.
        func below(_ interval: ConfidenceInterval) -> Double { max(0, interval.estimate - interval.lower) }
        func above(_ interval: ConfidenceInterval) -> Double { max(0, interval.upper - interval.estimate) }
        return ConfidenceInterval(
            estimate: estimate, lower: estimate - joint(below(self), below(other)),
            upper: estimate + joint(above(self), above(other)))
    }
}
