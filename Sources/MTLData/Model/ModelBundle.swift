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
    /// What was learned: a vector of parameters, `[model.layout.count]`, or several whose predictions are averaged.
    public let members: ModelMembers<Float>
    /// Per member the epochs that it was trained on training and validation rows together, 0 for one that learned of the training
    /// rows alone; nil where all did.
    public let refitEpochs: [Int]?
    /// Maps that the probabilities go through; nil for none.
    public let calibration: ModelCalibration?

    /// A bundle of one vector of parameters.
    ///
    /// - Throws: `InputError` where the parameters are not the model's, or one that is no finite number: what a reader refuses is
    ///   never written.
    public init(
        _ preprocessor: Preprocessor, settings: ModelSettings, sampling: Sampling = Sampling(),
        histories: [HistorySpec] = [], parameters: [Float]
    ) throws(InputError) {
        try self.init(
            preprocessor, settings: settings, sampling: sampling, histories: histories,
            members: ModelMembers(parameters, tasks: preprocessor.schema.labels.count))
    }

    /// A bundle of what was trained.
    ///
    /// - Throws: `InputError` where the members are not the model's, or one has a parameter that is no finite number, or
    ///   `refitEpochs` are not one number for each, or a calibration is of other tasks.
    public init(
        _ preprocessor: Preprocessor, settings: ModelSettings, sampling: Sampling = Sampling(),
        histories: [HistorySpec] = [], members: ModelMembers<Float>, refitEpochs: [Int]? = nil,
        calibration: ModelCalibration? = nil
    ) throws(InputError) {
        if let epochs = refitEpochs {
            guard epochs.count == members.vectors.count, epochs.allSatisfy({ $0 >= 0 }) else {
                throw InputError(
                    .shape, at: "model bundle, refit", found: "\(epochs.prefix(8).map { $0 })",
                    expected: "epochs of each of the \(members.vectors.count) members")
            }
        }
        self.refitEpochs = refitEpochs
        self.preprocessor = preprocessor
        self.settings = settings
        self.sampling = sampling
        self.histories = histories
        model = try settings.model(preprocessor, sampling: sampling)
        do throws(InputError) { try members.check(model) } catch {
            throw InputError(
                error.kind, at: "model bundle, \(error.place)", found: error.found, expected: error.expected)
        }
        for parameters in members.vectors { try Self.checkFinite(parameters, model) }
        self.members = members
        try calibration?.check(model)
        self.calibration = calibration
    }

    private static func checkFinite(_ parameters: [Float], _ model: MultiTaskModel) throws(InputError) {
        if let index = parameters.firstIndex(where: { !$0.isFinite }) {
            let segment = model.layout.segments.last { $0.offset <= index }
            throw InputError(
                .value, at: "model bundle, parameter \"\(segment?.name ?? "\(index)")\"",
                found: "\(parameters[index])", expected: "finite numbers")
        }
    }

    /// A predictor for encoded rows.
    ///
    /// - Parameters:
    ///   - compute: threads, back end and instructions.
    ///   - preference: what a model with a dial is asked for, as `Predictor.setPreference` takes it; nil for the model's own.
    /// - Throws: `InputError` where a thread cannot be started, or the model does not take the preference.
    public func predictor(
        _ compute: ComputeOptions = ComputeOptions(), preference: [String: Double]? = nil
    ) throws(InputError) -> Predictor<Float> {
        let predictor = try Predictor(model, members: members, calibration: calibration, compute: compute)
        if let preference { try predictor.setPreference(preference) }
        return predictor
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
