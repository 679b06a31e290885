/// When training ends: on convergence, or when a budget is spent.
///
/// The watched loss is Σ λᵢ Lᵢ over the validation set, or over the epoch's own training batches where there is
/// none. When training ends, the parameters of the epoch with the lowest watched loss are restored; where no epoch
/// had a finite one, those from before training. Or every task stops by itself; see `Stopping`.
public struct StoppingRule: Sendable, Equatable {
    /// The most epochs: passes over the training rows.
    public var epochs: Int
    /// The most steps (batches), or nil.
    public var steps: Int?
    /// Stop after this many epochs in a row without improvement, or nil for never. With turns of an epoch it
    /// counts rounds in which every task had its turn.
    public var patience: Int?
    /// The epoch after which training ends, with its own parameters whatever was watched, while rates and schedules stay those of
    /// all `epochs`; nil for the best of them.
    package var lastEpoch: Int?
    /// What counts as an improvement of the watched loss.
    public var minimumImprovement: Double
    /// What an epoch is judged by.
    public var watch = Watched.weightedLoss
    /// Whether all tasks stop together, or each by itself.
    public var stop = Stopping.together
    /// What happens where a loss becomes NaN or infinite.
    public var onDivergence = DivergenceResponse.stop
    /// Whether every epoch's report has the metrics of the validation rows, which take a pass of their own.
    public var reportsMetrics = false
    /// Whether every epoch's report says how the parameters are spread.
    package var reportsParameters = false

    /// What an epoch is judged by, over the validation rows, or where there are none over the training rows as the epoch saw
    /// them.
    public enum Watched: Sendable, Equatable {
        /// Σ λᵢ Lᵢ over all tasks.
        case weightedLoss
        /// The loss of one task.
        case loss(task: String)
        /// A metric of one task, by its name in `TaskEvaluation.values`, as "AUC"; of validation rows only.
        case metric(String, task: String)
        /// A metric of every task that may have it, and the loss of the others; where every task stops by itself.
        case metricOfEach(String)
    }

    /// Whether tasks stop together.
    public enum Stopping: String, Sendable, Codable, CaseIterable {
        /// Training ends for all tasks at once, and one epoch's parameters are kept.
        case together
        /// A task whose own value has not improved for as long as the patience stops: its loss counts no more, what no other task
        /// trains stays as it is, and what is kept for it is the parameters of its own best epoch (`Trainer.members`). A task's
        /// value is its loss, or the metric that `watch` names for it. Training ends when all tasks have stopped that weigh
        /// anything.
        ///
        /// The watched loss is then the weighted loss, in which a task that has stopped has that of its best epoch.
        case eachTask = "each_task"
    }

    /// What happens where a loss becomes NaN or infinite, or a gradient longer than `GradientClipping.stop` allows.
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
        guard stop == .together else { return nil }
        return switch watch {
        case .weightedLoss, .metricOfEach: nil
        case .loss(let task): "\(task) loss"
        case .metric(let name, let task): "\(task) \(name)"
        }
    }

    var needsMetrics: Bool {
        switch watch {
        case .metric, .metricOfEach: true
        case .weightedLoss, .loss: reportsMetrics
        }
    }

    /// The metric that a task is judged by where each stops by itself; nil for its loss.
    func metric(of task: LearningTask) -> String? {
        switch watch {
        case .metric(let name, let owner) where owner == task.name: name
        case .metricOfEach(let name) where Self.knows(name, task): name
        default: nil
        }
    }

    private static func knows(_ metric: String, _ task: LearningTask) -> Bool {
        TaskEvaluation.names(task.kind).contains { $0.lowercased() == metric.lowercased() }
    }

    /// Checks it for the tasks of a model.
    func check(_ tasks: [LearningTask], hasValidation: Bool) throws(InputError) {
        try check()
        let place = "stopping rule, watch"
        let name: String
        switch watch {
        case .weightedLoss: return
        case .loss(let task):
            guard stop == .together else {
                throw InputError(
                    .value, at: place, found: "the loss of \(task), where each task stops by its own",
                    expected: "a metric, or nothing")
            }
            name = task
        case .metric(_, let task): name = task
        case .metricOfEach(let metric):
            try checkMetricOfEach(metric, tasks, hasValidation: hasValidation, at: place)
            return
        }
        guard let task = tasks.first(where: { $0.name == name }) else {
            throw InputError(
                .name, at: place, found: "no task \"\(name)\"",
                expected: "one of \(tasks.map(\.name).joined(separator: ", "))")
        }
        guard case .metric(let metric, _) = watch else { return }
        try Self.require(hasValidation, for: metric, at: place)
        guard Self.knows(metric, task) else {
            throw InputError(
                .name, at: place, found: "\"\(metric)\"",
                expected:
                    "a metric of task \"\(name)\": \(TaskEvaluation.names(task.kind).joined(separator: ", "))"
            )
        }
    }

    private static func require(
        _ hasValidation: Bool, for metric: String, at place: String
    ) throws(InputError) {
        guard !hasValidation else { return }
        throw InputError(
            .empty, at: place, found: "\(metric), and no validation rows",
            expected: "validation rows, or a loss to watch")
    }

    private func checkMetricOfEach(
        _ metric: String, _ tasks: [LearningTask], hasValidation: Bool, at place: String
    ) throws(InputError) {
        guard stop == .eachTask else {
            throw InputError(
                .value, at: place, found: "\(metric) of no task",
                expected: "a task, or tasks that stop by themselves")
        }
        try Self.require(hasValidation, for: metric, at: place)
        guard tasks.contains(where: { Self.knows(metric, $0) }) else {
            let known = Set(tasks.flatMap { TaskEvaluation.names($0.kind) }).sorted()
            throw InputError(
                .name, at: place, found: "\"\(metric)\"",
                expected: "a metric of some task: \(known.joined(separator: ", "))")
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
