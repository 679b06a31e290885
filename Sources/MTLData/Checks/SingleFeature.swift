/// How well one feature alone tells a binary label.
enum SingleFeature {
    /// Rows of each class below which an area under the curve is chance.
    static let fewestRows = 10

    /// The area under the ROC curve, ties counting half (scikit-learn's `roc_auc_score`), of rows that have a score and a
    /// label.
    ///
    /// - Parameters:
    ///   - scores: `[rows]`, NaN where there is none.
    ///   - order: the rows by their scores, from `order(_:)`.
    ///   - labels: `[rows]`, 1 or 0, NaN where missing.
    /// - Returns: nil for fewer than ten rows of a class.
    static func areaUnderROC(scores: [Double], order: [Int], labels: [Double]) -> Double? {
        var (positives, negatives, pairs) = (0.0, 0.0, 0.0)
        var start = 0
        while start < order.count {
            var end = start
            var (tiedPositives, tiedNegatives) = (0.0, 0.0)
            while end < order.count, scores[order[end]] == scores[order[start]] {
                let label = labels[order[end]]
                if label == 1 { tiedPositives += 1 } else if label == 0 { tiedNegatives += 1 }
                end += 1
            }
            pairs += tiedPositives * (negatives + tiedNegatives / 2)
            positives += tiedPositives
            negatives += tiedNegatives
            start = end
        }
        guard min(positives, negatives) >= Double(fewestRows) else { return nil }
        return pairs / (positives * negatives)
    }

    /// The rows that have a score, least first.
    static func order(_ scores: [Double]) -> [Int] {
        scores.indices.filter { !scores[$0].isNaN }.sorted { scores[$0] < scores[$1] }
    }

    /// Per row the label's rate over rows of the same value in other folds, drawn towards the overall rate by 20 rows of
    /// it: a value seen once tells nothing about itself.
    ///
    /// - Parameter values: per row its values; a row of several scores their mean, of none the overall rate.
    static func rates(values: [[UInt64]], labels: [Double], folds: [Int]) -> [Double] {
        let smoothing = 20.0
        let known = labels.filter { !$0.isNaN }
        let overall = known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
        var sums: [UInt64: (all: SIMD2<Double>, folds: [SIMD2<Double>])] = [:]
        for row in values.indices where !labels[row].isNaN {
            let one = SIMD2(labels[row], 1)
            for value in values[row] {
                let none = [SIMD2<Double>](repeating: .zero, count: CategoryCounter.Folds.count)
                sums[value, default: (.zero, none)].all += one
                sums[value]?.folds[folds[row]] += one
            }
        }
        return values.indices.map { row in
            guard !values[row].isEmpty else { return overall }
            var total = 0.0
            for value in values[row] {
                let found = sums[value].map { $0.all - $0.folds[folds[row]] } ?? .zero
                total += (found[0] + smoothing * overall) / (found[1] + smoothing)
            }
            return total / Double(values[row].count)
        }
    }

    /// The same for rows of one value each.
    static func rates(values: [UInt64], labels: [Double], folds: [Int]) -> [Double] {
        rates(values: values.map { [$0] }, labels: labels, folds: folds)
    }

    /// Whether an area says that the feature is the label in other words.
    static func isLeak(_ area: Double?) -> Bool { area.map { $0 > 0.99 || $0 < 0.01 } ?? false }
}
