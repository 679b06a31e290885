#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Metrics of numbers whose loss is no squared error; definitions are scikit-learn's.
extension Metrics {
    /// Mean of level (label - prediction) above the prediction and (1 - level)(prediction - label) below it
    /// (`mean_pinball_loss`), in the label's unit; nil without a labelled row.
    ///
    /// - Parameters:
    ///   - predictions: `[rows]`.
    ///   - labels: `[rows]`, NaN where missing.
    ///   - level: the quantile's level, above 0 and below 1.
    ///   - weights: `[rows]`, how much each row counts; nil for once each.
    public static func pinballLoss<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], level: Double, weights: [Scalar]? = nil
    ) -> Double? {
        mean(labels, weights, of: predictions) { prediction, label in
            label > prediction ? level * (label - prediction) : (1 - level) * (prediction - label)
        }
    }

    /// The share of labels at or below their prediction; nil without a labelled row.
    public static func coverage<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        mean(labels, weights, of: predictions) { $1 <= $0 ? 1 : 0 }
    }

    /// Mean Tweedie deviance of a power from 1 (Poisson) to below 2 (`mean_tweedie_deviance`); nil without a labelled row, or where a
    /// label is below 0 or a prediction not above it.
    public static func tweedieDeviance<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], power: Double, weights: [Scalar]? = nil
    ) -> Double? {
        precondition(power >= 1 && power < 2, "a power of \(power)")
        for (prediction, label) in zip(predictions, labels) where !label.isNaN {
            guard label >= 0, prediction > 0 else { return nil }
        }
        return mean(labels, weights, of: predictions) { prediction, label in
            if power == 1 {
                return 2 * ((label > 0 ? label * log(label / prediction) : 0) - label + prediction)
            }
            let (first, second) = (1 - power, 2 - power)
            return 2
                * (pow(label, second) / (first * second) - label * pow(prediction, first) / first
                    + pow(prediction, second) / second)
        }
    }

    /// R², 1 - the squared error over that of the labels' mean; nil without two labels that differ (`r2_score`).
    public static func coefficientOfDetermination<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        guard
            let own = mean(labels, weights, of: predictions, { ($0 - $1) * ($0 - $1) }),
            let center = mean(labels, weights, { $1 }),
            let all = mean(labels, weights, { ($1 - center) * ($1 - center) }), all > 0
        else { return nil }
        return 1 - own / all
    }

    /// Mean |prediction - label| / |label| over the rows whose label is not 0; nil without any.
    public static func meanAbsolutePercentageError<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        mean(labels.map { $0 == 0 ? .nan : $0 }, weights, of: predictions) { abs($0 - $1) / abs($1) }
    }

    /// Spearman's correlation of predictions and labels, that of their ranks, ties sharing their mean rank (`scipy.stats.spearmanr`); with
    /// weights a rank is the weight of the rows below and half of the own. Nil where either is the same for all rows.
    public static func spearman<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        check(predictions.count, labels.count)
        let rows = labels.indices.filter { !labels[$0].isNaN && weights?[$0] ?? 1 > 0 }
        let own = rows.map { row in weights.map { Double($0[row]) } ?? 1 }
        guard let x = ranks(rows.map { predictions[$0] }, own), let y = ranks(rows.map { labels[$0] }, own)
        else { return nil }
        let total = own.reduce(0, +)
        func mean(_ term: (Int) -> Double) -> Double {
            own.indices.reduce(0) { $0 + own[$1] * term($1) } / total
        }
        let (centerX, centerY) = (mean { x[$0] }, mean { y[$0] })
        let (varianceX, varianceY) = (
            mean { (x[$0] - centerX) * (x[$0] - centerX) }, mean { (y[$0] - centerY) * (y[$0] - centerY) }
        )
        guard varianceX > 0, varianceY > 0 else { return nil }
        return mean { (x[$0] - centerX) * (y[$0] - centerY) } / (varianceX * varianceY).squareRoot()
    }

    /// Nil without rows, or with a value that is no number.
    private static func ranks<Scalar: BinaryFloatingPoint>(
        _ values: [Scalar], _ weights: [Double]
    ) -> [Double]? {
        guard !values.isEmpty, !values.contains(where: \.isNaN) else { return nil }
        var ranks = [Double](repeating: 0, count: values.count)
        let order = values.indices.sorted { values[$0] < values[$1] }
        var (start, below) = (0, 0.0)
        while start < order.count {
            var (end, own) = (start, 0.0)
            while end < order.count, values[order[end]] == values[order[start]] {
                own += weights[order[end]]
                end += 1
            }
            for place in start..<end { ranks[order[place]] = below + own / 2 }
            (start, below) = (end, below + own)
        }
        return ranks
    }

    /// XAUC: the probability that of two rows whose labels differ the one with the larger label is predicted larger, ties counting half; with
    /// weights a pair counts the product of its rows'. O(n log n). Nil without two labels that differ. (Zhan et al.,
    /// *Deconfounding Duration Bias in Watch-time Prediction for Video Recommendation*, KDD 2022.)
    public static func areaOfPairs<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        check(predictions.count, labels.count)
        let rows = labels.indices.filter { !labels[$0].isNaN && weights?[$0] ?? 1 > 0 }
        guard !rows.contains(where: { predictions[$0].isNaN }) else { return nil }
        let distinct = Set(rows.map { predictions[$0] }).sorted()
        var sums = PrefixSums(distinct.count)
        func place(_ value: Scalar) -> Int {
            var (low, high) = (0, distinct.count)
            while low < high {
                let middle = (low + high) / 2
                if distinct[middle] < value { low = middle + 1 } else { high = middle }
            }
            return low
        }
        let order = rows.sorted { labels[$0] < labels[$1] }
        var (start, right, pairs) = (0, 0.0, 0.0)
        while start < order.count {
            var end = start
            while end < order.count, labels[order[end]] == labels[order[start]] { end += 1 }
            // First against all with smaller labels, then among them.
            for row in order[start..<end] {
                let (weight, at) = (weights.map { Double($0[row]) } ?? 1, place(predictions[row]))
                let (below, upTo) = (sums.sum(at), sums.sum(at + 1))
                right += weight * (below + upTo) / 2
                pairs += weight * sums.sum(distinct.count)
            }
            for row in order[start..<end] {
                sums.add(weights.map { Double($0[row]) } ?? 1, at: place(predictions[row]))
            }
            start = end
        }
        return pairs > 0 ? right / pairs : nil
    }
}

/// Sums of the first of many numbers that change one by one (Fenwick, *A New Data Structure for Cumulative Frequency Tables*, 1994).
private struct PrefixSums {
    private var tree: [Double]

    init(_ count: Int) { tree = [Double](repeating: 0, count: count + 1) }

    mutating func add(_ value: Double, at place: Int) {
        var index = place + 1
        while index < tree.count {
            tree[index] += value
            index += index & -index
        }
    }

    func sum(_ count: Int) -> Double {
        var (index, sum) = (count, 0.0)
        while index > 0 {
            sum += tree[index]
            index -= index & -index
        }
        return sum
    }
}
