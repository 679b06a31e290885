internal import MTLEngine

/// What the trainings of a run have in common.
struct TrainingCourse {
    let model: MultiTaskModel
    let settings: Experiment
    let data: PreparedData
    let groups: [Int]?
    let start: [Float]?
    let audit: LabelAudit
    let keeping: TrainingRun.Keeping?
    let compute: ComputeOptions
    let watch: (TrainingRun.Event) -> Void

    /// What came of a training.
    struct Ended {
        let report: TrainingReport
        /// Why it is left out; nil where it learned something, or has not come to its end.
        var failure: InputError?
        var members: ModelMembers<Float>?
        var evaluation: [TaskEvaluation]?

        func outcome(_ seed: UInt64, _ model: MultiTaskModel) -> SeedOutcome {
            var outcome = SeedOutcome(seed: seed, epochs: report.epochs, bestEpoch: report.bestEpoch)
            if !report.tasks.isEmpty { outcome.tasks = report.tasks }
            outcome.failure = failure.map { SeedOutcome.Failure($0) }
            outcome.evaluation = evaluation
            if failure == nil { outcome.loss = report.keptLoss(model.tasks) }
            return outcome
        }
    }

    /// Trains.
    ///
    /// - Returns: what came of it; neither a failure nor members where it was interrupted or paused.
    /// - Throws: what is wrong with the machine or the rows, and so for all seeds.
    func train(_ stage: RunStage, _ history: inout RunHistory) throws(InputError) -> Ended {
        let trainer = try settings.trainer(model, seed: stage.seed, compute: compute)
        if let start { trainer.parameters = start }
        let judge = SeedJudge(model: model, data: data, audit: audit, start: start, stage: stage) {
            watch(.note($0))
        }
        let begun = try judge.beginning(trainer)
        let rule = rule(stage)
        let (keeper, resumed) = try keeper(stage, trainer, rule)
        history.set(stage, resumed?.state.epochs ?? [])
        var (kept, failure) = (history, InputError?.none)
        let rows = try rows(stage)
        let report: TrainingReport
        do throws(InputError) {
            report = try trainer.fit(
                rows, batches: settings.batches, validation: stage.isRefit ? nil : data.validation,
                until: rule, from: resumed, keeper: keeper
            ) { progress in
                watch(
                    stage.isRefit
                        ? .refitting(seed: stage.seed, progress) : .progress(seed: stage.seed, progress))
                guard let folder = keeping?.folder, progress.fraction == 1, let epoch = progress.latest
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
        keeping?.folder.log("\(stage.title): \(report.summary)")
        watch(
            stage.isRefit ? .refitted(seed: stage.seed, report) : .finished(seed: stage.seed, report))
        var ended = Ended(report: report)
        if report.reason == .interrupted || report.reason == .paused { return ended }
        let suspects = tellRunaways(report, stage, rows)
        ended.failure = try judge.failure(of: trainer, report, since: begun, suspects: suspects)
        guard ended.failure == nil else { return ended }
        let learned = try trainer.completedMembers(
            rows, continuing: start == nil ? nil : data.preprocessor)
        ended.members = learned
        guard !stage.isRefit, let test = data.test, keeping?.skipsTest != true else { return ended }
        if learned.vectors.count == 1 {
            ended.evaluation = try trainer.evaluate(test, groups: groups)
        } else {
            ended.evaluation = try Predictor(model, members: learned, compute: compute).evaluate(
                test, groups: groups)
        }
        return ended
    }

    private func rule(_ stage: RunStage) -> StoppingRule {
        var rule = settings.training.stopping
        rule.reportsParameters = keeping != nil
        if let epochs = stage.refitEpochs {
            rule.lastEpoch = epochs
            rule.patience = nil
            rule.watch = .weightedLoss
        } else {
            rule.reportsMetrics = data.validation != nil
        }
        return rule
    }

    /// What a training learns from.
    private func rows(_ stage: RunStage) throws(InputError) -> RowCache {
        guard stage.isRefit, let validation = data.validation else { return data.training }
        return try RowCache(data.training, and: validation)
    }

    /// What keeps the training, and where it goes on.
    private func keeper(
        _ stage: RunStage, _ trainer: Trainer<Float>, _ rule: StoppingRule
    ) throws(InputError) -> (RunKeeper?, FitStart<Float>?) {
        guard let keeping else { return (nil, nil) }
        let keeper = try RunKeeper(
            keeping.folder, stage, every: keeping.interval, isInterrupted: keeping.isInterrupted,
            pauseAfter: stage.isRefit ? nil : keeping.pauseAfter
        ) { text in
            keeping.folder.log(text)
            watch(.note(text))
        }
        let resumed = try Checkpoint.restore(
            keeping.folder, stage, trainer, beginning: trainer.parameters,
            keepsRetreat: rule.onDivergence == .rollBack)
        guard let resumed else {
            keeping.folder.log("\(stage.title) begins")
            return (keeper, nil)
        }
        keeper.resume(resumed)
        let place = "epoch \(resumed.state.epoch), batch \(resumed.state.batch + 1)"
        keeping.folder.log("\(stage.title) goes on at \(place)")
        watch(.note("\(stage.title) goes on at \(place)"))
        return (keeper, resumed)
    }

    /// Tells where training went back.
    ///
    /// - Returns: what is said of the rows where it ended because a loss ran away.
    private func tellRunaways(_ report: TrainingReport, _ stage: RunStage, _ rows: RowCache) -> String {
        var divergences = report.rollbacks + [report.divergence].compactMap { $0 }
        guard !divergences.isEmpty else { return "" }
        if stage.isRefit {
            for place in divergences.indices {
                divergences[place].rows = divergences[place].rows?.map { suspect in
                    let (cache, row) = rows.origin(of: suspect.row)
                    return SuspectRow(row: row, isValidation: cache === data.validation, loss: suspect.loss)
                }
            }
        }
        // A long log takes a while, and whoever has interrupted the run waits for nothing.
        var suspects = divergences.map { _ in "" }
        if divergences.contains(where: { $0.rows?.isEmpty == false }), keeping?.isInterrupted() != true {
            watch(.note("\(stage.title): reading the rows once more for the lines of those that stand out"))
            suspects = settings.suspects(divergences, data)
        }
        for (place, rows) in zip(report.rollbacks, suspects) {
            let text =
                "\(stage.title) went back from epoch \(place.epoch), to half the learning rate, because of \(place.summary) at step \(place.step)\(rows)"
            keeping?.folder.log(text)
            watch(.note(text))
        }
        guard report.divergence != nil, let rows = suspects.last else { return "" }
        if !rows.isEmpty { keeping?.folder.log("\(stage.title)\(rows)") }
        return rows
    }
}

/// What a model holds of a seed that was trained once more, on all rows.
struct Refit {
    let members: ModelMembers<Float>
    /// The epochs; 0 where it was left out.
    let epochs: Int
}

extension TrainingCourse {
    /// Trains a seed once more, from its beginning, on training and validation rows together, or takes what a run has kept.
    ///
    /// - Parameters:
    ///   - epochs: how many, those to the best one.
    ///   - learned: what the seed learned of the training rows alone: it is kept where the other training learns nothing.
    /// - Returns: what is kept, and the report of a training that was done.
    func refit(
        _ seed: UInt64, epochs: Int, _ learned: ModelMembers<Float>, _ history: inout RunHistory
    ) throws(InputError) -> (Refit, TrainingReport?) {
        let stage = RunStage(seed: seed, refitEpochs: epochs)
        if let keeping, let done = keeping.folder.manifest?.refits?.first(where: { $0.seed == seed }) {
            history.set(stage, done.epochs)
            if let failure = done.failure { return (leftOut(stage, failure.error, learned), nil) }
            let members = try RunFolder.members(keeping.folder.refitPath(seed), model)
            return (Refit(members: members, epochs: epochs), nil)
        }
        let ended = try train(stage, &history)
        if ended.report.reason == .interrupted || ended.report.reason == .paused {
            return (Refit(members: learned, epochs: 0), ended.report)
        }
        if let keeping {
            if let members = ended.members {
                try RunFolder.write(members, to: keeping.folder.refitPath(seed))
            }
            var outcome = RefitOutcome(seed: seed, epochs: ended.report.epochs)
            outcome.failure = ended.failure.map { SeedOutcome.Failure($0) }
            let others = keeping.folder.manifest?.refits ?? []
            keeping.folder.manifest?.refits = others + [outcome]
            try keeping.folder.record()
            keeping.folder.removeCheckpoints()
        }
        if let failure = ended.failure { return (leftOut(stage, failure, learned), ended.report) }
        return (Refit(members: ended.members ?? learned, epochs: epochs), ended.report)
    }

    private func leftOut(_ stage: RunStage, _ failure: InputError, _ learned: ModelMembers<Float>) -> Refit {
        watch(
            .note("\(failure). The model holds what seed \(stage.seed) learned of the training rows alone."))
        return Refit(members: learned, epochs: 0)
    }
}
