import MTLEngine
import MTLTestSupport
import Testing

/// Metrics with ties, weights and missing labels, against scikit-learn, scipy and short texts (make_weighted_metrics_golden.py).
@Suite struct WeightedMetricsTests {
    private struct Judged: Decodable {
        let auc, averagePrecision, ks, lift, f1, bestF1, bestThreshold, logLoss, brier,
            calibrationRatio: Double
        let normalizedEntropy, calibrationError, accuracy, macroAuc, top2, rmse, mae, mape, r2: Double
        let spearman, pairs, pinball: Double
        let confusion: [Double]
    }

    private struct Golden: Decodable {
        let labels, classes, targets: [Double?]
        let probabilities, weights, classProbabilities, predictions, ranking: [Double]
        let groups: [Int]
        let once, weighted: Judged
    }

    private let golden: Golden
    private let labels: [Double]

    init() throws {
        golden = try fixture(Golden.self, "metrics_weighted.json", snakeCase: true)
        labels = golden.labels.map { $0 ?? .nan }
    }

    private func expect(_ found: Double?, _ expected: Double, _ what: Comment) throws {
        #expect(abs(try #require(found, what) - expected) < 1e-9, what)
    }

    @Test(arguments: [false, true]) func ofTwoClasses(isWeighted: Bool) throws {
        let (scores, weights) = (golden.probabilities, isWeighted ? golden.weights : nil)
        let expected = isWeighted ? golden.weighted : golden.once
        let curve = BinaryCurve(scores: scores, labels: labels, weights: weights)
        try expect(curve.areaUnderROC, expected.auc, "AUC")
        try expect(curve.gini, 2 * expected.auc - 1, "Gini")
        try expect(curve.averagePrecision, expected.averagePrecision, "average precision")
        try expect(curve.kolmogorovSmirnov, expected.ks, "KS")
        try expect(curve.lift(at: 0.1), expected.lift, "lift")
        try expect(curve.lift(at: 1), 1, "lift of all")
        try expect(curve.f1(at: 0.5), expected.f1, "F1")
        try expect(curve.bestF1?.value, expected.bestF1, "best F1")
        try expect(curve.bestF1?.threshold, expected.bestThreshold, "its threshold")
        try expect(
            Metrics.areaUnderROC(scores: scores, labels: labels, weights: weights), expected.auc, "area")
        try expect(
            Metrics.logLoss(probabilities: scores, labels: labels, weights: weights), expected.logLoss,
            "log loss")
        try expect(
            Metrics.brierScore(probabilities: scores, labels: labels, weights: weights), expected.brier,
            "Brier")
        try expect(
            Metrics.calibrationRatio(probabilities: scores, labels: labels, weights: weights),
            expected.calibrationRatio, "calibration")
        try expect(
            Metrics.normalizedEntropy(probabilities: scores, labels: labels, weights: weights),
            expected.normalizedEntropy, "normalised entropy")
        try expect(
            Metrics.expectedCalibrationError(probabilities: scores, labels: labels, weights: weights),
            expected.calibrationError, "calibration error")
        try expect(
            Metrics.accuracy(probabilities: scores, labels: labels, weights: weights), expected.accuracy,
            "accuracy")
    }

    @Test(arguments: [false, true]) func ofSeveralClasses(isWeighted: Bool) throws {
        let (scores, weights) = (golden.classProbabilities, isWeighted ? golden.weights : nil)
        let expected = isWeighted ? golden.weighted : golden.once
        let classes = golden.classes.map { $0 ?? .nan }
        try expect(
            Metrics.macroAreaUnderROC(
                classProbabilities: scores, classes: 4, labels: classes, weights: weights),
            expected.macroAuc, "macro AUC")
        try expect(
            Metrics.topAccuracy(
                2, classProbabilities: scores, classes: 4, labels: classes, weights: weights),
            expected.top2, "top 2")
        let confusion = Metrics.confusion(
            classProbabilities: scores, classes: 4, labels: classes, weights: weights)
        expectClose(confusion, expected.confusion, absolute: 1e-9, "confusion")
    }

    @Test(arguments: [false, true]) func ofNumbers(isWeighted: Bool) throws {
        let (found, weights) = (golden.predictions, isWeighted ? golden.weights : nil)
        let expected = isWeighted ? golden.weighted : golden.once
        let targets = golden.targets.map { $0 ?? .nan }
        for (metric, value) in [
            (Metrics.rootMeanSquaredError, expected.rmse), (Metrics.meanAbsoluteError, expected.mae),
            (Metrics.coefficientOfDetermination, expected.r2),
            (Metrics.meanAbsolutePercentageError, expected.mape), (Metrics.spearman, expected.spearman),
            (Metrics.areaOfPairs, expected.pairs),
        ] as [(([Double], [Double], [Double]?) -> Double?, Double)] {
            try expect(metric(found, targets, weights), value, "\(value)")
        }
        try expect(
            Metrics.pinballLoss(predictions: found, labels: targets, level: 0.8, weights: weights),
            expected.pinball, "pinball loss")
    }

    /// Every order of rows with equal scores is as likely.
    @Test func ofOrderedRows() throws {
        let scores = golden.probabilities.map { ($0 * 10).rounded(.toNearestOrEven) / 10 }
        let found = RankingMetrics(scores: scores, labels: labels, groups: golden.groups, cut: 3)
        for (value, expected) in zip(
            [found.ndcg, found.meanReciprocalRank, found.hitRate, found.precision, found.recall],
            golden.ranking)
        {
            try expect(value, expected, "\(expected)")
        }
        #expect(found.droppedGroups > 0 && found.groups > 20)
    }

    @Test func undefinedStaysUndefined() {
        for labels: [Double] in [[.nan, .nan], [0, 0], []] {
            let scores = labels.map { _ in 0.5 }
            let curve = BinaryCurve(scores: scores, labels: labels)
            #expect(curve.areaUnderROC == nil && curve.averagePrecision == nil && curve.bestF1 == nil)
            #expect(curve.kolmogorovSmirnov == nil && curve.lift(at: 0.1) == nil && curve.f1(at: 0) == nil)
            #expect(Metrics.calibrationRatio(probabilities: scores, labels: labels) == nil)
            #expect(Metrics.normalizedEntropy(probabilities: scores, labels: labels) == nil)
            #expect(Metrics.spearman(predictions: scores, labels: labels) == nil)
            #expect(Metrics.areaOfPairs(predictions: scores, labels: labels) == nil)
            #expect(Metrics.coefficientOfDetermination(predictions: scores, labels: labels) == nil)
            #expect(Metrics.meanAbsolutePercentageError(predictions: scores, labels: labels) == nil)
            let ranking = RankingMetrics(
                scores: scores, labels: labels, groups: labels.map { _ in 1 })
            #expect(ranking.ndcg == nil && ranking.groups == 0)
        }
        #expect(BinaryCurve(scores: [0.5, .nan], labels: [0, 1]).areaUnderROC == nil)
        #expect(Metrics.spearman(predictions: [1, .nan], labels: [0.0, 1]) == nil)
        // A row that counts nothing is none.
        #expect(Metrics.areaUnderROC(scores: [0.1, 0.9], labels: [0, 1], weights: [0.0, 1]) == nil)
    }
}
