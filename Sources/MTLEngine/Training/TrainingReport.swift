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
    /// Per task the mean weight by which a method multiplied its loss or gradient in this epoch's steps, beside the task's own; nil without
    /// a method (`Balancing`).
    public var taskWeights: [Double]?
    /// Per pair of tasks the mean cosine between their gradients at the representation, `[tasks, tasks]`; nil for a method that does not look
    /// at them.
    public var taskCosines: [Double]?
    /// The loss that the stopping rule watches; of a metric more of which is better, its negative.
    public let watchedLoss: Double
    /// What it is, where that is not the weighted loss of all tasks: "purchase AUC", "purchase loss".
    public var watchedName: String?
    /// How the parameters that it was judged by are spread, by segment, where the rule asks for it; never encoded.
    package var parameters: [ParameterHistogram]?
    /// The tasks that stopped at its end; nil where tasks stop together.
    public var stoppedTasks: [String]?

    private enum CodingKeys: CodingKey {
        case epoch, steps, trainingSeconds, waitingSeconds, trainingLosses, validationLosses,
            validationMetrics, taskWeights, taskCosines
        case watchedLoss, watchedName, stoppedTasks
    }
}

extension EpochReport {
    /// A task's loss over the validation rows, and where they have no label of it over the training rows; NaN without either.
    func loss(_ task: Int) -> Double {
        let watched = validationLosses?[task] ?? .nan
        return watched.isNaN ? trainingLosses[task] : watched
    }
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
        /// The run was asked to pause before an epoch, and can go on.
        case paused
    }

    /// Why training ended.
    public let reason: Reason
    /// One report per epoch, in order.
    public let epochs: [EpochReport]
    /// The epoch (from 1) whose parameters were kept, or nil where none had a finite watched loss. Where each task stopped by
    /// itself, the latest of the tasks' best epochs.
    public let bestEpoch: Int?
    /// What came of every task, where each stopped by itself; else empty.
    public var tasks: [TaskOutcome] = []
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
        let best = tasks.map(\.summary).joined(separator: ", ")
        let kept =
            !tasks.isEmpty
            ? "kept are the parameters of \(best)"
            : bestEpoch.map { "the parameters of epoch \($0) are kept" } ?? "no epoch's parameters are kept"
        switch reason {
        case .converged: return "stopped after epoch \(epochs.count) without an improvement; \(kept)"
        case .budget: return "stopped after epoch \(epochs.count), the last one planned; \(kept)"
        case .diverged:
            let what = divergence?.summary ?? "a loss that is NaN or infinite"
            return "stopped in epoch \(divergence?.epoch ?? epochs.count) with \(what); \(kept)"
        case .interrupted: return "interrupted in epoch \(epochs.count + 1)"
        case .paused: return "paused after epoch \(epochs.count)"
        }
    }

    /// Rows per second of training steps.
    public var rowsPerSecond: Double { Double(rowsSeen) / (epochs.last?.trainingSeconds ?? .nan) }
}

/// What came of a task that stops by itself.
public struct TaskOutcome: Sendable, Equatable, Codable {
    /// The task.
    public let task: String
    /// The epoch (from 1) whose parameters predict it; nil where none was judged: then they are those of
    /// the latest epoch that any task keeps.
    public let bestEpoch: Int?
    /// The epoch at whose end it stopped because nothing had improved; nil where it went on to the end of training.
    public let stoppedAfter: Int?

    /// "click from epoch 3 (stopped after 5)".
    public var summary: String {
        let best = bestEpoch.map { "from epoch \($0)" } ?? "without a loss to judge it by"
        return "\(task) \(best)" + (stoppedAfter.map { " (stopped after \($0))" } ?? "")
    }
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

    init(_ state: FitState, batchCount: Int, planned: Int, epochs: Int) {
        epoch = state.epoch
        self.epochs = epochs
        fraction = min(1, Double(state.batch) / Double(max(1, batchCount)))
        latest = state.epochs.last
        bestEpoch = state.keptEpochs.max()
        rowsPerSecond = Double(state.rowsSeen) / max(1e-9, state.trainingSeconds)
        let perStep = (state.trainingSeconds + state.waitingSeconds) / Double(max(1, state.steps))
        secondsLeft = perStep * Double(max(0, planned - state.steps))
    }
}

extension TrainingReport {
    /// The watched loss of what is kept, by which runs are compared: where tasks stopped one by one, their weighted losses, each at
    /// its own best epoch. Infinite where nothing was judged.
    package func keptLoss(_ learned: [LearningTask]) -> Double {
        func epoch(_ number: Int?) -> EpochReport? { epochs.first { $0.epoch == number } }
        guard !tasks.isEmpty else { return epoch(bestEpoch)?.watchedLoss ?? .infinity }
        var (sum, isKnown) = (0.0, false)
        for (index, outcome) in tasks.enumerated() {
            guard let best = epoch(outcome.bestEpoch) else { continue }
            let loss = (best.validationLosses ?? best.trainingLosses)[index]
            guard !loss.isNaN else { continue }
            sum += learned[index].weight * loss
            isKnown = true
        }
        return isKnown ? sum : .infinity
    }
}
