#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How far a metric of test rows, or the difference between two models' metrics over the same rows, would be elsewhere, by drawing the rows anew
/// with replacement: percentile intervals (Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13).
///
/// Rows of one user, session or day say the same thing twice; with `groups` whole groups are drawn, and intervals are as wide as
/// they have to be (Davison and Hinkley, *Bootstrap Methods and their Application*, 1997, section 3.8).
///
/// ```swift
/// let interval = try Bootstrap().interval(rows: labels.count, groups: users) { (weights: [Float]) in
///     guard let new = Metrics.areaUnderROC(scores: newScores, labels: labels, weights: weights),
///         let old = Metrics.areaUnderROC(scores: oldScores, labels: labels, weights: weights)
///     else { return nil }
///     return new - old
/// }
/// ```
public struct Bootstrap: Sendable, Equatable {
    /// How often the rows are drawn.
    public var resamples: Int
    /// The share of such intervals that hold the true value, above 0 and below 1.
    public var level: Double
    /// What the draws depend on, each with its number: not on the threads.
    public var seed: UInt64
    /// Worker threads.
    public var threads: Int

    /// A thousand draws and intervals of 95 %.
    public init(resamples: Int = 1000, level: Double = 0.95, seed: UInt64 = 1, threads: Int = 1) {
        self.resamples = resamples
        self.level = level
        self.seed = seed
        self.threads = threads
    }

    /// The most draws, whose values are all kept.
    package static let mostResamples = 1_000_000

    /// The interval of a statistic of weighted rows.
    ///
    /// A draw in which the statistic is not defined, as an AUC of one class, is left out.
    ///
    /// - Parameters:
    ///   - rows: how many rows there are.
    ///   - groups: `[rows]`, the number of each row's group, such as its user; nil where each row is drawn by itself.
    ///   - statistic: gets how often a draw has each row, `[rows]`, and returns a value, nil where there is none; called by several
    ///     threads at once. With weights of 1 it is the estimate.
    /// - Returns: nil where the statistic is not defined on the rows, or in more than a tenth of the draws.
    /// - Throws: `InputError` that names the option that is out of range, or `rows` where there are none.
    /// - Precondition: `groups` has a number for each row.
    /// - Complexity: `resamples` times that of the statistic.
    public func interval<Scalar: BinaryFloatingPoint & Sendable>(
        rows: Int, groups: [Int]? = nil, of statistic: @escaping @Sendable (_ weights: [Scalar]) -> Double?
    ) throws(InputError) -> ConfidenceInterval? {
        let units = ResampledUnits(rows: rows, groups: groups)
        let found = try values(units: units.count) { counts in
            [statistic(units.rowWeights(counts)) ?? .nan]
        }
        guard let estimate = statistic([Scalar](repeating: 1, count: rows)) else { return nil }
        return interval(estimate, of: found.map { $0[0] })
    }

    /// The values of several statistics in every draw, `[resamples][statistics]`.
    ///
    /// - Parameters:
    ///   - units: how many things are drawn: rows, or groups of them.
    ///   - statistics: gets how often a draw has each unit, `[units]`; called by several threads at once.
    /// - Throws: `InputError` that names the option that is out of range.
    package func values(
        units: Int, of statistics: @escaping @Sendable (_ counts: [Double]) -> [Double]
    ) throws(InputError) -> [[Double]] {
        try check()
        guard units > 0 else {
            throw InputError(.empty, at: "bootstrap, rows", found: "none", expected: "at least one")
        }
        let pool = try WorkerPool(count: min(threads, resamples))
        let shares = (0..<pool.count).map { _ in Share() }
        let (root, resamples) = (SeededGenerator(seed: seed), resamples)
        pool.run { worker in
            var counts = [Double](repeating: 0, count: units)
            for draw in stride(from: worker, to: resamples, by: shares.count) {
                var generator = root.split(UInt64(draw))
                for unit in counts.indices { counts[unit] = 0 }
                for _ in 0..<units { counts[generator.below(units)] += 1 }
                shares[worker].values.append(statistics(counts))
            }
        }
        return (0..<resamples).map { shares[$0 % shares.count].values[$0 / shares.count] }
    }

    /// The interval of an estimate, by its values in all draws; nil where it, or more than a tenth of them, are NaN.
    package func interval(_ estimate: Double, of values: [Double]) -> ConfidenceInterval? {
        let known = values.filter { !$0.isNaN }.sorted()
        guard !estimate.isNaN, !known.isEmpty, known.count * 10 >= values.count * 9 else { return nil }
        let tail = (1 - level) / 2
        return ConfidenceInterval(
            estimate: estimate, lower: Self.percentile(tail, of: known),
            upper: Self.percentile(1 - tail, of: known))
    }

    /// Linear between the two sorted values that are next, as numpy's.
    private static func percentile(_ share: Double, of sorted: [Double]) -> Double {
        let place = share * Double(sorted.count - 1)
        let index = min(Int(place), sorted.count - 1)
        let next = min(index + 1, sorted.count - 1)
        guard sorted[index].isFinite, sorted[next].isFinite else { return sorted[index] }
        return sorted[index] + (place - Double(index)) * (sorted[next] - sorted[index])
    }

    /// - Throws: `InputError` that names the option.
    package func check() throws(InputError) {
        guard (1...Self.mostResamples).contains(resamples) else {
            throw InputError(
                .value, at: "bootstrap, resamples", found: "\(resamples)",
                expected: "1 to \(Self.mostResamples)")
        }
        guard level > 0, level < 1 else {
            throw InputError(
                .value, at: "bootstrap, level", found: "\(level)", expected: "above 0 and below 1")
        }
        guard threads >= 1 else {
            throw InputError(
                .value, at: "bootstrap, threads", found: "\(threads)", expected: "at least 1")
        }
    }

    /// What one worker finds: the draws that are its own, in their order.
    private final class Share: @unchecked Sendable {
        var values: [[Double]] = []
    }
}

/// What a bootstrap draws: rows, or all rows of a group at once.
package struct ResampledUnits: Sendable, Equatable {
    /// The unit of each row, counted from 0; nil where each is its own.
    private let ofRows: [Int32]?
    /// How many there are.
    package let count: Int

    /// - Parameter groups: `[rows]`, numbers of any kind, equal for rows of one group; nil where each row is drawn by itself.
    package init(rows: Int, groups: [Int]?) {
        guard let groups else {
            (ofRows, count) = (nil, rows)
            return
        }
        precondition(groups.count == rows, "\(groups.count) groups of \(rows) rows")
        var numbers: [Int: Int32] = [:]
        ofRows = groups.map { group in
            let number = numbers[group] ?? Int32(numbers.count)
            numbers[group] = number
            return number
        }
        count = numbers.count
    }

    /// The unit of a row.
    package func unit(_ row: Int) -> Int { ofRows.map { Int($0[row]) } ?? row }

    /// How often a draw has each row.
    fileprivate func rowWeights<Scalar: BinaryFloatingPoint>(_ counts: [Double]) -> [Scalar] {
        guard let ofRows else { return counts.map { Scalar($0) } }
        return ofRows.map { Scalar(counts[Int($0)]) }
    }
}
