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
    /// - Throws: `InputError` where the parameters are not the model's, or one that is no finite number: what a reader refuses is
    ///   never written.
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
        if let index = parameters.firstIndex(where: { !$0.isFinite }) {
            let segment = model.layout.segments.last { $0.offset <= index }
            throw InputError(
                .value, at: "model bundle, parameter \"\(segment?.name ?? "\(index)")\"",
                found: "\(parameters[index])", expected: "finite numbers")
        }
        self.parameters = parameters
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
    ///   - options: how they are read; always by one thread, in the order in which they are predicted.
    ///   - events: per history its log; by default the file beside the rows that has the name of the log of training.
    /// - Throws: `InputError` that names the file, or the history whose log is not there.
    public func open(
        _ source: String, options: ReadingOptions = ReadingOptions(), events: [String: String] = [:]
    ) throws(InputError) -> any RowSource {
        var options = options
        options.format = preprocessor.format.with(options.format)
        options.threads = 1
        return try join(
            histories(events, beside: source), to: [openSource(source, options: options)],
            preprocessor.schema, options)[0]
    }
}
