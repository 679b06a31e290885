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

    /// By default at most 50 epochs, 3 without improvement.
    public init(epochs: Int = 50, steps: Int? = nil, patience: Int? = 3, minimumImprovement: Double = 0) {
        self.epochs = epochs
        self.steps = steps
        self.patience = patience
        self.minimumImprovement = minimumImprovement
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
public struct EpochReport: Sendable, Equatable {
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
    /// The loss that the stopping rule watches.
    public let watchedLoss: Double
}

/// What came of a training run.
public struct TrainingReport: Sendable, Equatable {
    /// Why training ended.
    public enum Reason: String, Sendable {
        /// No improvement for as long as the rule's patience.
        case converged
        /// The rule's epochs or steps were used up.
        case budget
        /// The watched loss became NaN.
        case diverged
    }

    /// Why training ended.
    public let reason: Reason
    /// One report per epoch, in order.
    public let epochs: [EpochReport]
    /// The epoch (from 1) whose parameters were kept, or nil where none had a finite watched loss.
    public let bestEpoch: Int?
    /// Rows trained on, each counted once per epoch however many turns it served.
    public let rowsSeen: Int

    /// Seconds of training steps until the best epoch's end.
    public var secondsToBest: Double {
        bestEpoch.map { epochs[$0 - 1].trainingSeconds } ?? .nan
    }

    /// Rows per second of training steps.
    public var rowsPerSecond: Double { Double(rowsSeen) / (epochs.last?.trainingSeconds ?? .nan) }
}

/// How far a training run is, for a progress bar.
public struct TrainingProgress: Sendable {
    /// The number of the epoch, counted from 1.
    public let epoch: Int
    /// The share of this epoch's batches that are done, 0 to 1.
    public let fraction: Double
    /// The last finished epoch.
    public let latest: EpochReport?
}
