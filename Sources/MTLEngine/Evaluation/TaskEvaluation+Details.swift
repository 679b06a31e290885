/// What is told of a task where it is asked for: all that its kind of label has a metric for.
extension TaskEvaluation {
    /// A metric beside the usual ones, with the name that a table gives it.
    public struct Detail: Sendable, Equatable, Codable {
        /// Such as "PR-AUC" or "lift at 10 %".
        public let name: String
        /// Its value over the labelled rows.
        public let value: Double
    }

    /// The rest of a task's metrics, those that are defined on its rows.
    ///
    /// - Parameters:
    ///   - predictions: probabilities or values, `[rows]`, or `[rows, classes]`.
    ///   - labels: `[rows]`, NaN where there is none.
    ///   - groups: the group of every row, by numbers; nil for none.
    ///   - weights: `[rows]`, how much each row counts; nil for once each.
    static func details<Scalar: BLASScalar>(
        _ kind: LearningTask.Kind, predictions: [Scalar], labels: [Scalar], groups: [Int]?, weights: [Scalar]?
    ) -> [Detail] {
        let all: [(String, Double?)] =
            switch kind {
            case .binary:
                binary(predictions, labels, weights) + ranking(predictions, labels, groups)
            case .multiclass(let classes), .ordinal(let classes):
                [
                    (
                        "macro AUC",
                        Metrics.macroAreaUnderROC(
                            classProbabilities: predictions, classes: classes, labels: labels,
                            weights: weights)
                    )
                ]
                    + topCounts(classes).map { count in
                        (
                            "top-\(count) accuracy",
                            Metrics.topAccuracy(
                                count, classProbabilities: predictions, classes: classes, labels: labels,
                                weights: weights)
                        )
                    }
            case .squaredError, .huber, .quantile, .poisson, .tweedie, .zeroInflatedLognormal:
                [
                    (
                        "R²",
                        Metrics.coefficientOfDetermination(
                            predictions: predictions, labels: labels, weights: weights)
                    ),
                    (
                        "MAPE",
                        Metrics.meanAbsolutePercentageError(
                            predictions: predictions, labels: labels, weights: weights)
                    ),
                    (
                        "Spearman",
                        Metrics.spearman(predictions: predictions, labels: labels, weights: weights)
                    ),
                    (
                        "XAUC",
                        Metrics.areaOfPairs(predictions: predictions, labels: labels, weights: weights)
                    ),
                    (
                        "calibration",
                        Metrics.calibrationRatio(
                            probabilities: predictions, labels: labels, weights: weights)
                    ),
                ]
            }
        return defined(all)
    }

    static func defined(_ all: [(String, Double?)]) -> [Detail] {
        all.compactMap { name, value in value.map { Detail(name: name, value: $0) } }
    }

    /// Of how many classes top-k accuracy is told.
    static func topCounts(_ classes: Int) -> [Int] { [2, 3, 5].filter { $0 < classes } }

    /// What is read off a curve.
    static func details(of curve: BinaryCurve) -> [(String, Double?)] {
        [
            ("PR-AUC", curve.averagePrecision), ("Gini", curve.gini), ("KS", curve.kolmogorovSmirnov),
            ("lift at 1 %", curve.lift(at: 0.01)), ("lift at 10 %", curve.lift(at: 0.1)),
            ("F1 at 0.5", curve.f1(at: 0.5)), ("best F1", curve.bestF1?.value),
            ("its threshold", curve.bestF1?.threshold),
        ]
    }

    private static func binary<Scalar: BLASScalar>(
        _ predictions: [Scalar], _ labels: [Scalar], _ weights: [Scalar]?
    ) -> [(String, Double?)] {
        details(of: BinaryCurve(scores: predictions, labels: labels, weights: weights)) + [
            (
                "normalised entropy",
                Metrics.normalizedEntropy(probabilities: predictions, labels: labels, weights: weights)
            ), ("Brier", Metrics.brierScore(probabilities: predictions, labels: labels, weights: weights)),
            (
                "ECE",
                Metrics.expectedCalibrationError(probabilities: predictions, labels: labels, weights: weights)
            ),
            (
                "calibration",
                Metrics.calibrationRatio(probabilities: predictions, labels: labels, weights: weights)
            ),
        ]
    }

    private static func ranking<Scalar: BLASScalar>(
        _ predictions: [Scalar], _ labels: [Scalar], _ groups: [Int]?
    ) -> [(String, Double?)] {
        guard let groups else { return [] }
        let found = RankingMetrics(scores: predictions, labels: labels, groups: groups)
        return [
            ("NDCG@10", found.ndcg), ("MRR", found.meanReciprocalRank), ("hit rate@10", found.hitRate),
            ("precision@10", found.precision), ("recall@10", found.recall),
            ("groups", Double(found.groups)), ("groups left out", Double(found.droppedGroups)),
        ]
    }
}
