public import MTLEngine

/// A trained model with all that it needs to answer for raw rows: one file, in the safetensors format.
///
/// The tensors are named and shaped as PyTorch would; the file's metadata holds the preprocessing and the layers.
public struct ModelBundle: Sendable {
    /// Encodes raw rows as in training: what was fitted on the training rows.
    public let preprocessor: Preprocessor
    /// The layers, and how tasks share them.
    public let settings: ModelSettings
    /// What was learned from, which the probabilities are corrected for.
    public let sampling: Sampling
    /// Logs that the model's rows were joined with.
    public let histories: [HistorySpec]
    /// The model as planned.
    public let model: MultiTaskModel
    /// The flat vector of parameters, `[model.layout.count]`.
    public let parameters: [Float]

    /// A bundle of what was trained.
    ///
    /// - Throws: `InputError` where the parameters are not the model's.
    public init(
        _ preprocessor: Preprocessor, settings: ModelSettings, sampling: Sampling = Sampling(),
        histories: [HistorySpec] = [], parameters: [Float]
    ) throws(InputError) {
        self.preprocessor = preprocessor
        self.settings = settings
        self.sampling = sampling
        self.histories = histories
        model = try settings.model(preprocessor, sampling: sampling)
        guard parameters.count == model.layout.count else {
            throw InputError(
                .shape, at: "model bundle", found: "\(parameters.count) parameters",
                expected: "\(model.layout.count)")
        }
        self.parameters = parameters
    }

    /// A name for every number that is predicted: the task's, and for multiclass ones "TASK CLASS".
    public var predictionNames: [String] {
        model.tasks.enumerated().flatMap { index, task -> [String] in
            guard case .multiclass(let classes) = task.kind else { return [task.name] }
            return (0..<classes).map { "\(task.name) \(preprocessor.className($0, of: index))" }
        }
    }

    /// A predictor for encoded rows.
    ///
    /// - Throws: `InputError` where a thread cannot be started.
    public func predictor(_ compute: ComputeOptions = ComputeOptions()) throws(InputError) -> Predictor<Float>
    {
        try Predictor(model, parameters: parameters, compute: compute)
    }

    /// Opens rows to predict, joined with logs such as the model was trained with. Their text is read as that of the training
    /// rows, where the options say nothing else.
    ///
    /// - Parameters:
    ///   - source: the rows, as `openSource` takes them.
    ///   - options: how they are read.
    ///   - events: per history its log; by default the file beside the rows that has the name of the log of training.
    /// - Throws: `InputError` that names the file, or the history whose log is not there.
    public func open(
        _ source: String, options: ReadingOptions = ReadingOptions(), events: [String: String] = [:]
    ) throws(InputError) -> any RowSource {
        var options = options
        options.format = preprocessor.format.with(options.format)
        return try join(
            histories(events, beside: source), to: openSource(source, options: options), preprocessor.schema,
            options)
    }

    /// Predicts the rows of a source, which may lack the labels.
    ///
    /// - Parameters:
    ///   - source: raw rows, with the columns that the schema names.
    ///   - compute: how many threads, and which kernels.
    ///   - consume: sees every block's predictions in the order of the source, one call at a time.
    /// - Throws: `InputError` that names file, line and column of what is wrong, and what `consume` throws.
    public func predict(
        _ source: any RowSource, compute: ComputeOptions = ComputeOptions(),
        consume: (RowBlock, Predictions<Float>) throws(InputError) -> Void
    ) throws(InputError) {
        try predict(opened: source, predictor: predictor(compute), withLabels: false) {
            (block, _, predictions) throws(InputError) in
            try consume(block, predictions)
        }
    }

    /// Every task's metrics over the rows of a source.
    ///
    /// - Throws: `InputError` that names file, line and column of what is wrong.
    public func evaluate(
        _ source: any RowSource, compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> [TaskEvaluation] {
        var predictions = [[Float]](repeating: [], count: model.tasks.count)
        var labels = [[Float]](repeating: [], count: model.tasks.count)
        try predict(opened: source, predictor: predictor(compute), withLabels: true) {
            (_, dataset, predicted) throws(InputError) in
            for (index, task) in model.tasks.enumerated() {
                predictions[index] += try predicted.values(task.name)
                labels[index] += try dataset.labels(task.name)
            }
        }
        return model.tasks.indices.map {
            TaskEvaluation(
                task: model.tasks[$0].name, kind: model.tasks[$0].kind, predictions: predictions[$0],
                labels: labels[$0])
        }
    }

    private func predict(
        opened source: some RowSource, predictor: Predictor<Float>, withLabels: Bool,
        _ consume: (RowBlock, Dataset<Float>, Predictions<Float>) throws(InputError) -> Void
    ) throws(InputError) {
        let plan = try ColumnPlan(preprocessor.schema, of: source, withLabels: withLabels)
        precondition(
            source.threads == 1, "rows are predicted in the order of their source: open it with one thread")
        try source.read { (block, _) throws(InputError) in
            let parsed = ParsedBlock(block, plan, classes: preprocessor.classes)
            if let error = parsed.errors.first { throw error }
            guard !parsed.rows.isEmpty else { return }
            let encoded = preprocessor.encode(parsed, plan, rows: parsed.rows, isTraining: false)
            let dataset = try preprocessor.dataset(encoded, hasLabels: withLabels)
            try consume(block, dataset, try predictor.predict(dataset))
        }
    }
}
