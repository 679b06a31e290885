/// How well one feature alone tells a binary label.
enum SingleFeature {
    /// Rows of each class below which an area under the curve is chance.
    static let fewestRows = 10
    /// How many rows of the overall rate a value's own rate is drawn towards.
    static let smoothing = 20.0

    /// The values of rows, numbered: row i has those before ends[i].
    struct Values {
        private(set) var ids: [Int] = []
        private(set) var ends: [Int] = []
        private(set) var count = 0

        /// - Parameter values: per row its values.
        init(_ values: some Sequence<[UInt64]>) {
            var numbers: [UInt64: Int] = [:]
            for row in values {
                for value in row {
                    let id = numbers[value] ?? numbers.count
                    if id == numbers.count { numbers[value] = id }
                    ids.append(id)
                }
                ends.append(ids.count)
            }
            count = numbers.count
        }

        func range(_ row: Int) -> Range<Int> { (row == 0 ? 0 : ends[row - 1])..<ends[row] }
    }

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
    /// - Returns: `[rows]`; a row of several values scores their mean, of none the overall rate.
    static func rates(_ values: Values, labels: [Double], folds: [Int]) -> [Double] {
        let width = CategoryCounter.Folds.count
        var (known, positives) = (0.0, 0.0)
        // Per value and fold the sum of labels and the rows that have one.
        var sums = [SIMD2<Double>](repeating: .zero, count: values.count * width)
        for row in labels.indices where !labels[row].isNaN {
            known += 1
            positives += labels[row]
            for place in values.range(row) {
                sums[values.ids[place] * width + folds[row]] += SIMD2(labels[row], 1)
            }
        }
        let overall = known > 0 ? positives / known : 0
        var totals = [SIMD2<Double>](repeating: .zero, count: values.count)
        for index in sums.indices { totals[index / width] += sums[index] }
        return labels.indices.map { row in
            let range = values.range(row)
            guard !range.isEmpty else { return overall }
            var total = 0.0
            for place in range {
                let id = values.ids[place]
                let others = totals[id] - sums[id * width + folds[row]]
                total += (others[0] + smoothing * overall) / (others[1] + smoothing)
            }
            return total / Double(range.count)
        }
    }

    /// Whether an area says that the feature is the label in other words.
    static func isLeak(_ area: Double?) -> Bool { area.map { $0 > 0.99 || $0 < 0.01 } ?? false }
}
