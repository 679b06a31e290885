public import MTLEngine

/// The training of an experiment on its prepared rows: a run for each seed, of which the best is kept. It refuses what nothing
/// can be learned of before the first step, and never keeps a run that learned nothing.
public struct TrainingRun {
    /// What goes on, for whoever watches.
    public enum Event: Sendable {
        /// Something to know before or after: a label far from all others, a seed whose run was left out.
        case note(String)
        /// How far a seed's run is.
        case progress(seed: UInt64, TrainingProgress)
        /// A seed's run is over.
        case finished(seed: UInt64, TrainingReport)
    }

    /// The model as planned.
    public let model: MultiTaskModel
    /// What the best run learned, `[model.layout.count]`.
    public private(set) var parameters: [Float] = []
    /// The seed of the best run.
    public private(set) var seed: UInt64 = 0
    /// Per run that learned something what it is worth on the test rows; empty without any.
    public private(set) var evaluations: [[TaskEvaluation]] = []

    private var bestLoss = Double.infinity

    /// Trains.
    ///
    /// - Parameters:
    ///   - settings: the experiment.
    ///   - data: its rows.
    ///   - start: the parameters to go on from; nil for those that each seed draws.
    ///   - compute: threads, back end and instructions.
    ///   - watch: is told what goes on.
    /// - Throws: `InputError` that names the label, setting or seed: nothing to learn, a model that does not fit the memory, no
    ///   seed that learned anything.
    public init(
        _ settings: Experiment, _ data: PreparedData, from start: [Float]? = nil,
        compute: ComputeOptions = ComputeOptions(), watch: @escaping (Event) -> Void = { _ in }
    ) throws(InputError) {
        model = try settings.model.model(data.preprocessor, sampling: settings.sampling)
        guard settings.schema.labels.contains(where: { $0.weight > 0 }) else {
            throw InputError(
                .value, at: "schema, labels", found: "a weight of 0 for all of them", expected: "one above 0")
        }
        let audit = try LabelAudit(data.training, settings.schema)
        if let problem = audit.problems.first {
            throw try settings.explained(problem.error, problem.label, data)
        }
        for note in try settings.outlierNotes(audit, data) { watch(.note(note)) }
        for label in settings.schema.labels where label.weight == 0 {
            watch(.note("label \"\(label.name)\" weighs 0: its task learns nothing"))
        }
        let groups = try settings.testGroups(data)
        var failures: [InputError] = []
        for seed in settings.training.seeds {
            do throws(InputError) {
                try run(seed, settings, data, groups, from: start, audit, compute: compute, watch)
            } catch {
                // What is wrong with the machine or the rows is so for all seeds.
                guard error.place.hasPrefix(Self.place) else { throw error }
                failures.append(error)
            }
        }
        guard !parameters.isEmpty else {
            throw failures.first
                ?? InputError(.empty, at: "training, seeds", found: "none", expected: "at least one")
        }
        for failure in failures { watch(.note("\(failure). It is left out.")) }
    }

    private static let place = "training, seed"

    private mutating func run(
        _ seed: UInt64, _ settings: Experiment, _ data: PreparedData, _ groups: [Int]?, from start: [Float]?,
        _ audit: LabelAudit,
        compute: ComputeOptions, _ watch: @escaping (Event) -> Void
    ) throws(InputError) {
        let trainer = try settings.trainer(model, seed: seed, compute: compute)
        if let start { trainer.parameters = start }
        let begun = (parameters: trainer.denseParameters, losses: try losses(trainer, data))
        let report = try trainer.fit(
            data.training, validation: data.validation, until: settings.training.stopping,
            progress: { watch(.progress(seed: seed, $0)) })
        watch(.finished(seed: seed, report))
        let place = "\(Self.place) \(seed)"
        let advice = audit.outliers.isEmpty ? "" : ", or labels that are not so far from all others"
        guard report.reason != .diverged else {
            throw InputError(
                .value, at: "\(place), epoch \(report.epochs.count)", found: "a loss that is no number",
                expected: "a smaller learning_rate\(advice)")
        }
        guard trainer.isFinite else {
            throw InputError(
                .value, at: place, found: "parameters that are no numbers",
                expected: "a smaller learning_rate\(advice)")
        }
        guard trainer.denseParameters != begun.parameters else {
            throw InputError(
                .value, at: place, found: "parameters that no step has moved",
                expected: "a larger learning_rate, or weights that are not as small")
        }
        let ended = try losses(trainer, data)
        try judge(trainer, data, start, before: begun.losses, after: ended, audit, seed, advice)
        for (index, task) in model.tasks.enumerated() where task.weight > 0 {
            let constant = audit.labels[index].constantLoss(task.kind)
            guard ended[index] > 1.02 * constant else { continue }
            watch(
                .note(
                    "seed \(seed), task \"\(task.name)\": a loss of \(Wording.number(ended[index])), no better than a constant's \(Wording.number(constant)): it learned nothing of its label"
                ))
        }
        try trainer.completeUnseen(data.training)
        if let test = data.test { evaluations.append(try trainer.evaluate(test, groups: groups)) }
        let loss = report.epochs.first { $0.epoch == report.bestEpoch }?.watchedLoss ?? .infinity
        if parameters.isEmpty || loss < bestLoss {
            (bestLoss, self.seed, parameters) = (loss, seed, trainer.parameters)
        }
    }

