#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How well one task is predicted, over its labelled rows. A value that the kind of task does not have, or that
/// is not defined on these rows, is nil.
public struct TaskEvaluation: Sendable, Equatable, Codable {
    /// The task's name.
    public let task: String
    /// Rows with a label.
    public let labelledRows: Int
    /// Mean -log p of the label (binary, multiclass).
    public var logLoss: Double?
    /// Area under the receiver operating characteristic (binary; of a zero-inflated label whether it is above 0).
    public var areaUnderROC: Double?
    /// The mean of the areas within groups of rows, each weighted by its rows (binary); see `Metrics.groupedAreaUnderROC`.
    public var groupedAreaUnderROC: Double?
    /// Share of labels hit (binary at 0.5, multiclass).
    public var accuracy: Double?
    /// √ mean squared error (regression).
    public var rootMeanSquaredError: Double?
    /// Mean absolute error (regression).
    public var meanAbsoluteError: Double?
    /// Mean pinball loss, in the label's unit (quantile).
    public var pinballLoss: Double?
    /// The share of labels at or below their prediction, which is to be the quantile's level (quantile).
    public var coverage: Double?
    /// Mean deviance (Poisson, Tweedie).
    public var deviance: Double?

    /// The rest of the metrics, where they were asked for.
    public var details: [Detail] { told ?? [] }
    /// Nothing in files of before.
    private var told: [Detail]?

    /// The mean of the labels, which is the share of label 1 (binary, regression).
    public private(set) var meanLabel: Double?
    /// What the best constant prediction for these rows has, by the metrics' names in `values`: what a model must beat.
    public private(set) var constantValues: [String: Double] = [:]

    /// Compares predictions (see `Predictions.values`) with labels, `[rows]`.
    ///
    /// - Parameters:
    ///   - task: the task's name.
    ///   - kind: what it predicts, which says how.
    ///   - predictions: probabilities or values, `[rows]`, or `[rows, classes]`.
    ///   - labels: `[rows]`, NaN where there is none.
    ///   - groups: the group of every row, such as its user, by numbers; nil for none.
    ///   - weights: `[rows]`, how much each row counts, 0 or above; nil for once each. GAUC, what the best constant has and the order
    ///     within groups are of rows that count alike.
    ///   - isDetailed: whether `details` are computed too.
    @specialized(where Scalar == Float)
    public init<Scalar: BLASScalar>(
        task: String, kind: LearningTask.Kind, predictions: [Scalar], labels: [Scalar], groups: [Int]? = nil,
        weights: [Scalar]? = nil, isDetailed: Bool = false
    ) {
        self.task = task
        labelledRows = labels.reduce(0) { $1.isNaN ? $0 : $0 + 1 }
        if isDetailed {
            told = Self.details(
                kind, predictions: predictions, labels: labels, groups: groups, weights: weights)
        }
        judgeConstant(kind, labels)
        switch kind {
        case .binary:
            logLoss = Metrics.logLoss(probabilities: predictions, labels: labels, weights: weights)
            areaUnderROC = Metrics.areaUnderROC(scores: predictions, labels: labels, weights: weights)
            groupedAreaUnderROC = groups.flatMap {
                Metrics.groupedAreaUnderROC(scores: predictions, labels: labels, groups: $0)
            }
            accuracy = Metrics.accuracy(probabilities: predictions, labels: labels, weights: weights)
        case .multiclass(let classes), .ordinal(let classes):
            logLoss = Metrics.logLoss(
                classProbabilities: predictions, classes: classes, labels: labels, weights: weights)
            accuracy = Metrics.accuracy(
                classProbabilities: predictions, classes: classes, labels: labels, weights: weights)
        case .squaredError, .huber, .quantile, .poisson, .tweedie, .zeroInflatedLognormal:
            judgeNumbers(kind, predictions, labels, weights)
            rootMeanSquaredError = Metrics.rootMeanSquaredError(
                predictions: predictions, labels: labels, weights: weights)
            meanAbsoluteError = Metrics.meanAbsoluteError(
                predictions: predictions, labels: labels, weights: weights)
        }
    }

    private mutating func judgeNumbers<Scalar: BLASScalar>(
        _ kind: LearningTask.Kind, _ predictions: [Scalar], _ labels: [Scalar], _ weights: [Scalar]?
    ) {
        switch kind {
        case .quantile(let level):
            pinballLoss = Metrics.pinballLoss(
                predictions: predictions, labels: labels, level: level, weights: weights)
            coverage = Metrics.coverage(predictions: predictions, labels: labels, weights: weights)
        case .poisson:
            deviance = Metrics.tweedieDeviance(
                predictions: predictions, labels: labels, power: 1, weights: weights)
        case .tweedie(let power):
            deviance = Metrics.tweedieDeviance(
                predictions: predictions, labels: labels, power: power, weights: weights)
        case .zeroInflatedLognormal:
            // Whether payers come before those who do not pay.
            areaUnderROC = Metrics.areaUnderROC(
                scores: predictions, labels: labels.map { $0.isNaN ? $0 : $0 > 0 ? 1 : 0 }, weights: weights)
        default: break
        }
    }

