#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How well probabilities are those of what happens.
extension Metrics {
    /// The mean of (probability - label)², the Brier score.
    ///
    /// - Parameters:
    ///   - probabilities: `[rows]`, of label 1.
    ///   - labels: `[rows]`, 0 or 1, NaN where missing.
    ///   - weights: `[rows]`, how much each row counts; nil for once each.
    public static func brierScore<Scalar: BinaryFloatingPoint>(
        probabilities: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        mean(labels, weights, of: probabilities) { ($0 - $1) * ($0 - $1) }
    }

    /// The sum of the probabilities over that of the labels: above 1 where too much is predicted. Nil without a label 1.
    public static func calibrationRatio<Scalar: BinaryFloatingPoint>(
        probabilities: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        guard
            let predicted = mean(labels, weights, { row, _ in Double(probabilities[row]) }),
            let observed = mean(labels, weights, { $1 }), observed > 0
        else { return nil }
        return predicted / observed
    }

    /// The log loss over that of the labels' share for every row: below 1 where the predictions say something (He et al., *Practical
    /// Lessons from Predicting Clicks on Ads at Facebook*, ADKDD 2014). Nil for labels of one class.
    public static func normalizedEntropy<Scalar: BinaryFloatingPoint>(
        probabilities: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        guard let share = mean(labels, weights, { $1 }) else { return nil }
        return logLoss(probabilities: probabilities, labels: labels, weights: weights).flatMap {
            normalized(logLoss: $0, share: share)
        }
    }

    static func normalized(logLoss: Double, share: Double) -> Double? {
        guard share > 0, share < 1 else { return nil }
        return logLoss / -(share * log(share) + (1 - share) * log(1 - share))
    }

    /// A group of rows of like predictions.
    public struct CalibrationBin: Sendable, Equatable {
        /// The rows, or their weight.
        public var rows = 0.0
        /// Their mean prediction, and the mean of their labels.
        public var (predicted, observed) = (0.0, 0.0)
    }

    /// Rows of like predictions, the lowest first, in bins of about equal numbers: equal predictions are in one bin, that of the middle of
    /// their rows. Bins without rows are left out.
    ///
    /// Of rare events a bin per tenth of the probability would hold all rows in the first.
    public static func calibrationBins<Scalar: BinaryFloatingPoint>(
        probabilities: [Scalar], labels: [Scalar], weights: [Scalar]? = nil, count: Int = 15
    ) -> [CalibrationBin] {
        precondition(count > 0, "\(count) bins")
        let rows = labels.indices.filter { !labels[$0].isNaN && weights?[$0] ?? 1 > 0 }.sorted {
            probabilities[$0] < probabilities[$1]
        }
        func weight(_ row: Int) -> Double { weights.map { Double($0[row]) } ?? 1 }
        let total = rows.reduce(0) { $0 + weight($1) }
        var bins = [CalibrationBin](repeating: CalibrationBin(), count: count)
        var (start, before) = (0, 0.0)
        while start < rows.count {
            let value = probabilities[rows[start]]
            var (end, own, hits) = (start, 0.0, 0.0)
            while end < rows.count, probabilities[rows[end]] == value {
                own += weight(rows[end])
                hits += weight(rows[end]) * Double(labels[rows[end]])
                end += 1
            }
            // A prediction that is no number equals nothing.
            guard end > start else { return [] }
            let bin = min(count - 1, Int((before + own / 2) / total * Double(count)))
            bins[bin].rows += own
            bins[bin].predicted += own * Double(value)
            bins[bin].observed += hits
            (start, before) = (end, before + own)
        }
        return bins.filter { $0.rows > 0 }.map {
            CalibrationBin(
                rows: $0.rows, predicted: $0.predicted / $0.rows, observed: $0.observed / $0.rows)
        }
    }

    /// The expected calibration error: the mean distance between a bin's mean prediction and the mean of its labels, each bin by its rows
    /// (Naeini et al., *Obtaining Well Calibrated Probabilities Using Bayesian Binning*, AAAI 2015; `calibrationBins` says which).
    public static func expectedCalibrationError<Scalar: BinaryFloatingPoint>(
        probabilities: [Scalar], labels: [Scalar], weights: [Scalar]? = nil, bins count: Int = 15
    ) -> Double? {
        let bins = calibrationBins(
            probabilities: probabilities, labels: labels, weights: weights, count: count)
        let total = bins.reduce(0) { $0 + $1.rows }
        guard total > 0 else { return nil }
        return bins.reduce(0) { $0 + $1.rows * abs($1.predicted - $1.observed) } / total
    }
}
