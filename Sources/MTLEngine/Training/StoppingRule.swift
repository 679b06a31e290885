/// When training ends: on convergence, or when a budget is spent.
///
/// The watched loss is Σ λᵢ Lᵢ over the validation set, or over the epoch's own training batches where there is
/// none. When training ends, the parameters of the epoch with the lowest watched loss are restored; where no epoch
/// had a finite one, those from before training.
public struct StoppingRule: Sendable, Equatable {
    /// The most epochs: passes over the training rows.
    public var epochs: Int
    /// The most steps (batches), or nil.
    public var steps: Int?
    /// Stop after this many epochs in a row without improvement, or nil for never. With turns of an epoch it
    /// counts rounds in which every task had its turn.
    public var patience: Int?
    /// What counts as an improvement of the watched loss.
    public var minimumImprovement: Double
    /// What an epoch is judged by.
    public var watch = Watched.weightedLoss
    /// What happens where a loss becomes NaN or infinite.
    public var onDivergence = DivergenceResponse.stop
    /// Whether every epoch's report has the metrics of the validation rows, which take a pass of their own.
    public var reportsMetrics = false

    /// What an epoch is judged by, over the validation rows, or where there are none over the training rows as the epoch saw
    /// them.
    public enum Watched: Sendable, Equatable {
        /// Σ λᵢ Lᵢ over all tasks.
        case weightedLoss
        /// The loss of one task.
        case loss(task: String)
        /// A metric of one task, by its name in `TaskEvaluation.values`, as "AUC"; of validation rows only.
        case metric(String, task: String)
    }

    /// What happens where a loss becomes NaN or infinite.
    public enum DivergenceResponse: String, Sendable, Codable, CaseIterable {
        /// Training ends, with the best epoch's parameters.
        case stop
        /// Training goes back to the end of the best epoch, or its own beginning, and on with half the learning rate; five
        /// times at most.
        case rollBack = "rollback"
    }

    /// How often a run goes back.
    static let rollbackLimit = 5

    /// By default at most 50 epochs, 3 without improvement.
    public init(epochs: Int = 50, steps: Int? = nil, patience: Int? = 3, minimumImprovement: Double = 0) {
        self.epochs = epochs
        self.steps = steps
        self.patience = patience
        self.minimumImprovement = minimumImprovement
    }

    var watchedName: String? {
        switch watch {
        case .weightedLoss: nil
        case .loss(let task): "\(task) loss"
        case .metric(let name, let task): "\(task) \(name)"
        }
    }

    var needsMetrics: Bool { if case .metric = watch { true } else { reportsMetrics } }

    /// Checks it for the tasks of a model.
    func check(_ tasks: [LearningTask], hasValidation: Bool) throws(InputError) {
        try check()
        let place = "stopping rule, watch"
        let name: String
        switch watch {
        case .weightedLoss: return
        case .loss(let task): name = task
        case .metric(_, let task): name = task
        }
        guard let task = tasks.first(where: { $0.name == name }) else {
            throw InputError(
                .name, at: place, found: "no task \"\(name)\"",
                expected: "one of \(tasks.map(\.name).joined(separator: ", "))")
        }
        guard case .metric(let metric, _) = watch else { return }
        guard hasValidation else {
            throw InputError(
                .empty, at: place, found: "\(metric), and no validation rows",
                expected: "validation rows, or a loss to watch")
        }
        let known = TaskEvaluation.names(task.kind)
        guard known.contains(where: { $0.lowercased() == metric.lowercased() }) else {
            throw InputError(
                .name, at: place, found: "\"\(metric)\"",
                expected: "a metric of task \"\(name)\": \(known.joined(separator: ", "))")
        }
    }

    func check() throws(InputError) {
        for (name, value) in [("epochs", epochs), ("steps", steps ?? 1), ("patience", patience ?? 1)]
        where value < 1 {
            throw InputError(.value, at: "stopping rule, \(name)", found: "\(value)", expected: "at least 1")
        }
        guard minimumImprovement >= 0, minimumImprovement.isFinite else {
            throw InputError(
                .value, at: "stopping rule, minimum improvement", found: "\(minimumImprovement)",
                expected: "0 or above, finite")
        }
    }
}

