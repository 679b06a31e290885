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
        let source = try BatchSource(training, for: model)
        var watched: BatchSource<Scalar>?
        if let validation { watched = try BatchSource(validation, for: model) }
        guard training.rowCount <= Int(Int32.max) else {
            throw InputError(
                .shape, at: "training rows", found: "\(training.rowCount)", expected: "at most \(Int32.max)")
        }

        // A batch points into the source's memory and does not keep it alive.
        defer { withExtendedLifetime(source) {} }
        let start = parameters
        var order = (0..<Int32(training.rowCount)).map { $0 }
        let shuffles = SeededGenerator(seed: seed).split(1 << 32)
        let batches = (training.rowCount + batchSize - 1) / batchSize
        let clock = ContinuousClock()
        var seconds = 0.0
        var steps = 0
        var rowsSeen = 0
        var epochs: [EpochReport] = []
        var best: (loss: Double, epoch: Int, parameters: [Scalar])?
        var reason = TrainingReport.Reason.budget

        for epoch in 1...rule.epochs {
            var generator = shuffles.split(UInt64(epoch))
            generator.shuffle(&order)
            let losses = EpochLosses(tasks: model.tasks.count)
            for batch in 0..<batches where steps < rule.steps ?? .max {
                let rows = min(batchSize, training.rowCount - batch * batchSize)
                let begin = clock.now
                order.withUnsafeBufferPointer { indices in
                    run(
                        source.batch(indices.baseAddress, start: batch * batchSize, rows: rows), batch: steps,
                        epoch: epoch, losses: losses)
                }
                seconds += clock.now.seconds(since: begin)
                steps += 1
                rowsSeen += rows
                if let progress, batch % max(1, batches / 100) == 0 {
                    progress(
                        TrainingProgress(
                            epoch: epoch, fraction: Double(batch + 1) / Double(batches), latest: epochs.last))
                }
            }

            let validationLosses = watched.map { inference.losses($0) }
            let watchedLoss = weightedSum(validationLosses ?? losses.means)
            epochs.append(
                EpochReport(
                    epoch: epoch, steps: steps, trainingSeconds: seconds, trainingLosses: losses.means,
                    validationLosses: validationLosses, watchedLoss: watchedLoss))
            guard watchedLoss.isFinite else {
                reason = .diverged
                break
            }
            if watchedLoss < (best?.loss ?? .infinity) - rule.minimumImprovement {
                best = (watchedLoss, epoch, parameters)
            }
            let round = schedule == .alternating(.epoch) ? model.tasks.count : 1
            if let patience = rule.patience, let best, epoch - best.epoch >= patience * round {
                reason = .converged
                break
            }
            if let limit = rule.steps, steps >= limit { break }
        }
        parameters = best?.parameters ?? start
        return TrainingReport(reason: reason, epochs: epochs, bestEpoch: best?.epoch, rowsSeen: rowsSeen)
    }

    /// A batch in its schedule's way.
    private func run(_ batch: BatchView<Scalar>, batch index: Int, epoch: Int, losses: EpochLosses) {
        let turn: Int
        switch schedule {
        case .joint:
            trainingStep.step(batch)
            losses.add(trainingStep.losses)
            return
        case .alternating(.batch):
            for task in model.tasks.indices {
                trainingStep.step(batch, turn: task)
                losses.add(trainingStep.losses, task: task)
            }
            return
        case .alternating(.steps(let count)): turn = index / count % model.tasks.count
        case .alternating(.epoch): turn = (epoch - 1) % model.tasks.count
        }
        trainingStep.step(batch, turn: turn)
        losses.add(trainingStep.losses, task: turn)
    }

    /// Σ λᵢ Lᵢ over the tasks whose loss is known; a task without a turn or a labelled row has none.
    private func weightedSum(_ losses: [Double]) -> Double {
        zip(model.tasks, losses).reduce(0) { $1.1.isNaN ? $0 : $0 + $1.0.weight * $1.1 }
    }
}

/// Sums of the losses of an epoch's steps; a step without a labelled row of a task adds nothing to it.
private final class EpochLosses {
    private var sums: [Double]
    private var counts: [Int]

    init(tasks: Int) {
        sums = [Double](repeating: 0, count: tasks)
        counts = [Int](repeating: 0, count: tasks)
    }

    func add(_ losses: UnsafeMutableBufferPointer<Double>) {
        for task in losses.indices { add(losses, task: task) }
    }

    func add(_ losses: UnsafeMutableBufferPointer<Double>, task: Int) {
        guard !losses[task].isNaN else { return }
        sums[task] += losses[task]
        counts[task] += 1
    }

    var means: [Double] { zip(sums, counts).map { $1 > 0 ? $0 / Double($1) : .nan } }
}

extension ContinuousClock.Instant {
    /// Seconds from an earlier instant to this one.
    package func seconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (self - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
