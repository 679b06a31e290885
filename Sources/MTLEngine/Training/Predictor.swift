/// A trained model that answers: the forward pass alone, in memory of its own.
public final class Predictor<Scalar: BLASScalar> {
    /// The model whose parameters it holds.
    public let model: MultiTaskModel
    private let panel: InferencePanel<Scalar>
    private let calibration: ModelCalibration?
    private let stores: [ParameterStore<Scalar>]

    /// A predictor over a vector of parameters in the model's layout.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - parameters: `[model.layout.count]`, as `Trainer.parameters` gives them.
    ///   - compute: threads, back end and instructions.
    /// - Throws: `InputError` where the count does not fit or a thread cannot be started.
    public convenience init(
        _ model: MultiTaskModel, parameters: [Scalar], compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) {
        try self.init(
            model, members: ModelMembers(parameters, tasks: model.tasks.count), compute: compute)
    }

    /// A predictor over several vectors of parameters, whose predictions are averaged.
    ///
    /// - Parameters:
    ///   - model: the model.
    ///   - members: vectors `[model.layout.count]`, and per task those that predict it.
    ///   - calibration: maps that its probabilities go through; nil for none. Logits and spreads do not.
    ///   - compute: threads, back end and instructions.
    /// - Throws: `InputError` where they do not fit the model or the memory, or a thread cannot be started.
    public init(
        _ model: MultiTaskModel, members: ModelMembers<Scalar>, calibration: ModelCalibration? = nil,
        compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) {
        try members.check(model)
        try calibration?.check(model)
        self.calibration = calibration
        self.model = model
        try MemoryNeed(
            predicting: model, members: members.vectors.count, workers: compute.threads,
            scalarBytes: MemoryLayout<Scalar>.stride
        ).check()
        var pool: WorkerPool?
        var inferences: [Inference<Scalar>] = []
        for (member, parameters) in members.vectors.enumerated() {
            let store = try ParameterStore<Scalar>(model, compute: compute, sharing: pool)
            pool = store.pool
            store.parameters.write(parameters)
            store.refreshTransposes()
            inferences.append(Inference(store: store, tasks: members.tasks(of: member)))
        }
        panel = InferencePanel(model, inferences, ofTasks: members.ofTasks)
        stores = inferences.map(\.store)
    }

    /// Sets what a model that reads a preference is asked for from now on; before the first call it is the model's own.
    ///
    /// - Parameter preference: the tasks' shares by name, of any sum, 0 where a task is not named; empty for equal shares.
    /// - Throws: `InputError` for a model that reads none, a name that is no task's, a number below 0, or only zeros.
    public func setPreference(_ preference: [String: Double]) throws(InputError) {
        let shares = AlignedStorage(copying: try model.shares(of: preference))
        for store in stores {
            model.plan.write(preference: UnsafePointer(shares.base), to: store.parameters.base)
            store.refreshTransposes()
        }
    }

    /// Predicts every task for every row.
    ///
    /// A row's prediction does not depend on the rows beside it.
    /// - Parameter dataset: `[rows, model.inputs]`; labels are not looked at.
    /// - Throws: `InputError` where the number of features does not fit.
    public func predict(_ dataset: Dataset<Scalar>) throws(InputError) -> Predictions<Scalar> {
        calibrated(try panel.predictions(dataset, asLogits: false), dataset)
    }

    /// Predicts every task for every row, and says how far the networks behind a prediction are apart: the standard deviation
    /// √(Σ (p_i - p)² / n) of what the members of a packed ensemble (`MultiTaskModel.ensemble`), of several vectors of
    /// parameters, or of both predict; of a probability or in the label's unit.
    ///
    /// Members differ where training rows said little, so it tells of what the model does not know, not of the noise of labels.
    /// - Parameter dataset: `[rows, model.inputs]`; labels are not looked at.
    /// - Returns: predictions and spreads, both as `predict` gives them; NaN where a task does not exist.
    /// - Throws: `InputError` where one network alone answers, or the number of features does not fit.
    public func predictWithSpread(
        _ dataset: Dataset<Scalar>
    ) throws(InputError) -> (predictions: Predictions<Scalar>, spreads: Predictions<Scalar>) {
        let found = try panel.spreads(dataset)
        return (calibrated(found.predictions, dataset), found.spreads)
    }

    private func calibrated(
        _ predictions: Predictions<Scalar>, _ dataset: Dataset<Scalar>
    ) -> Predictions<Scalar> {
        calibration.map { predictions.calibrated(by: $0, scenarios: dataset.scenarios) } ?? predictions
    }

    /// The logits behind the predictions: before sigmoid or softmax. Of several members, packed ones too, they are those of the averaged
    /// probabilities, ln(p / (1 - p)) or ln p, which of packed members has a constant of the row's beside it.
    ///
    /// - Throws: `InputError` where the number of features does not fit.
    public func logits(_ dataset: Dataset<Scalar>) throws(InputError) -> Predictions<Scalar> {
        try panel.predictions(dataset, asLogits: true)
    }

    /// The mean weight of every expert in every gate, over all rows and over each scenario's.
    ///
    /// - Throws: `InputError` where the model has no gates or several members, or the dataset does not fit it.
    public func expertUtilisation(of dataset: Dataset<Scalar>) throws(InputError) -> ExpertUtilisation {
        guard let inference = panel.sole else {
            throw InputError(
                .value, at: "members", found: "several, whose gates differ", expected: "a model of one")
        }
        return try ExpertUtilisation(dataset, model: model, inference: inference)
    }
}
