/// A trained model that answers: the forward pass alone, in memory of its own.
public final class Predictor<Scalar: BLASScalar> {
    /// The model whose parameters it holds.
    public let model: MultiTaskModel
    let inference: Inference<Scalar>

    /// A predictor over a vector of parameters in the model's layout.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - parameters: `[model.layout.count]`, as `Trainer.parameters` gives them.
    ///   - compute: threads, back end and instructions.
    /// - Throws: `InputError` where the count does not fit or a thread cannot be started.
    public init(
        _ model: MultiTaskModel, parameters: [Scalar], compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) {
        guard parameters.count == model.layout.count else {
            throw InputError(
                .shape, at: "parameters", found: "\(parameters.count)", expected: "\(model.layout.count)")
        }
        self.model = model
        try MemoryNeed(
            predicting: model, workers: compute.threads, scalarBytes: MemoryLayout<Scalar>.stride
        ).check()
        let store = try ParameterStore<Scalar>(model, compute: compute)
        inference = Inference(store: store)
        for (index, value) in parameters.enumerated() { store.parameters.base[index] = value }
        store.refreshTransposes()
    }

    /// Predicts every task for every row.
    ///
    /// A row's prediction does not depend on the rows beside it.
    /// - Parameter dataset: `[rows, model.inputs]`; labels are not looked at.
    /// - Throws: `InputError` where the number of features does not fit.
    public func predict(_ dataset: Dataset<Scalar>) throws(InputError) -> Predictions<Scalar> {
        try Predictions(dataset, model: model, inference: inference, asLogits: false)
    }

    /// The logits behind the predictions: before sigmoid or softmax.
    ///
    /// - Throws: `InputError` where the number of features does not fit.
    public func logits(_ dataset: Dataset<Scalar>) throws(InputError) -> Predictions<Scalar> {
        try Predictions(dataset, model: model, inference: inference, asLogits: true)
    }
}

/// What a model predicts for the rows of a dataset.
public struct Predictions<Scalar: BLASScalar>: Sendable {
    /// The number of rows.
    public let rowCount: Int
    private let tasks: [LearningTask]
    private let values: [[Scalar]]

    package init(
        _ dataset: Dataset<Scalar>, model: MultiTaskModel, inference: Inference<Scalar>, asLogits: Bool
    ) throws(InputError) {
        let source = try BatchSource(dataset, for: model, checksLabels: false)
        rowCount = dataset.rowCount
        tasks = model.tasks
        values = withExtendedLifetime(source) {
            inference.predictions(source.batch(start: 0, rows: dataset.rowCount), asLogits: asLogits)
        }
    }

    /// A task's predictions, or its logits: the probability of label 1 (binary) or the expected value (regression), `[rows]`;
    /// the probability of every class (multiclass), row-major `[rows, classes]`.
    ///
    /// - Throws: `InputError` if the model has no such task.
    public func values(_ task: String) throws(InputError) -> [Scalar] {
        guard let index = tasks.firstIndex(where: { $0.name == task }) else {
            throw InputError(
                .name, at: "task \"\(task)\"", found: "no such task",
                expected: "one of \(tasks.map(\.name).joined(separator: ", "))")
        }
        return values[index]
    }
}
