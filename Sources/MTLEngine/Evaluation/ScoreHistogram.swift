#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Rows of a binary task counted by the logit of their probability, in 2²⁰ bins from -20 to 20: 33 MB, whatever the rows.
///
/// Rows of a bin count as ties. What a threshold of one half lets through is exact: it is an edge of two bins.
struct ScoreHistogram: Sendable {
    private static let bins = 1 << 20
    private static let reach = 20.0

    /// Per bin the weight of rows with label 1 and 0, and the sum of the predictions by their weights.
    private var positives = [Double](repeating: 0, count: Self.bins)
    private var negatives = [Double](repeating: 0, count: Self.bins)
    private var predicted = [Double](repeating: 0, count: Self.bins)
    /// The first score of each bin, and whether others were in it.
    private var firsts = [Double](repeating: 0, count: Self.bins)
    private var isMixed = [Bool](repeating: false, count: Self.bins)
    private var hasNaN = false

    mutating func add<Scalar: BLASScalar>(_ scores: [Scalar], _ labels: [Scalar], _ weights: [Scalar]?) {
        precondition(
            scores.count == labels.count && weights?.count ?? labels.count == labels.count,
            "\(scores.count) scores and \(weights?.count ?? labels.count) weights of \(labels.count) labels")
        for row in labels.indices where !labels[row].isNaN {
            let weight = weights.map { Double($0[row]) } ?? 1
            guard weight > 0 else { continue }
            let score = Double(scores[row])
            guard !score.isNaN else {
                hasNaN = true
                continue
            }
            let bin = Self.bin(score)
            if positives[bin] + negatives[bin] == 0 { firsts[bin] = score }
            isMixed[bin] = isMixed[bin] || score != firsts[bin]
            if labels[row] == 1 { positives[bin] += weight } else { negatives[bin] += weight }
            predicted[bin] += weight * score
        }
    }

    private static func bin(_ score: Double) -> Int {
        guard score > 0 else { return 0 }
        guard score < 1 else { return bins - 1 }
        let logit = log(score) - log1p(-score)
        let place = (logit + reach) / (2 * reach) * Double(bins)
        return Int(min(max(place, 0), Double(bins - 1)))
    }

    /// The least score of a bin.
    private static func edge(_ bin: Int) -> Double {
        bin == 0 ? 0 : 1 / (1 + exp(reach - Double(bin) * (2 * reach / Double(bins))))
    }

    /// The bins with rows.
    private var used: [Int] { positives.indices.filter { positives[$0] + negatives[$0] > 0 } }

    /// What every edge of a bin lets through.
    var curve: BinaryCurve {
        let used = used
        let scores = used.map { isMixed[$0] ? Self.edge($0) : firsts[$0] }
        return BinaryCurve(
            scores: hasNaN ? [.nan] : scores + scores,
            labels: hasNaN
                ? [1]
                : [Double](repeating: 1, count: used.count) + [Double](repeating: 0, count: used.count),
            weights: hasNaN ? [1] : used.map { positives[$0] } + used.map { negatives[$0] })
    }

    /// Half the share of pairs of a row with label 1 and one with 0 that lie in one bin of several scores: AUC is at most so far off.
    var areaError: Double? {
        let (ones, zeros) = (positives.reduce(0, +), negatives.reduce(0, +))
        guard ones > 0, zeros > 0 else { return nil }
        return positives.indices.reduce(0) { isMixed[$1] ? $0 + positives[$1] * negatives[$1] : $0 }
            / (2 * ones * zeros)
    }

    /// As `Metrics.expectedCalibrationError`, rows of a bin being in one of its groups.
    var expectedCalibrationError: Double? {
        guard !hasNaN else { return nil }
        let used = used
        let rows = used.map { positives[$0] + negatives[$0] }
        return Metrics.expectedCalibrationError(
            probabilities: zip(used, rows).map { predicted[$0] / $1 },
            labels: zip(used, rows).map { positives[$0] / $1 }, weights: rows)
    }
}
