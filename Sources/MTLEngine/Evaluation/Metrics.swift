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
    public static func logLoss<Scalar: BinaryFloatingPoint>(
        probabilities: [Scalar], labels: [Scalar]
    ) -> Double? {
        let edge = Double(Scalar.ulpOfOne)
        return mean(labels, of: probabilities) { probability, label in
            let p = min(max(Double(probability), edge), 1 - edge)
            return -log(label == 1 ? p : 1 - p)
        }
    }

    /// Mean of -log p of the label's class.
    ///
    /// - Parameters:
    ///   - classProbabilities: row-major `[rows, classes]`.
    ///   - classes: the number of classes.
    ///   - labels: `[rows]`, class indices.
    public static func logLoss<Scalar: BinaryFloatingPoint>(
        classProbabilities: [Scalar], classes: Int, labels: [Scalar]
    ) -> Double? {
        check(classProbabilities.count, labels.count * classes)
        let edge = Double(Scalar.ulpOfOne)
        return mean(labels) { row, label in
            let p = Double(classProbabilities[row * classes + Int(label)])
            return -log(min(max(p, edge), 1 - edge))
        }
    }

    /// The area under the receiver operating characteristic: the probability that a positive row scores above a
    /// negative one, ties counting half. O(n log n).
    public static func areaUnderROC<Scalar: BinaryFloatingPoint>(
        scores: [Scalar], labels: [Scalar]
    ) -> Double? {
        check(scores.count, labels.count)
        var rows: [(score: Scalar, isPositive: Bool)] = []
        rows.reserveCapacity(labels.count)
        for row in labels.indices where !labels[row].isNaN { rows.append((scores[row], labels[row] == 1)) }
        rows.sort { $0.score < $1.score }
        var positives = 0.0
        var pairs = 0.0
        var start = 0
        while start < rows.count {
            var end = start
            var tiedPositives = 0.0
            while end < rows.count && rows[end].score == rows[start].score {
                if rows[end].isPositive { tiedPositives += 1 }
                end += 1
            }
            // A NaN score equals nothing, not even itself.
            if end == start { return nil }
            let negativesBelow = Double(start) - positives
            let tiedNegatives = Double(end - start) - tiedPositives
            pairs += tiedPositives * (negativesBelow + tiedNegatives / 2)
            positives += tiedPositives
            start = end
        }
        let negatives = Double(rows.count) - positives
        return positives > 0 && negatives > 0 ? pairs / (positives * negatives) : nil
    }

    /// √ mean (prediction - label)².
    public static func rootMeanSquaredError<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar]
    ) -> Double? {
        mean(labels, of: predictions) { ($0 - $1) * ($0 - $1) }?.squareRoot()
    }

    /// Mean |prediction - label|.
    public static func meanAbsoluteError<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar]
    ) -> Double? {
        mean(labels, of: predictions) { abs($0 - $1) }
    }

    /// The share of rows where the probability of label 1 lies on the label's side of 0.5 (0.5 counts as 1).
    public static func accuracy<Scalar: BinaryFloatingPoint>(
        probabilities: [Scalar], labels: [Scalar]
    ) -> Double? {
        mean(labels, of: probabilities) { ($0 >= 0.5) == ($1 == 1) ? 1 : 0 }
    }

    /// The share of rows whose most probable class (the first of equals) is the label.
    public static func accuracy<Scalar: BinaryFloatingPoint>(
        classProbabilities: [Scalar], classes: Int, labels: [Scalar]
    ) -> Double? {
        check(classProbabilities.count, labels.count * classes)
        return mean(labels) { row, label in
            var best = 0
            for index in 1..<max(1, classes)
            where classProbabilities[row * classes + index] > classProbabilities[row * classes + best] {
                best = index
            }
            return best == Int(label) ? 1 : 0
        }
    }

    private static func check(_ found: Int, _ expected: Int) {
        precondition(found == expected, "\(found) predictions for labels that ask for \(expected)")
    }

    private static func mean<Scalar: BinaryFloatingPoint>(
        _ labels: [Scalar], of values: [Scalar], _ term: (Double, Double) -> Double
    ) -> Double? {
        check(values.count, labels.count)
        return mean(labels) { row, label in term(Double(values[row]), label) }
    }

    private static func mean<Scalar: BinaryFloatingPoint>(
        _ labels: [Scalar], _ term: (Int, Double) -> Double
    ) -> Double? {
        var sum = 0.0
        var count = 0
        for row in labels.indices where !labels[row].isNaN {
            sum += term(row, Double(labels[row]))
            count += 1
        }
        return count > 0 ? sum / Double(count) : nil
    }
}
