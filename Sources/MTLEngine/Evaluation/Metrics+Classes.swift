/// Metrics of several classes; definitions are scikit-learn's.
extension Metrics {
    /// The mean over the classes of the area under the ROC of each against all others (`roc_auc_score(multi_class="ovr")`); classes that no row
    /// has, or all have, have no area and are left out. Nil where all are.
    ///
    /// - Parameters:
    ///   - classProbabilities: row-major `[rows, classes]`.
    ///   - classes: the number of classes.
    ///   - labels: `[rows]`, class indices, NaN where missing.
    ///   - weights: `[rows]`, how much each row counts; nil for once each.
    public static func macroAreaUnderROC<Scalar: BinaryFloatingPoint>(
        classProbabilities: [Scalar], classes: Int, labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        check(classProbabilities.count, labels.count * classes)
        let areas = (0..<classes).compactMap { own in
            areaUnderROC(
                scores: labels.indices.map { classProbabilities[$0 * classes + own] },
                labels: labels.map { $0.isNaN ? $0 : $0 == Scalar(own) ? 1 : 0 }, weights: weights)
        }
        return areas.isEmpty ? nil : areas.reduce(0, +) / Double(areas.count)
    }

    /// The share of rows whose class is among their most probable ones (`top_k_accuracy_score`); of equally probable ones at the edge the later
    /// classes come first, as there.
    public static func topAccuracy<Scalar: BinaryFloatingPoint>(
        _ count: Int, classProbabilities: [Scalar], classes: Int, labels: [Scalar], weights: [Scalar]? = nil
    ) -> Double? {
        check(classProbabilities.count, labels.count * classes)
        return mean(labels, weights) { row, label in
            let own = classProbabilities[row * classes + Int(label)]
            var before = 0
            for index in 0..<classes {
                let other = classProbabilities[row * classes + index]
                if other > own || (other == own && index > Int(label)) { before += 1 }
            }
            return before < count ? 1 : 0
        }
    }

    /// Per class of the label, then per most probable class (the first of equals) the rows, or their weight: `[classes, classes]`, row-major.
    public static func confusion<Scalar: BinaryFloatingPoint>(
        classProbabilities: [Scalar], classes: Int, labels: [Scalar], weights: [Scalar]? = nil
    ) -> [Double] {
        check(classProbabilities.count, labels.count * classes)
        var counts = [Double](repeating: 0, count: classes * classes)
        for row in labels.indices where !labels[row].isNaN {
            var best = 0
            for index in 1..<max(1, classes)
            where classProbabilities[row * classes + index] > classProbabilities[row * classes + best] {
                best = index
            }
            counts[Int(labels[row]) * classes + best] += weights.map { Double($0[row]) } ?? 1
        }
        return counts
    }
}
