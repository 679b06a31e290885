/// How well one task is predicted, over its labelled rows. A value that the kind of task does not have, or that
/// is not defined on these rows, is nil.
public struct TaskEvaluation: Sendable, Equatable, Codable {
    /// The task's name.
    public let task: String
    /// Rows with a label.
    public let labelledRows: Int
    /// Mean -log p of the label (binary, multiclass).
    public var logLoss: Double?
    /// Area under the receiver operating characteristic (binary).
    public var areaUnderROC: Double?
    /// The mean of the areas within groups of rows, each weighted by its rows (binary); see `Metrics.groupedAreaUnderROC`.
    public var groupedAreaUnderROC: Double?
    /// Share of labels hit (binary at 0.5, multiclass).
    public var accuracy: Double?
    /// √ mean squared error (regression).
    public var rootMeanSquaredError: Double?
    /// Mean absolute error (regression).
    public var meanAbsoluteError: Double?

    /// Compares predictions (see `Predictions.values`) with labels, `[rows]`.
    ///
    /// - Parameters:
    ///   - task: the task's name.
    ///   - kind: what it predicts, which says how.
    ///   - predictions: probabilities or values, `[rows]`, or `[rows, classes]`.
    ///   - labels: `[rows]`, NaN where there is none.
    ///   - groups: the group of every row, such as its user, by numbers; nil for none.
    public init<Scalar: BLASScalar>(
        task: String, kind: LearningTask.Kind, predictions: [Scalar], labels: [Scalar], groups: [Int]? = nil
    ) {
        self.task = task
        labelledRows = labels.reduce(0) { $1.isNaN ? $0 : $0 + 1 }
        switch kind {
        case .binary:
            logLoss = Metrics.logLoss(probabilities: predictions, labels: labels)
            areaUnderROC = Metrics.areaUnderROC(scores: predictions, labels: labels)
            groupedAreaUnderROC = groups.flatMap {
                Metrics.groupedAreaUnderROC(scores: predictions, labels: labels, groups: $0)
            }
            accuracy = Metrics.accuracy(probabilities: predictions, labels: labels)
        case .multiclass(let classes):
            logLoss = Metrics.logLoss(classProbabilities: predictions, classes: classes, labels: labels)
            accuracy = Metrics.accuracy(classProbabilities: predictions, classes: classes, labels: labels)
        case .squaredError, .huber:
            rootMeanSquaredError = Metrics.rootMeanSquaredError(predictions: predictions, labels: labels)
            meanAbsoluteError = Metrics.meanAbsoluteError(predictions: predictions, labels: labels)
        }
    }

    /// The names of the metrics that a kind of task may have.
    static func names(_ kind: LearningTask.Kind) -> [String] {
        switch kind {
        case .binary: ["AUC", "log loss", "accuracy"]
        case .multiclass: ["log loss", "accuracy"]
        case .squaredError, .huber: ["RMSE", "MAE"]
        }
    }

    /// The metrics that are defined here, with the names a table gives them.
    public var values: [(name: String, value: Double, higherIsBetter: Bool)] {
        [
            ("AUC", areaUnderROC, true), ("GAUC", groupedAreaUnderROC, true), ("log loss", logLoss, false),
            ("accuracy", accuracy, true),
            ("RMSE", rootMeanSquaredError, false), ("MAE", meanAbsoluteError, false),
        ].compactMap { name, value, higher in value.map { (name, $0, higher) } }
    }
}

extension Trainer {
    /// Every task's metrics over a dataset.
    ///
    /// - Throws: `InputError` where the dataset does not fit the model or a label is out of range.
    public func evaluate(_ dataset: Dataset<Scalar>) throws(InputError) -> [TaskEvaluation] {
        _ = try BatchSource(dataset, for: model)
        let predictions = try predict(dataset)
        var evaluations: [TaskEvaluation] = []
        for task in model.tasks {
            evaluations.append(
                TaskEvaluation(
                    task: task.name, kind: task.kind, predictions: try predictions.values(task.name),
                    labels: try dataset.labels(task.name)))
        }
        return evaluations
    }
}
