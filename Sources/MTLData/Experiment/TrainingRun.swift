public import MTLEngine

/// The training of an experiment on its prepared rows: a run for each seed, of which the best is kept, or all.
///
/// Before the first step it rejects labels from which nothing can be learned; a run that learned nothing is never kept. Once a run
/// is over, values and scenarios that the training rows do not have get vectors and weights that are averages.
public struct TrainingRun {
    /// What goes on, for whoever watches.
    public enum Event: Sendable {
        /// Something to know before or after: a label far from all others, a seed whose run was left out.
        case note(String)
        /// How far a seed's run is.
        case progress(seed: UInt64, TrainingProgress)
        /// A seed's run is over.
        case finished(seed: UInt64, TrainingReport)
        /// How far a seed's training on training and validation rows together is.
        case refitting(seed: UInt64, TrainingProgress)
        /// It is over.
        case refitted(seed: UInt64, TrainingReport)
    }

    /// The model as planned.
    public let model: MultiTaskModel
    /// What was learned, by the best run or, with `keep: all`, by all that learned something; nil where it was interrupted.
    public private(set) var members: ModelMembers<Float>?
    /// The seed of the best run.
    public private(set) var seed: UInt64 = 0
    /// The seeds of the runs that `members` holds.
    public var keptSeeds: [UInt64] { results.map(\.seed) }
    /// The metrics on the test rows, `[runs][tasks]`, of the runs that learned something; empty without test rows.
    public private(set) var evaluations: [[TaskEvaluation]] = []
    /// The seeds behind `evaluations`.
    public private(set) var evaluatedSeeds: [UInt64] = []
    /// The metrics on the test rows of several runs' averaged predictions, `[tasks]`; nil where there are none.
    public private(set) var averageEvaluation: [TaskEvaluation]?
    /// Per kept seed the epochs that it was trained on training and validation rows together, 0 where that was left out; nil where
    /// it was not asked for.
    public private(set) var refitEpochs: [Int]?
    /// The metrics on the test rows of what `members` holds, `[tasks]`, where that learned from the validation rows too; the others are
    /// those of before.
    public private(set) var refitEvaluation: [TaskEvaluation]?

    /// Whether it stopped before its end because it was asked to: its folder holds where, and there are no members.
    public private(set) var wasInterrupted = false
    /// Whether it paused where it was asked to: its folder holds where, and there are no parameters.
    public var hasPaused: Bool { pausedAfter != nil }
    /// The epochs that a run that paused has behind it: those before it was asked to, or more where it was beyond them; nil for one
    /// that did not pause.
    public private(set) var pausedAfter: Int?

    private var bestLoss = Double.infinity
    private var results: [(seed: UInt64, members: ModelMembers<Float>)] = []

    /// What keeps a run beyond the process.
    public struct Keeping {
        /// Its folder.
        public var folder: RunFolder
        /// How often it writes where it is.
        public var interval = CheckpointInterval.seconds(300)
        /// Asked between steps whether it is to stop, with a last checkpoint.
        public var isInterrupted: () -> Bool = { false }
        /// The last epoch before it pauses with a checkpoint, of a run of one seed; nil for none. Rates and schedules stay those of
        /// all epochs, so that the run that goes on comes to the same bits as one that never paused.
        public var pauseAfter: Int?
        /// Whether the test rows are left alone.
        package var skipsTest = false

        /// A run that writes where it is every five minutes.
        public init(folder: RunFolder) { self.folder = folder }
    }

