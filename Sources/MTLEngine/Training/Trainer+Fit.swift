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
        try fit(
            [TaskRows(training, tasks: model.tasks.map(\.name))],
            validation: validation.map { [TaskRows($0, tasks: model.tasks.map(\.name))] } ?? [], until: rule,
            progress: progress)
    }

    /// Trains on batches from anywhere; see `fit(_:validation:until:progress:)`.
    ///
    /// An epoch has as many batches as a pass over every stream; where an epoch is one turn, a pass over the rows of that turn.
    /// A stream whose rows are used up goes on with its next pass, and where an epoch ends it goes on in the next one.
    ///
    /// - Parameters:
    ///   - streams: the batches, as many streams as `sources` says.
    ///   - sources: which turn takes them from which stream.
    ///   - labelledRows: per task the rows with a label of it; nil where they are not counted.
    ///   - validation: what is watched, or nil for the losses of the training batches.
    ///   - start: where a run goes on that was interrupted; its parameters and memory are the trainer's already.
    ///   - keeper: keeps the run on its way.
    package func fit(
        _ streams: [any BatchStream<Scalar>], of sources: TurnSources = .one, labelledRows: [Int]? = nil,
        until rule: StoppingRule,
        progress: ((TrainingProgress) -> Void)?, validation: (any LossWatch)?,
        from start: FitStart<Scalar>? = nil,
        keeper: (any FitKeeper<Scalar>)? = nil
    ) throws(InputError) -> TrainingReport {
        try rule.check(model.tasks, hasValidation: validation != nil)
        try checkTasksStopAlone(rule)
        try checkIndicators(hasValidation: validation != nil)
        precondition(streams.count == sources.streams.count, "\(streams.count) streams of \(sources)")
        let sequence = try TurnSequence(
            schedulePlan, seed: seed, labelledRows: labelledRows, epochs: rule.epochs)
        let course = Course(streams, sources, sequence)
        if rule.epochs > 1 { try checkRoomToGoBack(rule) }
        // One epoch has nothing to go back to but its beginning: large tables are then not copied.
        let beginning = rule.epochs > 1 ? start?.beginning ?? parameters : nil
        let clock = ContinuousClock()
        var state =
            start?.state
            ?? FitState(
                streams: streams.map { _ in FitState.Taken() }, losses: EpochLosses(tasks: model.tasks.count),
                balanced: newBalanceSums, plateau: rateSchedule.plateau, counters: trainingStep.counters)
        try course.check(state)
        if rule.stop == .eachTask, state.tasks == nil {
            state.tasks = model.tasks.map { _ in TaskProgress() }
        }
        fitted = nil
        // Of all turns, those of tasks that have stopped since too.
        let planned = min(rule.steps ?? .max, course.batches(inEpochs: rule.epochs))
        let last = min(rule.epochs, rule.lastEpoch ?? .max)
        let ending = min(planned, course.batches(inEpochs: last))
        rest(state, sequence)
        // Steps that follow are of all tasks, at the optimiser's own rate.
        defer {
            trainingStep.stop([])
            trainingStep.rateFactor = 1
        }
        var best = start?.best ?? [:]
        var retreat = start?.retreat
        if rule.onDivergence == .rollBack, retreat == nil {
            if rule.watch == .weightedLoss, let begun = try validation?.losses() {
                state.retreatLoss = weightedSum(begun) ?? .infinity
            }
            retreat = TrainingSnapshot(self, state)
        }
        var reason = TrainingReport.Reason.budget
        var divergence: Divergence?

        training: while state.epoch <= last {
            if let keeper, keeper.pauses(before: state.epoch) {
                keeper.save(self, state, retreat: retreat)
                reason = .paused
                break
            }
            try course.begin(state)
            let batches = course.batches(inEpoch: state.epoch)
            var asked = clock.now
            while state.batch < batches, state.steps < rule.steps ?? .max {
                let stream = course.stream(state)
                let batch = try streams[stream].next()
                let begin = clock.now
                state.waitingSeconds += begin.seconds(since: asked)
                trainingStep.rateFactor =
                    state.rateFactor * (state.plateau?.rateFactor ?? 1)
                    * rateSchedule.factor(step: state.steps, total: planned)
                var runaway: Int?
                var explosion: (found: Divergence, tasks: [Int])?
                sequence.forEachTurn(epoch: state.epoch, batch: state.batch, step: state.steps) { turn in
                    let stepped = trainingStep.step(batch, turn: turn)
                    if stepped { state.balanced?.add(trainingStep, turn: turn) }
                    for task in trainingStep.tasks(of: turn) {
                        state.losses.add(trainingStep, task: task)
                        if trainingStep.losses[task].isInfinite, !state.hasStopped(task) {
                            runaway = runaway ?? task
                        }
                    }
                    explosion =
                        explosion
                        ?? self.explosion(turn, state).map { ($0, Array(trainingStep.tasks(of: turn))) }
                }
                state.trainingSeconds += clock.now.seconds(since: begin)
                state.steps += 1
                state.batch += 1
                state.rowsSeen += batch.rows
                (state.before, state.latest) = (
                    state.latest, BatchPlace(stream: stream, batch: state.streams[stream].batches)
                )
                state.streams[stream].batches += 1
                state.streams[stream].rows += batch.rows
                if var found = runaway.map({ self.divergence(of: $0, state) }) ?? explosion?.found {
                    found.rows = try suspects(
                        by: runaway.map { [$0] } ?? explosion?.tasks ?? [], in: course, state,
                        by: state.keptEpochs.max().flatMap { best[$0] } ?? retreat?.parameters ?? beginning)
                    if goBack(retreat, &state, because: found) {
                        rest(state, sequence)
                        continue training
                    }
                    (divergence, reason) = (found, .diverged)
                    break training
                }
                if let progress, (state.batch - 1) % max(1, batches / 100) == 0 {
                    progress(TrainingProgress(state, batchCount: batches, planned: ending, epochs: last))
                }
                switch keeper?.wish ?? .goOn {
                case .goOn: break
                case .save: keeper?.save(self, state, retreat: retreat)
                case .stop:
                    keeper?.save(self, state, retreat: retreat)
                    reason = .interrupted
                    break training
                }
                asked = clock.now
            }
            var report = try withAveragedParameters { () throws(InputError) in
                try self.report(state, rule, validation)
            }
            endBalancedEpoch(report.epoch)
            var runaway: Divergence?
            if !report.epoch.watchedLoss.isFinite {
                runaway = try self.divergence(of: report.epoch, state, validation)
            }
            if let runaway, goBack(retreat, &state, because: runaway) {
                rest(state, sequence)
                continue training
            }
            var isBest = false
            if rule.stop == .eachTask, report.epoch.watchedLoss.isFinite {
                isBest = try judgeTasks(&report.epoch, &state, rule)
            }
            state.epochs.append(report.epoch)
            if let runaway {
                (divergence, reason) = (runaway, .diverged)
                break
            }
            let isKept =
                rule.lastEpoch.map { $0 == state.epoch }
                ?? ((report.isKnown || rule.epochs == 1)
                    && improves(report.epoch, on: state.best, rule))
            if rule.stop == .together, isKept {
                state.best = FitState.Best(loss: report.epoch.watchedLoss, epoch: state.epoch)
                isBest = true
            }
            if isBest, rule.epochs > 1 {
                let kept = averagedParameters ?? parameters
                best[state.epoch] = kept
                keeper?.keepBest(kept, epoch: state.epoch)
            }
            progress?(TrainingProgress(state, batchCount: batches, planned: ending, epochs: last))
            if report.isKnown { state.plateau?.observe(report.epoch.watchedLoss) }
            if rule.stop == .eachTask ? allHaveStopped(state) : hasConverged(state, rule) {
                reason = .converged
                break
            }
            rest(state, sequence)
            if let limit = rule.steps, state.steps >= limit { break }
            state.epoch += 1
            state.batch = 0
            state.losses = EpochLosses(tasks: model.tasks.count)
            state.balanced = newBalanceSums
            if report.isKnown, report.epoch.watchedLoss <= state.retreatLoss {
                state.retreatLoss = report.epoch.watchedLoss
                retreat?.take(self, state)
            }
            // Where the run goes back to knows of epochs that are no longer the best.
            let needed = state.keptEpochs.union(retreat?.state.keptEpochs ?? [])
            best = best.filter { needed.contains($0.key) }
            keeper?.forgetBest(but: needed)
        }
        if reason != .interrupted, reason != .paused {
            let averaged = rule.epochs > 1 || state.keptEpochs.isEmpty ? nil : averagedParameters
            if let tasks = state.tasks, let kept = try members(tasks, best, beginning: beginning) {
                keep(kept)
            } else if let kept = state.best.flatMap({ best[$0.epoch] })
                ?? (state.keptEpochs.isEmpty ? beginning : nil) ?? averaged
            {
                parameters = kept
            }
        }
        return TrainingReport(
            reason: reason, epochs: state.epochs, bestEpoch: state.keptEpochs.max(),
            tasks: outcomes(state), rowsSeen: state.rowsSeen, divergence: divergence,
            rollbacks: state.rollbacks, sources: course.report(state, schedulePlan, model.tasks))
    }

    private func hasConverged(_ state: FitState, _ rule: StoppingRule) -> Bool {
        guard let patience = rule.patience, let best = state.best else { return false }
        return state.epoch - best.epoch >= patience * schedulePlan.epochsPerRound
    }

    /// Parameters are copied for the beginning and the best epoch, or that of every task, and the optimiser's memory fills with
    /// the first steps.
    private func checkRoomToGoBack(_ rule: StoppingRule) throws(InputError) {
        let copies = 1 + (rule.stop == .eachTask ? min(model.tasks.count, rule.epochs) : 1)
        let state =
            trainingStep.hasStepped
            ? 0 : trainingStep.stateVectors * schedulePlan.stateSets
        try MemoryNeed(keeping: model, times: copies + state, scalarBytes: MemoryLayout<Scalar>.stride)
            .check()
    }

    /// With the averaged parameters in the place of the latest ones, where an average is kept.
    private func withAveragedParameters<Value>(
        _ body: () throws(InputError) -> Value
    ) throws(InputError) -> Value {
        try withParameters(averagedParameters, body)
    }

    /// Goes back to where the loss had not run away, at half the rate.
    ///
    /// - Returns: false where it may not, or has been too often.
    private func goBack(
        _ retreat: TrainingSnapshot<Scalar>?, _ state: inout FitState, because found: Divergence
    ) -> Bool {
        guard let retreat, state.rollbacks.count < StoppingRule.rollbackLimit else { return false }
        retreat.restore(self)
        state = retreat.state.retreated(because: found)
        retreat.take(self, state)
        return true
    }

    /// What went wrong in an epoch whose steps all had losses.
    private func divergence(
        of epoch: EpochReport, _ state: FitState, _ validation: (any LossWatch)?
    ) throws(InputError) -> Divergence {
        let losses = epoch.validationLosses ?? epoch.trainingLosses
        var found = divergence(of: losses.firstIndex { $0.isInfinite } ?? 0, state)
        guard epoch.validationLosses != nil, isFinite else { return found }
        let tasks = Set(losses.indices.filter { losses[$0].isInfinite })
        found.rows = try withAveragedParameters { () throws(InputError) in
            try validation?.runaways(of: tasks)
        }
        return found
    }

    /// A gradient that is longer than allowed, and the part of it that is the longest.
    private func explosion(_ turn: Int, _ state: FitState) -> Divergence? {
        guard let limit = trainingStep.gradientLimit, !(trainingStep.gradientNorm <= limit) else {
            return nil
        }
        let lengths = model.layout.segments.map { segment in
            trainingStep.gradient(segment).reduce(0.0) { $0 + Double($1) * Double($1) }
        }
        let longest =
            lengths.firstIndex { !$0.isFinite } ?? lengths.indices.max { lengths[$0] < lengths[$1] }
        return Divergence(
            task: trainingStep.tasks(of: turn).first.map { model.tasks[$0].name } ?? "", epoch: state.epoch,
            step: state.steps + 1, parameter: longest.map { model.layout.segments[$0].name },
            gradientNorm: trainingStep.gradientNorm)
    }

    private func divergence(of task: Int, _ state: FitState) -> Divergence {
        let segment = model.layout.segments.first { segment in
            (segment.offset..<segment.offset + segment.count).contains {
                !store.parameters.base[$0].isFinite
            }
        }
        return Divergence(
            task: model.tasks[task].name, epoch: state.epoch, step: state.steps, parameter: segment?.name)
    }

    /// The epoch that is over, and whether it says anything: the turn of a task without labels does not, neither good nor bad.
    private func report(
        _ state: FitState, _ rule: StoppingRule, _ validation: (any LossWatch)?
    ) throws(InputError) -> (epoch: EpochReport, isKnown: Bool) {
        let training = state.losses.means
        let watched = try validation?.losses()
        var metrics: [TaskEvaluation]?
        if rule.needsMetrics || needsIndicators { metrics = try validation?.evaluations() }
        let known: Double? =
            switch rule.stop == .eachTask ? StoppingRule.Watched.weightedLoss : rule.watch {
            case .weightedLoss, .metricOfEach:
                watched.flatMap { weightedSum(atTheirBest($0, state)) }
                    ?? weightedSum(atTheirBest(latest(training, state), state)).flatMap {
                        state.epoch < schedulePlan.epochsPerRound ? nil : $0
                    }
            case .loss(let task):
                model.tasks.firstIndex { $0.name == task }.flatMap { index in
                    let loss = (watched ?? training)[index]
                    return loss.isNaN ? nil : loss
                }
            case .metric(let name, let task): try metrics?.watched(name, of: task)
            }
        let report = EpochReport(
            epoch: state.epoch, steps: state.steps, trainingSeconds: state.trainingSeconds,
            waitingSeconds: state.waitingSeconds, trainingLosses: training, validationLosses: watched,
            validationMetrics: metrics, taskWeights: state.balanced?.meanWeights,
            taskCosines: state.balanced?.meanCosines,
            watchedLoss: known ?? state.epochs.last?.watchedLoss ?? 0,
            watchedName: rule.watchedName,
            parameters: rule.reportsParameters ? parameterHistograms : nil)
        return (report, known != nil)
    }

    private var newBalanceSums: BalanceSums? {
        trainingStep.balancer.map { BalanceSums(tasks: $0.taskCount) }
    }

    private var parameterHistograms: [ParameterHistogram] {
        model.layout.segments.filter { $0.count > 0 }.map { segment in
            ParameterHistogram(
                name: segment.name,
                UnsafeBufferPointer(start: store.parameters.base + segment.offset, count: segment.count))
        }
    }

    /// Where a turn is an epoch, each task's loss is that of its latest turn: tasks are not compared with each other.
    func latest(_ losses: [Double], _ state: FitState) -> [Double] {
        guard schedulePlan.epochsPerRound > 1 else { return losses }
        return losses.enumerated().map { task, loss in
            loss.isNaN
                ? state.epochs.last { !$0.trainingLosses[task].isNaN }?.trainingLosses[task] ?? .nan : loss
        }
    }

    /// Σ λᵢ Lᵢ over the tasks whose loss is known; a task without a turn or a labelled row has none, and nil where all have
    /// none.
    private func weightedSum(_ losses: [Double]) -> Double? {
        guard losses.contains(where: { !$0.isNaN }) else { return nil }
        return zip(model.tasks, losses).reduce(0) { $1.1.isNaN ? $0 : $0 + $1.0.weight * $1.1 }
    }
}

extension FitState {
    /// The same place with half the learning rate, after the loss ran away from here.
    fileprivate func retreated(because found: Divergence) -> FitState {
        var state = self
        state.rateFactor /= 2
        state.rollbacks.append(found)
        return state
    }
}

extension [TaskEvaluation] {
    /// A metric of a task, less of which is better.
    func watched(_ name: String, of task: String) throws(InputError) -> Double {
        let found = first { $0.task == task }?.values.first { $0.name.lowercased() == name.lowercased() }
        guard let found else {
            throw InputError(
                .value, at: "stopping rule, watch",
                found: "\(name) of task \"\(task)\", which the rows do not define",
                expected: "rows that define it, as with both labels for an AUC")
        }
        return found.higherIsBetter ? -found.value : found.value
    }
}

/// What decides when to stop.
package protocol LossWatch {
    /// Per task its mean loss, NaN where it has none.
    func losses() throws(InputError) -> [Double]
    func evaluations() throws(InputError) -> [TaskEvaluation]
    /// Rows with a loss that is NaN or infinite, of some tasks.
    func runaways(of tasks: Set<Int>) throws(InputError) -> [SuspectRow]
}

extension ContinuousClock.Instant {
    /// Seconds from an earlier instant to this one.
    package func seconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (self - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
