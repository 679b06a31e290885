/// The labelled rows of a binary task from the highest score down, rows of equal scores together: what every threshold lets through.
/// Areas, precision and lift are read off it. Definitions are scikit-learn's (`sklearn.metrics`) where it has them.
public struct BinaryCurve: Sendable, Equatable {
    /// The distinct scores, the highest first.
    public private(set) var thresholds: [Double] = []
    /// Per threshold the rows with label 1 whose score is not below it, or their weight.
    public private(set) var truePositives: [Double] = []
    /// Per threshold the same of the rows with label 0.
    public private(set) var falsePositives: [Double] = []

    /// Sorts the rows, O(n log n).
    ///
    /// - Parameters:
    ///   - scores: `[rows]`; one that is NaN leaves all undefined.
    ///   - labels: `[rows]`, 0 or 1, NaN where missing.
    ///   - weights: `[rows]`, how much each row counts, 0 or above; nil for once each.
    public init<Scalar: BinaryFloatingPoint>(scores: [Scalar], labels: [Scalar], weights: [Scalar]? = nil) {
        precondition(
            scores.count == labels.count && weights?.count ?? labels.count == labels.count,
            "\(scores.count) scores and \(weights?.count ?? labels.count) weights of \(labels.count) labels")
        var rows: [(score: Scalar, weight: Scalar, isPositive: Bool)] = []
        rows.reserveCapacity(labels.count)
        for row in labels.indices where !labels[row].isNaN && weights?[row] ?? 1 > 0 {
            guard !scores[row].isNaN else { return }
            rows.append((scores[row], weights?[row] ?? 1, labels[row] == 1))
        }
        rows.sort { $0.score > $1.score }
        var (positives, negatives) = (0.0, 0.0)
        for (place, row) in rows.enumerated() {
            if row.isPositive { positives += Double(row.weight) } else { negatives += Double(row.weight) }
            guard place + 1 == rows.count || rows[place + 1].score < row.score else { continue }
            thresholds.append(Double(row.score))
            truePositives.append(positives)
            falsePositives.append(negatives)
        }
    }

    /// The rows with label 1, or their weight.
    public var positives: Double { truePositives.last ?? 0 }
    /// The rows with label 0, or their weight.
    public var negatives: Double { falsePositives.last ?? 0 }

    private var hasBoth: Bool { positives > 0 && negatives > 0 }

    /// The area under the receiver operating characteristic: the probability that a row with label 1 scores above one with 0, ties counting
    /// half; nil where one of them is missing.
    public var areaUnderROC: Double? {
        guard hasBoth else { return nil }
        var (area, above, before) = (0.0, 0.0, 0.0)
        for place in thresholds.indices {
            let step = falsePositives[place] - before
            area += step * (above + truePositives[place]) / 2
            (above, before) = (truePositives[place], falsePositives[place])
        }
        return area / (positives * negatives)
    }

    /// 2 AUC - 1.
    public var gini: Double? { areaUnderROC.map { 2 * $0 - 1 } }

    /// The area under precision over recall, as steps (average precision); nil without a row with label 1.
    public var averagePrecision: Double? {
        guard positives > 0 else { return nil }
        var (sum, before) = (0.0, 0.0)
        for place in thresholds.indices {
            let step = truePositives[place] - before
            sum += step * truePositives[place] / (truePositives[place] + falsePositives[place])
            before = truePositives[place]
        }
        return sum / positives
    }

    /// The largest distance between the shares of rows with label 1 and with label 0 that a threshold lets through
    /// (Kolmogorov-Smirnov); nil where one of them is missing.
    public var kolmogorovSmirnov: Double? {
        guard hasBoth else { return nil }
        return thresholds.indices.reduce(0) {
            max($0, abs(truePositives[$1] / positives - falsePositives[$1] / negatives))
        }
    }

    /// How many times as many rows with label 1 there are among the highest scores as among all; nil without any. Of rows of
    /// equal scores that the edge runs through an even part is taken.
    ///
    /// - Parameter share: the part of the rows (of their weight) that is taken, above 0 and at most 1.
    public func lift(at share: Double) -> Double? {
        precondition(share > 0 && share <= 1, "a share of \(share)")
        let total = positives + negatives
        guard positives > 0 else { return nil }
        let taken = share * total
        var (hits, rows) = (0.0, 0.0)
        for place in thresholds.indices {
            let all = truePositives[place] + falsePositives[place]
            guard all < taken else {
                let own = truePositives[place] - hits
                return (hits + own * (taken - rows) / (all - rows)) / taken / (positives / total)
            }
            (hits, rows) = (truePositives[place], all)
        }
        return 1
    }

    /// F₁ of the rows whose score is at least a threshold: 2 · precision · recall / (precision + recall), 0 where none is right; nil
    /// without a row with label 1.
    public func f1(at threshold: Double) -> Double? {
        guard positives > 0 else { return nil }
        // The last of those that are not below it.
        var (low, high) = (0, thresholds.count)
        while low < high {
            let middle = (low + high) / 2
            if thresholds[middle] >= threshold { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : f1(place: low - 1)
    }

    private func f1(place: Int) -> Double {
        2 * truePositives[place] / (truePositives[place] + falsePositives[place] + positives)
    }

    /// The threshold of the highest F₁, the highest of several; nil without a row with label 1.
    public var bestF1: (threshold: Double, value: Double)? {
        guard positives > 0 else { return nil }
        var best = 0
        for place in thresholds.indices where f1(place: place) > f1(place: best) { best = place }
        return (thresholds[best], f1(place: best))
    }
}
