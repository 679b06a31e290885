extension Trainer {
    /// Trains until the rule says stop, and keeps the best epoch's parameters.
    ///
    /// Rows are shuffled every epoch from the trainer's seed; the last batch of an epoch may be smaller. The same
    /// seed and data give the same bits, whatever the number of threads.
    ///
    /// - Parameters:
    ///   - training: the rows to learn from; every task needs a labelled one.
    ///   - validation: rows whose loss is watched.
    ///   - rule: when to stop.
    ///   - progress: called now and then, between steps.
    /// - Throws: `InputError` where a dataset does not fit the model or a label is out of range, before the first step.
    @discardableResult
    public func fit(
        _ training: Dataset<Scalar>, validation: Dataset<Scalar>? = nil,
        until rule: StoppingRule = StoppingRule(),
        progress: ((TrainingProgress) -> Void)? = nil
    ) throws(InputError) -> TrainingReport {
        try rule.check()
        var watched: BatchSource<Scalar>?
        if let validation { watched = try BatchSource(validation, for: model) }
        let batches = try ShuffledBatches(
            BatchSource(training, for: model), batchSize: batchSize,
            seed: SeededGenerator(seed: seed).split(1 << 32))
        var labelled: [Int]?
        if schedulePlan.drawsByLabels {
            var counts: [Int] = []
            for task in model.tasks { counts.append(try training.labels(task.name).count { !$0.isNaN }) }
            labelled = counts
        }
        return try fit(
            batches, labelledRows: labelled, until: rule, progress: progress,
            validation: watched.map { WatchedRows(source: $0, inference: inference) })
    }

    /// Trains on batches from anywhere; see `fit(_:validation:until:progress:)`.
    ///
    /// - Parameters:
    ///   - labelledRows: per task the rows with a label of it; nil where they are not counted.
    ///   - validation: the losses that are watched, or nil for those of the training batches.
    package func fit(
        _ stream: some BatchStream<Scalar>, labelledRows: [Int]? = nil, until rule: StoppingRule,
        progress: ((TrainingProgress) -> Void)?,
        validation: (any LossWatch)?
    ) throws(InputError) -> TrainingReport {
        try rule.check()
        let sequence = try TurnSequence(
            schedulePlan, seed: seed, labelledRows: labelledRows, epochs: rule.epochs)
        if rule.epochs > 1 { try checkRoomToGoBack() }
        // One epoch has nothing to go back to but its beginning: large tables are then not copied.
        let start = rule.epochs > 1 ? parameters : nil
        let clock = ContinuousClock()
        var seconds = 0.0
        var waiting = 0.0
        var steps = 0
        var rowsSeen = 0
        var epochs: [EpochReport] = []
        var best: (loss: Double, epoch: Int, parameters: [Scalar]?)?
        var reason = TrainingReport.Reason.budget

        for epoch in 1...rule.epochs {
            try stream.begin(epoch: epoch)
            let losses = EpochLosses(tasks: model.tasks.count)
            var batchNumber = 0
            while steps < rule.steps ?? .max {
                let asked = clock.now
                guard let batch = try stream.next() else { break }
                let begin = clock.now
                waiting += begin.seconds(since: asked)
                sequence.forEachTurn(epoch: epoch, batch: batchNumber, step: steps) { turn in
                    trainingStep.step(batch, turn: turn)
                    for task in trainingStep.tasks(of: turn) { losses.add(trainingStep, task: task) }
                }
                seconds += clock.now.seconds(since: begin)
                steps += 1
                rowsSeen += batch.rows
                if let progress, batchNumber % max(1, stream.batchCount / 100) == 0 {
                    progress(
                        TrainingProgress(
                            epoch: epoch,
                            fraction: min(1, Double(batchNumber + 1) / Double(stream.batchCount)),
                            latest: epochs.last))
                }
                batchNumber += 1
            }

            let validationLosses = try validation?.losses()
            let known = validationLosses.flatMap { weightedSum($0) } ?? weightedSum(losses.means)
            // The turn of a task without labels says nothing, neither good nor bad.
            let watchedLoss = known ?? epochs.last?.watchedLoss ?? 0
            epochs.append(
                EpochReport(
                    epoch: epoch, steps: steps, trainingSeconds: seconds, waitingSeconds: waiting,
                    trainingLosses: losses.means, validationLosses: validationLosses, watchedLoss: watchedLoss
                ))
            progress?(TrainingProgress(epoch: epoch, fraction: 1, latest: epochs.last))
            guard watchedLoss.isFinite else {
                reason = .diverged
                break
            }
            if known != nil || rule.epochs == 1,
                watchedLoss < (best?.loss ?? .infinity) - rule.minimumImprovement
            {
                best = (watchedLoss, epoch, rule.epochs > 1 ? parameters : nil)
            }
            let round = schedulePlan.epochsPerRound
            if let patience = rule.patience, let best, epoch - best.epoch >= patience * round {
                reason = .converged
                break
            }
            if let limit = rule.steps, steps >= limit { break }
        }
        if let kept = best == nil ? start : best?.parameters { parameters = kept }
        return TrainingReport(reason: reason, epochs: epochs, bestEpoch: best?.epoch, rowsSeen: rowsSeen)
    }

    /// Parameters are copied twice, for the beginning and the best epoch, and the optimiser's memory fills with the first steps.
    private func checkRoomToGoBack() throws(InputError) {
        let state =
            trainingStep.hasStepped
            ? 0 : trainingStep.stateVectors * schedulePlan.stateSets
        try MemoryNeed(keeping: model, times: 2 + state, scalarBytes: MemoryLayout<Scalar>.stride).check()
    }

    /// Σ λᵢ Lᵢ over the tasks whose loss is known; a task without a turn or a labelled row has none, and nil where all have
    /// none.
    private func weightedSum(_ losses: [Double]) -> Double? {
        guard losses.contains(where: { !$0.isNaN }) else { return nil }
        return zip(model.tasks, losses).reduce(0) { $1.1.isNaN ? $0 : $0 + $1.0.weight * $1.1 }
    }
}