/// One epoch as it went.
public struct EpochReport: Sendable, Equatable, Codable {
    /// The number of the epoch, counted from 1.
    public let epoch: Int
    /// Steps (batches) since the start.
    public let steps: Int
    /// Seconds of training steps since the start, without evaluation.
    public let trainingSeconds: Double
    /// Seconds that steps have waited for their batches since the start.
    public let waitingSeconds: Double
    /// Per task the mean of its training losses in this epoch; NaN for a task that had no turn.
    public let trainingLosses: [Double]
    /// Per task the mean loss over the validation set, or nil where there is none.
    public let validationLosses: [Double]?
    /// Per task its metrics over the validation set, where the rule asks for them.
    public var validationMetrics: [TaskEvaluation]?
    /// The loss that the stopping rule watches; of a metric more of which is better, its negative.
    public let watchedLoss: Double
    /// What it is, where that is not the weighted loss of all tasks: "purchase AUC", "purchase loss".
    public var watchedName: String?
}

/// What came of a training run.
public struct TrainingReport: Sendable, Equatable {
    /// Why training ended.
    public enum Reason: String, Sendable {
        /// No improvement for as long as the rule's patience.
        case converged
        /// The rule's epochs or steps were used up.
        case budget
        /// A loss became NaN or infinite.
        case diverged
        /// The run was asked to stop, and can go on.
        case interrupted
    }

    /// Why training ended.
    public let reason: Reason
    /// One report per epoch, in order.
    public let epochs: [EpochReport]
    /// The epoch (from 1) whose parameters were kept, or nil where none had a finite watched loss.
    public let bestEpoch: Int?
    /// Rows trained on, each counted once per epoch however many turns it served.
    public let rowsSeen: Int
    /// Where a loss ran away, if that ended training.
    public var divergence: Divergence?
    /// Where losses ran away before, and training went back.
    public var rollbacks: [Divergence] = []
    /// What was learned from each of the sources of rows that turns take their batches from; one where all tasks share it.
    public var sources: [SourceReport] = []

    /// Seconds of training steps until the best epoch's end.
    public var secondsToBest: Double {
        bestEpoch.map { epochs[$0 - 1].trainingSeconds } ?? .nan
    }

    /// Why training ended, after which epoch, and whose parameters are kept, in a sentence.
    public var summary: String {
        let kept =
            bestEpoch.map { "the parameters of epoch \($0) are kept" } ?? "no epoch's parameters are kept"
        switch reason {
        case .converged: return "stopped after epoch \(epochs.count) without an improvement; \(kept)"
        case .budget: return "stopped after epoch \(epochs.count), the last one planned; \(kept)"
        case .diverged:
            let task = divergence.map { " of task \"\($0.task)\"" } ?? ""
            return
                "stopped in epoch \(divergence?.epoch ?? epochs.count) with a loss\(task) that is NaN or infinite; \(kept)"
        case .interrupted: return "interrupted in epoch \(epochs.count + 1)"
        }
    }

    /// Rows per second of training steps.
    public var rowsPerSecond: Double { Double(rowsSeen) / (epochs.last?.trainingSeconds ?? .nan) }
}

/// How far a run went through the rows that some tasks learn from.
public struct SourceReport: Sendable, Equatable {
    /// The tasks whose turns take these rows.
    public let tasks: [String]
    /// Rows trained on, each counted as often as a batch had it.
    public let rows: Int
    /// Passes over all of the source's rows; the last one may have been left before its end.
    public let passes: Double
}

/// Where a loss became NaN or infinite.
public struct Divergence: Sendable, Equatable, Codable {
    /// The task whose loss it is.
    public let task: String
    /// The epoch, counted from 1.
    public let epoch: Int
    /// Steps (batches) since the start.
    public let step: Int
    /// The first parameter that is not finite, or nil where all are.
    public let parameter: String?
}

/// How far a training run is, for a progress bar.
public struct TrainingProgress: Sendable {
    /// The number of the epoch, counted from 1.
    public let epoch: Int
    /// The most epochs.
    public let epochs: Int
    /// The share of this epoch's batches that are done, 0 to 1.
    public let fraction: Double
    /// Rows per second of training steps since the start.
    public let rowsPerSecond: Double
    /// Seconds of training steps until the last epoch's end, if none ends training before.
    public let secondsLeft: Double
    /// The last finished epoch.
    public let latest: EpochReport?
    /// The best epoch so far.
    public let bestEpoch: Int?

    init(_ state: FitState, batchCount: Int, planned: Int, rule: StoppingRule) {
        epoch = state.epoch
        epochs = rule.epochs
        fraction = min(1, Double(state.batch) / Double(max(1, batchCount)))
        latest = state.epochs.last
        bestEpoch = state.best?.epoch
        rowsPerSecond = Double(state.rowsSeen) / max(1e-9, state.trainingSeconds)
        let perStep = (state.trainingSeconds + state.waitingSeconds) / Double(max(1, state.steps))
        secondsLeft = perStep * Double(max(0, planned - state.steps))
    }
}
