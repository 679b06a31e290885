#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Metrics over labelled rows: a row whose label is NaN is left out. A value that is not defined (no labelled
/// row; for AUC, labels of one class only) is nil, never a number.
///
/// Definitions are scikit-learn's (`sklearn.metrics`). Counts that do not fit trap.
public enum Metrics {
    /// Mean of -log p of the label, with p cut to [ε, 1-ε], ε the type's machine epsilon.
    ///
    /// - Parameters:
    ///   - probabilities: `[rows]`, of label 1.
    ///   - labels: `[rows]`, 0 or 1.
    ///   - weights: `[rows]`, how much each row counts, 0 or above; nil for once each.
    public static func logLoss<Scalar: BinaryFloatingPoint>(
        probabilities: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        let edge = Double(Scalar.ulpOfOne)
        return mean(labels, weights, of: probabilities) { probability, label in
            let p = min(max(probability, edge), 1 - edge)
            return -log(label == 1 ? p : 1 - p)
        }
    }

    /// Mean of -log p of the label's class.
    ///
    /// - Parameters:
    ///   - classProbabilities: row-major `[rows, classes]`.
    ///   - classes: the number of classes.
    ///   - labels: `[rows]`, class indices.
    ///   - weights: `[rows]`, how much each row counts; nil for once each.
    public static func logLoss<Scalar: BinaryFloatingPoint>(
        classProbabilities: [Scalar], classes: Int, labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        check(classProbabilities.count, labels.count * classes)
        let edge = Double(Scalar.ulpOfOne)
        return mean(labels, weights) { row, label in
            let p = Double(classProbabilities[row * classes + Int(label)])
            return -log(min(max(p, edge), 1 - edge))
        }
    }

    /// The area under the receiver operating characteristic: the probability that a positive row scores above a
    /// negative one, ties counting half. O(n log n). More of the same rows is a `BinaryCurve`'s.
    public static func areaUnderROC<Scalar: BinaryFloatingPoint>(
        scores: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        BinaryCurve(scores: scores, labels: labels, weights: weights).areaUnderROC
    }

    /// √ mean (prediction - label)².
    public static func rootMeanSquaredError<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        mean(labels, weights, of: predictions) { ($0 - $1) * ($0 - $1) }?.squareRoot()
    }

    /// Mean |prediction - label|.
    public static func meanAbsoluteError<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        mean(labels, weights, of: predictions) { abs($0 - $1) }
    }

    /// The share of rows where the probability of label 1 lies on the label's side of 0.5 (0.5 counts as 1).
    public static func accuracy<Scalar: BinaryFloatingPoint>(
        probabilities: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        mean(labels, weights, of: probabilities) { ($0 >= 0.5) == ($1 == 1) ? 1 : 0 }
    }

    /// The share of rows whose most probable class (the first of equals) is the label.
    public static func accuracy<Scalar: BinaryFloatingPoint>(
        classProbabilities: [Scalar], classes: Int, labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        check(classProbabilities.count, labels.count * classes)
        return mean(labels, weights) { row, label in
            var best = 0
            for index in 1..<max(1, classes)
            where classProbabilities[row * classes + index] > classProbabilities[row * classes + best] {
                best = index
            }
            return best == Int(label) ? 1 : 0
        }
    }

    static func check(_ found: Int, _ expected: Int) {
        precondition(found == expected, "\(found) predictions for labels that ask for \(expected)")
    }

    static func mean<Scalar: BinaryFloatingPoint>(
        _ labels: [Scalar], _ weights: [Scalar]?, of values: [Scalar], _ term: (Double, Double) -> Double
    ) -> Double? {
        check(values.count, labels.count)
        return mean(labels, weights) { row, label in term(Double(values[row]), label) }
    }

    /// The mean of a term over the labelled rows, by their weights; nil without any.
    static func mean<Scalar: BinaryFloatingPoint>(
        _ labels: [Scalar], _ weights: [Scalar]?, _ term: (Int, Double) -> Double
    ) -> Double? {
        precondition(
            weights?.count ?? labels.count == labels.count,
            "\(weights?.count ?? 0) weights of \(labels.count) labels")
        var (sum, total) = (0.0, 0.0)
        for row in labels.indices where !labels[row].isNaN {
            let weight = weights.map { Double($0[row]) } ?? 1
            guard weight > 0 else { continue }
            sum += weight * term(row, Double(labels[row]))
            total += weight
        }
        return total > 0 ? sum / total : nil
    }
}
