/// Rows that some tasks learn from, or are judged by: a dataset of their own.
///
/// Where tasks take turns (`Schedule.alternating`, of some steps or of an epoch), each may have rows of its own: a batch of its
/// turn then has these rows alone.
///
/// - SeeAlso: Liu et al., *Multi-Task Deep Neural Networks*, arXiv 1901.11504, algorithm 1; Stickland & Murray, *BERT and
///   PALs*, arXiv 1902.02671, on how often each data set has its turn.
public struct TaskRows<Scalar: BLASScalar>: Sendable {
    /// The rows.
    public let dataset: Dataset<Scalar>
    /// The tasks that learn from them; labels of others that the dataset has are not read.
    public let tasks: [String]
    /// Rows of a step, at most the trainer's; nil for as many.
    public let batchSize: Int?

    /// Rows of some tasks.
    public init(_ dataset: Dataset<Scalar>, tasks: [String], batchSize: Int? = nil) {
        self.dataset = dataset
        self.tasks = tasks
        self.batchSize = batchSize
    }
}

extension Trainer {
    /// Trains on rows that each task, or some tasks together, have for themselves; see `fit(_:validation:until:progress:)`.
    ///
    /// In a task's turn batches are of its own rows, of the size that these say, shuffled anew in every pass over them. An
    /// epoch has as many steps as all datasets together have batches; where an epoch is one task's, as many as its own. A
    /// dataset whose rows are used up begins its next pass, and where an epoch ends in the middle of a pass, the next epoch
    /// goes on with it.
    ///
    /// - Parameters:
    ///   - training: the rows to learn from; every task in one of them, with a labelled row.
    ///   - validation: rows whose loss is watched; a task in none of them has no loss. Empty to watch training losses.
    ///   - rule: when to stop.
    ///   - progress: called now and then, between steps.
    /// - Throws: `InputError` where a task is in none or several of the datasets, turns need rows of several at once (joint
    ///   training, turns of a batch, blocks or levels), a batch size is out of range, or a dataset does not fit the model.
    @discardableResult
    public func fit(
        _ training: [TaskRows<Scalar>], validation: [TaskRows<Scalar>] = [],
        until rule: StoppingRule = StoppingRule(), progress: ((TrainingProgress) -> Void)? = nil
    ) throws(InputError) -> TrainingReport {
        try rule.check()
        let owners = try owners(training, "training rows")
        let taskSources = owners.compactMap { $0 }
        guard taskSources.count == owners.count else {
            let index = owners.firstIndex { $0 == nil } ?? 0
            throw InputError(
                .name, at: "training rows", found: "none of task \"\(model.tasks[index].name)\"",
                expected: "a dataset of every task")
        }
        let sources = TurnSources(schedule, tasks: model.tasks.map(\.name), sources: taskSources)
        if let mixed = sources.streams.first(where: { $0.count > 1 }) {
            throw InputError(
                .value, at: "schedule", found: "a turn over \(mixed.count) datasets",
                expected:
                    "turns of some steps or of an epoch, each of tasks with one dataset; or one dataset with the rows of all"
            )
        }
        var batches: [any BatchStream<Scalar>] = []
        for (number, stream) in sources.streams.enumerated() {
            let rows = training[stream[0]]
            let size = rows.batchSize ?? batchSize
            guard size >= 1, size <= batchSize else {
                throw InputError(
                    .value, at: "training rows of \(rows.tasks.joined(separator: ", ")), batch size",
                    found: "\(size)", expected: "1 to \(batchSize), the trainer's")
            }
            let source = try BatchSource(rows.dataset, for: model, tasks: Set(rows.tasks))
            try source.checkGroups(model)
            try source.checkTeachers(model)
            batches.append(
                try ShuffledBatches(
                    source, batchSize: size, seed: .rows(of: number, seed: seed),
                    keepsGroups: model.plan.ranks))
        }
        return try fit(
            batches, of: sources, labelledRows: try labelledRows(training, taskSources), until: rule,
            progress: progress, validation: validation.isEmpty ? nil : try WatchedRows(validation, self))
    }

    /// Per task the place of its dataset; nil where it is in none.
    fileprivate func owners(_ sets: [TaskRows<Scalar>], _ place: String) throws(InputError) -> [Int?] {
        var owners = [Int?](repeating: nil, count: model.tasks.count)
        for (number, rows) in sets.enumerated() {
            guard !rows.tasks.isEmpty else {
                throw InputError(
                    .empty, at: place, found: "a dataset of no task", expected: "the tasks that it is for")
            }
            for name in rows.tasks {
                guard let task = model.tasks.firstIndex(where: { $0.name == name }) else {
                    throw InputError(
                        .name, at: place, found: "rows of \"\(name)\", which is no task",
                        expected: "some of \(model.tasks.map(\.name).joined(separator: ", "))")
                }
                guard owners[task] == nil else {
                    throw InputError(
                        .name, at: place, found: "task \"\(name)\" twice",
                        expected: "every task in one dataset")
                }
                owners[task] = number
            }
        }
        return owners
    }

    private func labelledRows(
        _ sets: [TaskRows<Scalar>], _ owners: [Int]
    ) throws(InputError) -> [Int]? {
        guard schedulePlan.drawsByLabels else { return nil }
        var counts: [Int] = []
        for (task, owner) in zip(model.tasks, owners) {
            counts.append(try sets[owner].dataset.labels(task.name).count { !$0.isNaN })
        }
        return counts
    }
}

/// The losses and metrics of each task over its own rows.
private struct WatchedRows<Scalar: BLASScalar>: LossWatch {
    private let sets: [(rows: TaskRows<Scalar>, source: BatchSource<Scalar>, tasks: [Int])]
    private let trainer: Trainer<Scalar>

    init(_ rows: [TaskRows<Scalar>], _ trainer: Trainer<Scalar>) throws(InputError) {
        self.trainer = trainer
        let owners = try trainer.owners(rows, "validation rows")
        var sets: [(rows: TaskRows<Scalar>, source: BatchSource<Scalar>, tasks: [Int])] = []
        for (number, own) in rows.enumerated() {
            let source = try BatchSource(own.dataset, for: trainer.model, tasks: Set(own.tasks))
            sets.append((own, source, owners.indices.filter { owners[$0] == number }))
        }
        self.sets = sets
    }

    func losses() -> [Double] {
        var losses = [Double](repeating: .nan, count: trainer.model.tasks.count)
        for set in sets {
            let found = trainer.inference.losses(set.source)
            for task in set.tasks { losses[task] = found[task] }
        }
        return losses
    }

    func evaluations() throws(InputError) -> [TaskEvaluation] {
        var found: [(task: Int, evaluation: TaskEvaluation)] = []
        for set in sets {
            let evaluations = try trainer.evaluate(set.rows.dataset, tasks: set.tasks)
            found += zip(set.tasks, evaluations).map { ($0, $1) }
        }
        return found.sorted { $0.task < $1.task }.map(\.evaluation)
    }

    func runaways(of tasks: Set<Int>) -> [SuspectRow] {
        var suspects = SuspectRows()
        for (number, set) in sets.enumerated() {
            withExtendedLifetime(set.source) {
                trainer.addRunaways(
                    set.source.batch(start: 0, rows: set.rows.dataset.rowCount),
                    tasks: tasks.intersection(set.tasks), to: &suspects, dataset: number
                ) { $0 }
            }
        }
        return suspects.found
    }
}
