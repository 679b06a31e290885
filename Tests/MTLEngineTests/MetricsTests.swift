import MTLEngine
import MTLTestSupport
import Testing

@Suite struct MetricsTests {
    private struct Golden: Decodable {
        let labels, classes, targets: [Double?]
        let probabilities, classProbabilities, predictions: [Double]
        let auc, logLoss, accuracy, classLogLoss, classAccuracy, rmse, mae: Double
    }

    @Test func agreeWithScikitLearn() throws {
        let golden = try fixture(Golden.self, "metrics.json", snakeCase: true)
        let labels = golden.labels.map { $0 ?? .nan }
        let classes = golden.classes.map { $0 ?? .nan }
        let targets = golden.targets.map { $0 ?? .nan }
        func expect(_ found: Double?, _ expected: Double, _ what: Comment) throws {
            #expect(abs(try #require(found) - expected) < 1e-12, what)
        }
        try expect(Metrics.areaUnderROC(scores: golden.probabilities, labels: labels), golden.auc, "AUC")
        try expect(
            Metrics.logLoss(probabilities: golden.probabilities, labels: labels), golden.logLoss, "log loss")
        try expect(
            Metrics.accuracy(probabilities: golden.probabilities, labels: labels), golden.accuracy, "accuracy"
        )
        try expect(
            Metrics.logLoss(classProbabilities: golden.classProbabilities, classes: 4, labels: classes),
            golden.classLogLoss, "class log loss")
        try expect(
            Metrics.accuracy(classProbabilities: golden.classProbabilities, classes: 4, labels: classes),
            golden.classAccuracy, "class accuracy")
        try expect(
            Metrics.rootMeanSquaredError(predictions: golden.predictions, labels: targets), golden.rmse,
            "RMSE")
        try expect(
            Metrics.meanAbsoluteError(predictions: golden.predictions, labels: targets), golden.mae, "MAE")
    }

    @Test func undefinedValuesAreNil() {
        let scores = [0.1, 0.9]
        for labels in [[1.0, 1], [0, .nan], [.nan, .nan]] {
            #expect(Metrics.areaUnderROC(scores: scores, labels: labels) == nil)
        }
        let none = [Double.nan, .nan]
        #expect(Metrics.logLoss(probabilities: scores, labels: none) == nil)
        #expect(Metrics.accuracy(probabilities: scores, labels: none) == nil)
        #expect(Metrics.rootMeanSquaredError(predictions: scores, labels: none) == nil)
        #expect(Metrics.meanAbsoluteError(predictions: [Double](), labels: []) == nil)
        #expect(Metrics.areaUnderROC(scores: [.nan, 0.5], labels: [0, 1]) == nil)
    }

    @Test func tiesCountHalf() {
        #expect(Metrics.areaUnderROC(scores: [0.5, 0.5, 0.5], labels: [0, 1, 1]) == 0.5)
        #expect(Metrics.areaUnderROC(scores: [0.2, 0.4, 0.4, 0.9], labels: [0, 0, 1, 1]) == 0.875)
    }
}
