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
        let audit = try LabelAudit(data.training, settings.schema)
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
        for note in try settings.outlierNotes(audit, data) { watch(.note(note)) }
        for label in settings.schema.labels where label.weight == 0 {
            watch(.note("label \"\(label.name)\" weighs 0: its task learns nothing"))
        }
        if let start, start.count != model.layout.count {
            throw InputError(
                .shape, at: "parameters to go on from", found: "\(start.count)",
                expected: "\(model.layout.count), the model's")
        }
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
        let course = Course(
            settings: settings, data: data, groups: groups, start: start, audit: audit, keeping: keeping,
            compute: compute, watch: watch)
        try keeping?.folder.begin(settings: RunFolder.text(settings), rows: Self.identity(data, start))
        var history = RunHistory(tasks: model.tasks.map(\.name))
        var failures: [InputError] = []
        for seed in settings.training.seeds {
            let outcome: SeedOutcome
            if let kept = keeping?.folder.manifest?.outcomes.first(where: { $0.seed == seed }) {
                outcome = kept
                history.set(seed, kept.epochs)
                if outcome.failure == nil, keepsAll || results.isEmpty || outcome.loss < bestLoss, let keeping
                {
                    let path = keeping.folder.resultPath(keepsAll ? seed : nil)
                    keep(try RunFolder.members(path, model), of: seed, loss: outcome.loss, all: keepsAll)
                }
            } else {
                guard let found = try run(seed, course, &history) else {
                    results = []
                    return
                }
                outcome = found.outcome
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
        members = learned
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

    /// What all seeds have in common.
    private struct Course {
        let settings: Experiment
        let data: PreparedData
        let groups: [Int]?
        let start: [Float]?
        let audit: LabelAudit
        let keeping: Keeping?
        let compute: ComputeOptions
        let watch: (Event) -> Void
    }

    /// What identifies the rows and the model that training goes on from.
    static func identity(_ data: PreparedData, _ start: [Float]?) -> String {
        let parts = [data.training, data.validation, data.test].map { $0?.seal ?? "none" }
        let begun = start.map { start in "\(start.withUnsafeBytes { Checksum.crc32($0) })" } ?? "none"
        return (parts + [begun]).joined(separator: ", ")
    }

    /// - Returns: what came of the seed's run, and what it learned, if anything; nil where it was interrupted or paused.
    /// - Throws: what is wrong with the machine or the rows, and so for all seeds.
    private mutating func run(
        _ seed: UInt64, _ course: Course, _ history: inout RunHistory
    ) throws(InputError) -> (outcome: SeedOutcome, members: ModelMembers<Float>?)? {
        let (settings, data, watch) = (course.settings, course.data, course.watch)
        let trainer = try settings.trainer(model, seed: seed, compute: course.compute)
        if let start = course.start { trainer.parameters = start }
        let judge = SeedJudge(
            model: model, data: data, audit: course.audit, start: course.start, seed: seed
        ) { watch(.note($0)) }
        let begun = try judge.beginning(trainer)
        var keeper: RunKeeper?
        var resumed: FitStart<Float>?
        var rule = settings.training.stopping
        rule.reportsMetrics = data.validation != nil
        rule.reportsParameters = course.keeping != nil
        if let keeping = course.keeping {
            let own = try RunKeeper(
                keeping.folder, seed: seed, every: keeping.interval, isInterrupted: keeping.isInterrupted,
                pauseAfter: keeping.pauseAfter
            ) { text in
                keeping.folder.log(text)
                watch(.note(text))
            }
            resumed = try Checkpoint.restore(
                keeping.folder, seed: seed, trainer, beginning: trainer.parameters,
                keepsRetreat: rule.onDivergence == .rollBack)
            if let resumed {
                own.resume(resumed)
                let place = "epoch \(resumed.state.epoch), batch \(resumed.state.batch + 1)"
                keeping.folder.log("seed \(seed) goes on at \(place)")
                watch(.note("seed \(seed) goes on at \(place)"))
            } else {
                keeping.folder.log("seed \(seed) begins")
            }
            keeper = own
        }
        history.set(seed, resumed?.state.epochs ?? [])
        var (kept, failure) = (history, InputError?.none)
        let report: TrainingReport
        do throws(InputError) {
            report = try trainer.fit(
                data.training, batches: settings.batches, validation: data.validation, until: rule,
                from: resumed, keeper: keeper
            ) { progress in
                watch(.progress(seed: seed, progress))
                guard let folder = course.keeping?.folder, progress.fraction == 1, let epoch = progress.latest
                else { return }
                kept.add(epoch)
                do throws(InputError) { try kept.write(folder) } catch { failure = error }
            }
        } catch {
            throw settings.named(error)
        }
        keeper?.finish()
        history = kept
        if let failure { watch(.note("\(failure). Training goes on.")) }
        course.keeping?.folder.log("seed \(seed): \(report.summary)")
        watch(.finished(seed: seed, report))
        wasInterrupted = report.reason == .interrupted
        pausedAfter = report.reason == .paused ? report.epochs.count : nil
        if wasInterrupted || hasPaused { return nil }
        var outcome = SeedOutcome(seed: seed, epochs: report.epochs, bestEpoch: report.bestEpoch)
        if !report.tasks.isEmpty { outcome.tasks = report.tasks }
        let suspects = tellRunaways(report, seed, course)
        if let failure = try judge.failure(of: trainer, report, since: begun, suspects: suspects) {
            outcome.failure = SeedOutcome.Failure(failure)
            return (outcome, nil)
        }
        let learned = try trainer.completedMembers(
            data.training, continuing: course.start == nil ? nil : data.preprocessor)
        if let test = data.test, course.keeping?.skipsTest != true {
            if learned.vectors.count == 1 {
                outcome.evaluation = try trainer.evaluate(test, groups: course.groups)
            } else {
                outcome.evaluation = try Predictor(model, members: learned, compute: course.compute).evaluate(
                    test, groups: course.groups)
            }
        }
        outcome.loss = report.keptLoss(model.tasks)
        return (outcome, learned)
    }

    /// Tells where training went back.
    ///
    /// - Returns: what is said of the rows where it ended because a loss ran away.
    private func tellRunaways(_ report: TrainingReport, _ seed: UInt64, _ course: Course) -> String {
        let divergences = report.rollbacks + [report.divergence].compactMap { $0 }
        guard !divergences.isEmpty else { return "" }
        let suspects = course.settings.suspects(divergences, course.data)
        for (place, rows) in zip(report.rollbacks, suspects) {
            let text =
                "seed \(seed) went back from epoch \(place.epoch), to half the learning rate, because of \(place.summary) at step \(place.step)\(rows)"
            course.keeping?.folder.log(text)
            course.watch(.note(text))
        }
        guard report.divergence != nil, let rows = suspects.last else { return "" }
        if !rows.isEmpty { course.keeping?.folder.log("seed \(seed)\(rows)") }
        return rows
    }
}