/// The losses that decide when to stop.
package protocol LossWatch {
    func losses() throws(InputError) -> [Double]
}

private struct WatchedRows<Scalar: BLASScalar>: LossWatch {
    let source: BatchSource<Scalar>
    let inference: Inference<Scalar>

    func losses() -> [Double] { inference.losses(source) }
}

/// Batches of an epoch, one after the other.
package protocol BatchStream<Scalar>: AnyObject {
    associatedtype Scalar: BLASScalar
    /// About how many batches an epoch has.
    var batchCount: Int { get }
    /// Begins an epoch, counted from 1.
    func begin(epoch: Int) throws(InputError)
    /// The next batch, nil at the end; its memory is good until the next call.
    func next() throws(InputError) -> BatchView<Scalar>?
}

/// A dataset's rows in random order.
private final class ShuffledBatches<Scalar: BLASScalar>: BatchStream {
    private let source: BatchSource<Scalar>
    private let batchSize: Int
    private let seed: SeededGenerator
    private let order: AlignedStorage<Int32>
    private var position = 0

    init(_ source: BatchSource<Scalar>, batchSize: Int, seed: SeededGenerator) throws(InputError) {
        guard source.dataset.rowCount <= Int(Int32.max) else {
            throw InputError(
                .shape, at: "training rows", found: "\(source.dataset.rowCount)",
                expected: "at most \(Int32.max)")
        }
        self.source = source
        self.batchSize = batchSize
        self.seed = seed
        order = AlignedStorage(copying: (0..<Int32(source.dataset.rowCount)).map { $0 })
    }

    var batchCount: Int { (source.dataset.rowCount + batchSize - 1) / batchSize }

    func begin(epoch: Int) {
        var generator = seed.split(UInt64(epoch))
        generator.shuffle(order.buffer)
        position = 0
    }

    func next() -> BatchView<Scalar>? {
        let rows = min(batchSize, source.dataset.rowCount - position)
        guard rows > 0 else { return nil }
        defer { position += rows }
        return source.batch(UnsafePointer(order.base), start: position, rows: rows)
    }
}

/// Sums of the losses over an epoch's rows: a step counts as much as its labelled rows, or their weight.
private final class EpochLosses {
    private var sums: [Double]
    private var counts: [Double]

    init(tasks: Int) {
        sums = [Double](repeating: 0, count: tasks)
        counts = [Double](repeating: 0, count: tasks)
    }

    func add(_ step: TrainingStep<some BLASScalar>, task: Int) {
        guard !step.losses[task].isNaN else { return }
        sums[task] += step.losses[task] * step.labelled[task]
        counts[task] += step.labelled[task]
    }

    var means: [Double] { zip(sums, counts).map { $1 > 0 ? $0 / $1 : .nan } }
}

extension ContinuousClock.Instant {
    /// Seconds from an earlier instant to this one.
    package func seconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (self - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