    /// What rows that came block by block have: counts and means of their labels, and what the caller sets.
    init(
        task: String, kind: LearningTask.Kind, labels: Moments, classes: [Double],
        details: [(String, Double?)]?
    ) {
        self.task = task
        labelledRows = labels.rows
        told = details.map(Self.defined)
        judgeConstant(kind, labels, classes)
    }

    private mutating func judgeConstant<Scalar: BLASScalar>(_ kind: LearningTask.Kind, _ all: [Scalar]) {
        let labels = all.filter { !$0.isNaN }.map { Double($0) }
        guard !labels.isEmpty else { return }
        var moments = Moments()
        moments.add(labels, nil)
        var rows = [Double](repeating: 0, count: kind.classes ?? 0)
        for label in labels where rows.indices.contains(Int(label)) { rows[Int(label)] += 1 }
        judgeConstant(kind, moments, rows)
        guard kind != .binary, kind.classes == nil else { return }
        let sorted = labels.sorted()
        let median = sorted[labels.count / 2]
        constantValues["MAE"] = labels.reduce(0) { $0 + abs($1 - median) } / Double(labels.count)
        let means = [Double](repeating: moments.mean, count: labels.count)
        switch kind {
        case .quantile(let level):
            let value = sorted[min(labels.count - 1, Int(level * Double(labels.count)))]
            constantValues["pinball loss"] = Metrics.pinballLoss(
                predictions: [Double](repeating: value, count: labels.count), labels: labels, level: level)
        case .poisson:
            constantValues["deviance"] = Metrics.tweedieDeviance(
                predictions: means, labels: labels, power: 1)
        case .tweedie(let power):
            constantValues["deviance"] = Metrics.tweedieDeviance(
                predictions: means, labels: labels, power: power)
        default: break
        }
    }

    /// What the labels' moments, and the rows of each class, say of the best constant.
    private mutating func judgeConstant(_ kind: LearningTask.Kind, _ labels: Moments, _ classes: [Double]) {
        guard labels.rows > 0 else { return }
        let mean = labels.mean
        func entropy(_ shares: [Double]) -> Double { shares.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 } }
        switch kind {
        case .binary:
            meanLabel = mean
            constantValues = [
                "AUC": 0.5, "GAUC": 0.5, "log loss": entropy([mean, 1 - mean]),
                "accuracy": max(mean, 1 - mean),
            ]
        case .multiclass, .ordinal:
            let shares = classes.map { $0 / Double(labels.rows) }
            constantValues = ["log loss": entropy(shares), "accuracy": shares.max() ?? 0]
        case .squaredError, .huber, .quantile, .poisson, .tweedie, .zeroInflatedLognormal:
            meanLabel = mean
            constantValues = ["RMSE": labels.variance.squareRoot()]
            if kind == .zeroInflatedLognormal { constantValues["AUC"] = 0.5 }
        }
    }

    /// The names of the metrics that a kind of task may have.
    package static func names(_ kind: LearningTask.Kind) -> [String] {
        switch kind {
        case .binary: ["AUC", "log loss", "accuracy"]
        case .multiclass, .ordinal: ["log loss", "accuracy"]
        case .squaredError, .huber: ["RMSE", "MAE"]
        case .quantile: ["pinball loss", "RMSE", "MAE"]
        case .poisson, .tweedie: ["deviance", "RMSE", "MAE"]
        case .zeroInflatedLognormal: ["RMSE", "MAE", "AUC"]
        }
    }

    /// The metrics that are defined here, with the names a table gives them.
    public var values: [(name: String, value: Double, higherIsBetter: Bool)] {
        [
            ("AUC", areaUnderROC), ("GAUC", groupedAreaUnderROC), ("log loss", logLoss),
            ("accuracy", accuracy), ("pinball loss", pinballLoss), ("deviance", deviance),
            ("RMSE", rootMeanSquaredError), ("MAE", meanAbsoluteError),
        ].compactMap { name, value in value.map { (name, $0, Self.higherIsBetter(name)) } }
            + details.map { ($0.name, $0.value, Self.higherIsBetter($0.name)) }
    }

    /// Whether more of a metric is better, by its name.
    package static func higherIsBetter(_ name: String) -> Bool { !isLowerBetter.contains(name) }

    private static let isLowerBetter: Set<String> = [
        "log loss", "pinball loss", "deviance", "RMSE", "MAE", "MAPE", "normalised entropy", "Brier", "ECE",
    ]
}
