/// Another model's predictions that a task learns from beside its labels (distillation, arXiv 1503.02531).
///
/// What is learned is (1 - weight) label + weight prediction. Of a binary task that is (1 - weight) times the cross-entropy with the label
/// and weight times that with the prediction; of squared errors the same but for a number that no parameter moves, as long as
/// labels are encoded before they are mixed. A row without a prediction is learned by its label alone, and one without a label
/// by the prediction alone. Losses that are watched, and metrics, know labels alone; those of the steps are of the mix.
public struct Teacher: Sendable, Equatable {
    /// The column among a dataset's labels: probabilities of a binary task, else numbers in the label's unit; NaN where missing.
    /// Rows to evaluate need not have it.
    public let column: String
    /// The teacher's part of what is learned, above 0 and at most 1.
    public let weight: Double

    /// By default as much as the label.
    public init(column: String, weight: Double = 0.5) {
        self.column = column
        self.weight = weight
    }

    func check(_ task: LearningTask, _ place: String) throws(InputError) {
        func refuse(_ found: String, _ expected: String) -> InputError {
            InputError(.value, at: "\(place), teacher", found: found, expected: expected)
        }
        switch task.kind {
        case .binary, .squaredError: break
        default: throw refuse("a task of another loss", "a binary one, or one of squared errors")
        }
        guard task.ranking == nil, !task.isReweighted else {
            throw refuse(
                task.ranking == nil ? "focusing or class weights" : "a ranking loss",
                "one of them: a mix of labels has no class")
        }
        guard task.negativeRate == 1 else {
            throw refuse(
                "labels 0 left out", "all of them: the teacher's probabilities are of rows as they come")
        }
        try Self.checkWeight(weight, place)
    }

    /// Checks that it is learned from at all.
    package static func checkWeight(_ weight: Double, _ place: String) throws(InputError) {
        guard weight > 0, weight <= 1 else {
            throw InputError(
                .value, at: "\(place), teacher, weight", found: "\(weight)",
                expected: "above 0 and at most 1")
        }
    }

    /// Checks the predictions of a dataset, where it has them.
    func check<Scalar>(_ dataset: Dataset<Scalar>, _ task: LearningTask) throws(InputError) {
        guard let place = dataset.labelNames.firstIndex(of: column) else { return }
        for row in 0..<dataset.rowCount {
            let value = dataset.labels.base[row * dataset.labelNames.count + place]
            guard !value.isNaN else { continue }
            let (isFit, expected) =
                switch task.kind {
                case .binary: (value >= 0 && value <= 1, "a probability, or NaN")
                default:
                    (!task.labelScale.isLogarithmic || value >= 0, "a number, 0 or above, or NaN")
                }
            guard isFit else {
                throw InputError(
                    .value, at: "task \"\(task.name)\", teacher, row \(row)", found: "\(value)",
                    expected: expected)
            }
        }
    }

    /// What is learned of a label and a prediction, both encoded; NaN where both are missing.
    @inline(__always)
    static func mix<Scalar: BLASScalar>(_ label: Scalar, _ taught: Scalar, _ weight: Scalar) -> Scalar {
        taught.isNaN ? label : label.isNaN ? taught : (1 - weight) * label + weight * taught
    }
}