    /// - Throws: `InputError` that names the seed, of a run that went astray or did not get anywhere.
    private func judge(
        _ trainer: Trainer<Float>, _ data: PreparedData, _ start: [Float]?, before: [Double], after: [Double],
        _ audit: LabelAudit, _ seed: UInt64,
        _ advice: String
    ) throws(InputError) {
        let place = "\(Self.place) \(seed)"
        var hasFallen = false
        for (index, task) in model.tasks.enumerated() where task.weight > 0 {
            let constant = audit.labels[index].constantLoss(task.kind)
            let (first, last) = (before[index], after[index])
            guard last.isFinite, last <= 10 * max(constant, 1e-6) || last <= first else {
                throw InputError(
                    .value, at: "\(place), task \"\(task.name)\"",
                    found:
                        "a loss of \(Wording.number(last)), where a constant has \(Wording.number(constant)): it diverged",
                    expected: "a smaller learning_rate\(advice)")
            }
            hasFallen = hasFallen || last <= 1.02 * constant || last < 0.999 * first
        }
        if !hasFallen { hasFallen = try hasLearnedTraining(trainer, data, start, audit) }
        guard hasFallen else {
            throw InputError(
                .value, at: place, found: "losses that have not fallen: it learned nothing",
                expected: "another learning_rate, or labels of a smaller size\(advice)")
        }
        let largest = trainer.largestTrained
        let labels = audit.labels.map { max(1, $0.furthest.magnitude) }.max() ?? 1
        guard largest < Self.largestParameter * labels else {
            throw InputError(
                .value, at: place, found: "parameters up to \(Wording.number(largest)): it diverged",
                expected: "a smaller learning_rate\(advice)")
        }
    }

    /// Whether any task's loss over the training rows has fallen: few watched rows may hide it, or show that it was learned by
    /// heart. The losses before are those of parameters drawn once more.
    private func hasLearnedTraining(
        _ trainer: Trainer<Float>, _ data: PreparedData, _ start: [Float]?, _ audit: LabelAudit
    ) throws(InputError) -> Bool {
        guard data.validation != nil else { return false }
        let ended = try trainer.losses(data.training)
        let learned = trainer.parameters
        if let start { trainer.parameters = start } else { trainer.initialize() }
        let begun = try trainer.losses(data.training)
        trainer.parameters = learned
        return model.tasks.indices.contains { index in
            model.tasks[index].weight > 0
                && (ended[index] <= 1.02 * audit.labels[index].constantLoss(model.tasks[index].kind)
                    || ended[index] < 0.999 * begun[index])
        }
    }

    /// Parameters beyond this many times the labels have run away, whatever the loss is.
    private static let largestParameter = 1e4

    /// The tasks' losses over the watched rows, and where those have no label over the training rows.
    private func losses(_ trainer: Trainer<Float>, _ data: PreparedData) throws(InputError) -> [Double] {
        var watched: [Double]?
        if let rows = data.validation { watched = try trainer.losses(rows) }
        if let watched, !watched.contains(where: \.isNaN) { return watched }
        let all = try trainer.losses(data.training)
        return zip(watched ?? all, all).map { $0.isNaN ? $1 : $0 }
    }
}

extension Experiment {
    /// A trainer, whose refusals name the settings of a file.
    fileprivate func trainer(
        _ model: MultiTaskModel, seed: UInt64, compute: ComputeOptions
    ) throws(InputError) -> Trainer<Float> {
        do throws(InputError) {
            return try training.trainer(model, seed: seed, compute: compute)
        } catch {
            throw named(error)
        }
    }

    /// An error about a table with the feature's setting that makes it so large.
    func named(_ error: InputError) -> InputError {
        for feature in schema.features where error.place == "embedding table \"\(feature.name)\"" {
            let setting =
                feature.hashBuckets != nil ? ", hash_buckets" : feature.dimension != nil ? ", dimension" : ""
            return InputError(
                error.kind, at: "feature \"\(feature.name)\"\(setting)", found: error.found,
                expected: error.expected)
        }
        let places = ["batch": "training, batch", "rows": "model"]
        let place =
            places[error.place] ?? (error.place.hasPrefix("layer ") ? "model, \(error.place)" : error.place)
        return InputError(error.kind, at: place, found: error.found, expected: error.expected)
    }
}
