import MTLEngine
import MTLTestSupport
import Testing

/// What the loop of `Trainer.fit` does with schedules of the rate, averages, and what it watches.
@Suite struct FitTests {
    private static let tasks: [LearningTask] = [.binary("a"), .regression("b", weight: 0.3), .binary("c")]

    private func data(rows: Int = 60, seed: UInt64 = 1) throws -> Dataset<Double> {
        var generator = SeededGenerator(seed: seed)
        let x = (0..<rows * 4).map { _ in generator.normal() }
        func label(_ row: Int, _ column: Int) -> Double { x[row * 4 + column] + 0.5 * generator.normal() }
        return try Dataset(
            featureNames: ["p", "q", "r", "s"], features: x,
            labels: [
                ("a", (0..<rows).map { label($0, 0) > 0 ? 1 : 0 }), ("b", (0..<rows).map { label($0, 1) }),
                ("c", (0..<rows).map { label($0, 2) > 0 ? 1 : 0 }),
            ])
    }

    private func trainer(
        _ optimizer: Optimizer = .adam(learningRate: 0.02), _ rates: RateSchedule = .constant(),
        schedule: Schedule = .joint, batchSize: Int = 60, averaging: Double? = nil
    ) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(inputs: 4, trunk: [.dense(6, .tanh)], tasks: Self.tasks), optimizer: optimizer,
            rateSchedule: rates, schedule: schedule, batchSize: batchSize, averaging: averaging, seed: 5)
    }

    /// One batch an epoch, so that the order of its rows is a matter of rounding alone.
    @Test(arguments: [
        RateSchedule.cosine(floor: 0.1, warmup: 2), .exponential(gamma: 0.7), .oneCycle(), .step(every: 3),
    ])
    func everyStepHasItsRate(_ rates: RateSchedule) throws {
        let (fitted, stepped) = (
            try trainer(.sgd(learningRate: 0.1), rates), try trainer(.sgd(learningRate: 0.1))
        )
        let data = try data()
        try fitted.fit(data, until: StoppingRule(epochs: 8, patience: nil))
        for step in 0..<8 {
            stepped.trainingStep.rateFactor = rates.factor(step: step, total: 8)
            try stepped.step(data, rows: 0..<60)
        }
        expectClose(fitted.parameters, stepped.parameters, relative: 1e-10, absolute: 1e-12, "\(rates)")
    }

    @Test func averagesAreJudgedAndKept() throws {
        let (fitted, stepped) = (try trainer(averaging: 0.8), try trainer(averaging: 0.8))
        let (data, validation) = (try data(), try data(seed: 2))
        let report = try fitted.fit(
            data, validation: validation, until: StoppingRule(epochs: 6, patience: nil))
        for _ in 0..<6 { try stepped.step(data, rows: 0..<60) }
        let expected = try #require(stepped.averagedParameters)
        expectClose(fitted.parameters, expected, relative: 1e-9, absolute: 1e-11, "averages")
        #expect(fitted.parameters != stepped.parameters && report.bestEpoch == 6)
        let losses = try fitted.losses(validation)
        #expect(report.epochs[5].validationLosses == losses)
    }

    /// Also where averages are made up for late, and of what no optimiser changes.
    @Test(arguments: [Schedule.joint, .alternating(.batch)])
    func epochsAreJudgedByWhatIsKept(_ schedule: Schedule) throws {
        let model = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            architecture: SharedBottom(trunk: [.dense(8, .relu, normalization: .batch)]),
            tasks: SmallProblem.tasks)
        let trainer = try Trainer<Double>(
            model, optimizer: .adam(learningRate: 0.01), schedule: schedule, batchSize: 20, averaging: 0.9,
            seed: 2)
        let validation = try SmallProblem.data(Double.self, rows: 40, embedded: true)
        let report = try trainer.fit(
            SmallProblem.data(Double.self, rows: 100, embedded: true), validation: validation,
            until: StoppingRule(epochs: 3, patience: nil))
        let best = try #require(report.bestEpoch)
        #expect(try trainer.losses(validation) == report.epochs[best - 1].validationLosses)
    }

    /// A gradient that is too long ends training at its step; one that is not changes nothing.
    @Test func aGradientThatIsTooLongIsNamed() throws {
        func trainer(_ clipping: GradientClipping) throws -> Trainer<Double> {
            try Trainer(try self.trainer(.adam()).model, batchSize: 20, clipping: clipping, seed: 5)
        }
        let plain = try trainer(.norm(1e9))
        let rule = StoppingRule(epochs: 2, patience: nil)
        try plain.fit(try data(), until: rule)
        let norm = plain.trainingStep.gradientNorm
        let free = try trainer(.stop(above: 1e9))
        let report = try free.fit(try data(), until: rule)
        #expect(free.parameters == plain.parameters && report.divergence == nil && norm > 0)
        let begun = try trainer(.none).parameters
        let stopped = try trainer(.stop(above: norm / 1000))
        let end = try stopped.fit(try data(), until: rule)
        let place = try #require(end.divergence)
        #expect(end.reason == .diverged && place.step == 1 && place.epoch == 1 && stopped.parameters == begun)
        #expect(try #require(place.gradientNorm) > norm / 1000 && place.summary.contains("gradient of norm"))
        let parameter = try #require(place.parameter)
        #expect(stopped.model.layout.segments.map(\.name).contains(parameter))
        var again = rule
        again.onDivergence = .rollBack
        #expect(try trainer(.stop(above: norm / 1000)).fit(try data(), until: again).rollbacks.count == 5)
    }

    /// A task whose loss ran away has no say in another's turn after training went back.
    @Test func turnsThatFollowARetreatAreJudgedByTheirOwnLosses() throws {
        let trainer = try trainer(
            .sgd(learningRate: 5), schedule: .alternating(.steps(2)), batchSize: 10)
        var rule = StoppingRule(epochs: 150, patience: nil)
        rule.onDivergence = .rollBack
        // Without validation rows it is seen in the task's own turn.
        var rate = 1.0
        let report = try trainer.fit(try data(), until: rule) { _ in rate = trainer.trainingStep.rateFactor }
        #expect(rate < 1)
        #expect(
            !report.rollbacks.isEmpty && Set(report.rollbacks.map(\.step)).count == report.rollbacks.count)
        #expect(report.rollbacks.allSatisfy { $0.task == "b" } && report.reason == .budget)
    }

    @Test func aPlateauLowersTheRate() throws {
        let rates = RateSchedule.plateau(PlateauState(factor: 0.5, patience: 0))
        func last(_ rate: Double) throws -> Double {
            let trainer = try trainer(.sgd(learningRate: rate), rates)
            var factor = 0.0
            try trainer.fit(try data(), until: StoppingRule(epochs: 5, patience: nil)) { _ in
                factor = trainer.trainingStep.rateFactor
            }
            // What follows is at the optimiser's own rate again.
            #expect(trainer.trainingStep.rateFactor == 1)
            return factor
        }
        // The first epoch is the best so far; the rate of the fifth follows the three after it.
        #expect(try last(0) == 0.125)
        #expect(try last(0.01) == 1)
    }

    @Test func aMetricOrATasksLossDecides() throws {
        let (data, validation) = (try data(), try data(seed: 3))
        func best(_ watch: StoppingRule.Watched) throws -> TrainingReport {
            var rule = StoppingRule(epochs: 40, patience: nil)
            rule.watch = watch
            rule.reportsMetrics = true
            return try trainer(.adam(learningRate: 0.1)).fit(data, validation: validation, until: rule)
        }
        func check(_ report: TrainingReport, _ value: (EpochReport) -> Double?) throws {
            let values = try report.epochs.map { try #require(value($0)) }
            #expect(report.bestEpoch == values.indices.min { values[$0] < values[$1] }.map { $0 + 1 })
        }
        let area = try best(.metric("auc", task: "c"))
        try check(area) { $0.validationMetrics?[2].areaUnderROC.map { -$0 } }
        let loss = try best(.loss(task: "b"))
        try check(loss) { $0.validationLosses?[1] }
        try check(best(.weightedLoss)) { epoch in
            epoch.validationLosses.map { $0[0] + 0.3 * $0[1] + $0[2] }
        }
        #expect(Set([area.bestEpoch, loss.bestEpoch]).count == 2)
    }

    @Test func whatCannotBeWatchedIsNamed() throws {
        func refusal(_ watch: StoppingRule.Watched, validation: Bool = true) -> String? {
            failure {
                var rule = StoppingRule(epochs: 2)
                rule.watch = watch
                _ = try trainer().fit(data(), validation: validation ? data(seed: 2) : nil, until: rule)
            }?.description
        }
        #expect(
            refusal(.loss(task: "d")) == "stopping rule, watch: found no task \"d\", expected one of a, b, c")
        #expect(refusal(.metric("AUC", task: "b"))?.contains("a metric of task \"b\": RMSE, MAE") == true)
        #expect(refusal(.metric("AUC", task: "a"), validation: false)?.contains("no validation rows") == true)
    }

    /// Turns of an epoch tell of one task each: none is compared with another's.
    @Test func turnsOfAnEpochAreJudgedByAllTasks() throws {
        let trainer = try trainer(schedule: .alternating(.epoch), batchSize: 20)
        let report = try trainer.fit(try data(), until: StoppingRule(epochs: 7, patience: nil))
        for epoch in report.epochs where epoch.epoch >= 3 {
            let latest = Self.tasks.indices.map { task in
                report.epochs[..<epoch.epoch].last { !$0.trainingLosses[task].isNaN }?.trainingLosses[task]
            }
            let losses = try latest.map { try #require($0) }
            #expect(abs(epoch.watchedLoss - (losses[0] + 0.3 * losses[1] + losses[2])) < 1e-12)
        }
        #expect(try #require(report.bestEpoch) >= 3)
    }

    @Test func aLossThatRunsAwayIsNamedOrRetried() throws {
        let wild = Optimizer.sgd(learningRate: 60)
        let report = try trainer(wild, batchSize: 10).fit(
            try data(), until: StoppingRule(epochs: 60, patience: nil))
        let found = try #require(report.divergence)
        #expect(report.reason == .diverged && found.task == "b" && found.step > 0)
        var rule = StoppingRule(epochs: 60, patience: nil)
        rule.onDivergence = .rollBack
        let trainer = try trainer(wild, batchSize: 10)
        let again = try trainer.fit(try data(), validation: try data(seed: 2), until: rule)
        #expect(!again.rollbacks.isEmpty && again.rollbacks[0] == found)
        #expect(again.reason == .budget)
        #expect(trainer.parameters.allSatisfy { $0.isFinite })
    }
}