    /// Trains. A run that is kept in a folder goes on where it was, to the same bits as if it had never stopped.
    ///
    /// - Parameters:
    ///   - settings: the experiment.
    ///   - data: its rows.
    ///   - start: the parameters to go on from; nil for those that each seed draws.
    ///   - keeping: the folder of a run that survives; nil for none.
    ///   - compute: threads, back end and instructions.
    ///   - watch: is told what goes on.
    /// - Throws: `InputError` that names the label, setting or seed: nothing to learn, a model that does not fit the memory, no
    ///   seed that learned anything.
    public init(
        _ settings: Experiment, _ data: PreparedData, from start: [Float]? = nil, keeping: Keeping? = nil,
        compute: ComputeOptions = ComputeOptions(), watch: @escaping (Event) -> Void = { _ in }
    ) throws(InputError) {
        model = try settings.model.model(data.preprocessor, sampling: settings.sampling)
        guard settings.schema.labels.contains(where: { $0.weight > 0 }) else {
            throw InputError(
                .value, at: "schema, labels", found: "a weight of 0 for all of them", expected: "one above 0")
        }
        // Rows of the earlier event's source say nothing of a later one that has a source of its own.
        let parents = settings.model.eventParents.filter { settings.data.areOfOneSource($0.key, $0.value) }
        let audit = try LabelAudit(data.training, settings.schema, parents: parents)
        // A task that is switched off needs no labels.
        if let problem = audit.problems.first(where: { settings.schema.labels[$0.label].weight > 0 }) {
            throw try settings.explained(
                problem.error, problem.label, data, kept: audit.labels[problem.label].least)
        }
        if let pause = keeping?.pauseAfter, settings.training.seeds.count > 1 || pause < 1 {
            throw InputError(
                .value, at: "training, seeds",
                found: "\(settings.training.seeds.count) and a pause after epoch \(pause)",
                expected: "one seed, and a pause after epoch 1 or later")
        }
        for note in try settings.outlierNotes(audit, data) + audit.funnelNotes { watch(.note(note)) }
        for label in settings.schema.labels where label.weight == 0 {
            watch(.note("label \"\(label.name)\" weighs 0: its task learns nothing"))
        }
        let weights = settings.schema.labels.map(\.weight).filter { $0 > 0 }
        if Set(weights).count > 1, let idle = settings.idleWeights { watch(.note(idle)) }
        if let start, start.count != model.layout.count {
            throw InputError(
                .shape, at: "parameters to go on from", found: "\(start.count)",
                expected: "\(model.layout.count), the model's")
        }
        if settings.training.refit, data.validation == nil {
            throw InputError(
                .value, at: "training, refit", found: "true, and no validation rows",
                expected: "a split that has some, or false")
        }
        try settings.training.checkIndicators(hasValidation: data.validation != nil)
        let keepsAll = settings.training.keep == .all
        if keepsAll {
            let training = settings.training
            let ofSeed = training.stop == .eachTask ? min(model.tasks.count, training.epochs) : 1
            try MemoryNeed(keeping: model, times: training.seeds.count * ofSeed, scalarBytes: 4).check()
        }
        let judgesTest = data.test != nil && keeping?.skipsTest != true
        let groups = judgesTest ? try settings.testGroups(data, threads: compute.threads) : nil
        if judgesTest, groups == nil, let group = settings.schema.group {
            watch(.note("column \"\(group)\": the source has other rows than before, so there is no GAUC"))
        }
        if data.validation == nil, settings.training.epochs > 1 {
            watch(
                .note(
                    "there are no validation rows: the loss of the training rows, as each epoch saw them, decides which epoch is kept"
                ))
        }
        let course = TrainingCourse(
            model: model, settings: settings, data: data, groups: groups, start: start, audit: audit,
            keeping: keeping, compute: compute, watch: watch)
        if let folder = keeping?.folder {
            // All that defaults mean is said, so that a run of before one changed does not go on as another function.
            var said = settings
            said.model = settings.model.ofFile
            try folder.begin(
                settings: RunFolder.text(said), definition: said.model.definition(said.sampling),
                rows: Self.identity(data, start))
            try said.model.check(definition: folder.manifest?.definition, said.sampling)
        }
        var history = RunHistory(tasks: model.tasks.map(\.name))
        var failures: [InputError] = []
        var bestEpochs: [UInt64: Int] = [:]
        for seed in settings.training.seeds {
            let outcome: SeedOutcome
            if let kept = keeping?.folder.manifest?.outcomes.first(where: { $0.seed == seed }) {
                outcome = kept
                history.set(RunStage(seed: seed), kept.epochs)
                if outcome.failure == nil, keepsAll || results.isEmpty || outcome.loss < bestLoss, let keeping
                {
                    let path = keeping.folder.resultPath(keepsAll ? seed : nil)
                    keep(try RunFolder.members(path, model), of: seed, loss: outcome.loss, all: keepsAll)
                }
            } else {
                let found = try course.train(RunStage(seed: seed), &history)
                guard !stops(found.report) else { return }
                outcome = found.outcome(seed, model)
                if let learned = found.members {
                    keep(learned, of: seed, loss: outcome.loss, all: keepsAll)
                }
                if let keeping {
                    if let last = results.last, last.seed == seed {
                        try RunFolder.write(
                            last.members, to: keeping.folder.resultPath(keepsAll ? seed : nil))
                    }
                    keeping.folder.manifest?.outcomes.append(outcome)
                    try keeping.folder.record()
                    keeping.folder.removeCheckpoints()
                }
            }
            if let failure = outcome.failure { failures.append(failure.error) }
            bestEpochs[seed] = outcome.bestEpoch ?? outcome.epochs.count
            if judgesTest, outcome.failure == nil, outcome.evaluation == nil {
                watch(.note("seed \(seed) has no test metrics: it came to its end without its test rows"))
            }
            if let evaluation = outcome.evaluation {
                evaluations.append(evaluation)
                evaluatedSeeds.append(seed)
            }
        }
        guard !results.isEmpty else {
            throw failures.first
                ?? InputError(.empty, at: "training, seeds", found: "none", expected: "at least one")
        }
        for failure in failures { watch(.note("\(failure). It is left out.")) }
        let learned = try ModelMembers.together(results.map(\.members))
        if results.count > 1, judgesTest, let test = data.test {
            averageEvaluation = try Predictor(model, members: learned, compute: compute).evaluate(
                test, groups: groups)
        }
        guard settings.training.refit else {
            members = learned
            return
        }
        var refits: [Refit] = []
        for (seed, learned) in results {
            let epochs = bestEpochs[seed] ?? 1
            let (refit, report) = try course.refit(seed, epochs: epochs, learned, &history)
            if let report, stops(report) { return }
            refits.append(refit)
        }
        let refitted = try ModelMembers.together(refits.map(\.members))
        if judgesTest, refits.contains(where: { $0.epochs > 0 }), let test = data.test {
            refitEvaluation = try Predictor(model, members: refitted, compute: compute).evaluate(
                test, groups: groups)
        }
        refitEpochs = refits.map(\.epochs)
        members = refitted
    }

    /// Takes note of a training that was interrupted or paused: nothing is learned then.
    private mutating func stops(_ report: TrainingReport) -> Bool {
        wasInterrupted = report.reason == .interrupted
        pausedAfter = report.reason == .paused ? report.epochs.count : nil
        guard wasInterrupted || hasPaused else { return false }
        results = []
        return true
    }

    /// Keeps what a seed learned: in the place of a worse one, or beside all.
    private mutating func keep(
        _ learned: ModelMembers<Float>, of seed: UInt64, loss: Double, all: Bool
    ) {
        let isBest = results.isEmpty || loss < bestLoss
        if isBest { (bestLoss, self.seed) = (loss, seed) }
        if all {
            results.append((seed, learned))
        } else if isBest {
            results = [(seed, learned)]
        }
    }

    /// What identifies the rows and the model that training goes on from.
    static func identity(_ data: PreparedData, _ start: [Float]?) -> String {
        let parts = [data.training, data.validation, data.test].map { $0?.seal ?? "none" }
        let begun = start.map { start in "\(start.withUnsafeBytes { Checksum.crc32($0) })" } ?? "none"
        return (parts + [begun]).joined(separator: ", ")
    }
}
