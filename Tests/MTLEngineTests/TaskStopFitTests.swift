import MTLEngine
import MTLTestSupport
import Testing

/// Tasks that stop one by one while `fit` goes on.
@Suite struct TaskStopFitTests {
    private static let tasks: [LearningTask] = [.binary("a"), .regression("b", weight: 0.3), .binary("c")]

    private func data(rows: Int = 60, seed: UInt64 = 1) throws -> Dataset<Double> {
        var generator = SeededGenerator(seed: seed)
        let x = (0..<rows * 4).map { _ in generator.normal() }
        // The second task is learned for long, the others are soon learned by heart.
        func label(_ row: Int, _ column: Int, _ noise: Double) -> Double {
            x[row * 4 + column] + noise * generator.normal()
        }
        return try Dataset(
            featureNames: ["p", "q", "r", "s"], features: x,
            labels: [
                ("a", (0..<rows).map { label($0, 0, 2) > 0 ? 1 : 0 }),
                ("b", (0..<rows).map { label($0, 1, 0.1) }),
                ("c", (0..<rows).map { label($0, 2, 1) > 0 ? 1 : 0 }),
            ])
    }

    private func trainer(
        _ architecture: some Architecture = SharedBottom(trunk: [.dense(12, .tanh)]),
        schedule: Schedule = .joint, batchSize: Int = 60, averaging: Double? = nil,
        tasks: [LearningTask] = tasks
    ) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(inputs: 4, architecture: architecture, tasks: tasks),
            optimizer: .adam(learningRate: 0.05), schedule: schedule, batchSize: batchSize,
            averaging: averaging, seed: 5)
    }

    private func rule(epochs: Int = 60, patience: Int? = 2) -> StoppingRule {
        var rule = StoppingRule(epochs: epochs, patience: patience)
        rule.stop = .eachTask
        return rule
    }

    /// Where a turn is an epoch, a task stops after turns of its own without an improvement.
    @Test func aTaskHasHadItsTurnsBeforeItStops() throws {
        let trainer = try trainer(schedule: .alternating(.epoch), batchSize: 20)
        let report = try trainer.fit(
            try data(), validation: try data(seed: 2), until: rule(epochs: 90, patience: 2))
        let stopped = report.tasks.enumerated().filter { $0.element.stoppedAfter != nil }
        #expect(stopped.count >= 2)
        for (task, outcome) in stopped {
            let (best, end) = (try #require(outcome.bestEpoch), try #require(outcome.stoppedAfter))
            let own = report.epochs[best..<end].count { !$0.trainingLosses[task].isNaN }
            #expect(own == 2, "\(outcome)")
        }
    }

    /// An epoch is as long as the rows of those tasks are that go on.
    @Test func rowsOfATaskThatHasStoppedAreNotWaitedFor() throws {
        let tasks: [LearningTask] = [.binary("a"), .regression("b", weight: 0.3)]
        let trainer = try trainer(schedule: .alternating(.steps(1)), batchSize: 20, tasks: tasks)
        func rows(_ count: Int, _ name: String, _ label: (Double) -> Double) throws -> TaskRows<Double> {
            var generator = SeededGenerator(seed: 1)
            let x = (0..<count * 4).map { _ in generator.normal() }
            let labels = (0..<count).map { label(x[4 * $0 + (name == "a" ? 0 : 1)]) }
            return try TaskRows(
                Dataset(featureNames: ["p", "q", "r", "s"], features: x, labels: [(name, labels)]),
                tasks: [name])
        }
        // What the first learns is wrong for its validation rows; the second has much to learn.
        let report = try trainer.fit(
            [rows(400, "a") { $0 > 0 ? 1 : 0 }, rows(60, "b") { 20 * $0 }],
            validation: [rows(60, "a") { $0 > 0 ? 0 : 1 }, rows(60, "b") { 20 * $0 }],
            until: rule(epochs: 9, patience: 1))
        let end = try #require(report.tasks[0].stoppedAfter)
        try #require(end < report.epochs.count, "the other task stops first")
        let steps = zip(report.epochs.dropFirst(), report.epochs).map { $0.steps - $1.steps }
        #expect(
            steps.prefix(end - 1).allSatisfy { $0 == 23 } && steps.dropFirst(end - 1).allSatisfy { $0 == 3 })
    }

    /// What moves the weights of all tasks between steps, and layers that thaw by turns, go with tasks that stop together.
    @Test func whatMovesAllTasksIsRefused() throws {
        let shared = try trainer(TraceNormSharing(layers: [.dense(6, .tanh)], weight: 0.1))
        let thawing = try trainer(
            schedule: .hierarchical(Hierarchy(levels: [["a"], ["b", "c"]], unfreezeEvery: 1)))
        for trainer in [shared, thawing] {
            let error = failure { _ = try trainer.fit(try data(), until: rule()) }
            #expect(error?.place == "stopping rule, stop")
        }
    }

    /// The loop written down plainly: one batch an epoch, so that the order of its rows is a matter of rounding alone.
    @Test(arguments: [Schedule.joint, .alternating(.batch)])
    func theLoopIsItsPlainText(_ schedule: Schedule) throws {
        let (data, validation) = (try data(), try data(seed: 2))
        for averaging in [nil, 0.5] {
            let fitted = try trainer(schedule: schedule, averaging: averaging)
            let report = try fitted.fit(data, validation: validation, until: rule())

            let plain = try trainer(schedule: schedule, averaging: averaging)
            var best = [(loss: Double, epoch: Int, parameters: [Double])?](repeating: nil, count: 3)
            var stopped: [Int: Int] = [:]
            var epoch = 0
            let source = try BatchSource(data, for: plain.model)
            while stopped.count < 3 {
                epoch += 1
                plain.trainingStep.stop(Set(stopped.keys))
                for turn in plain.schedulePlan.turns.indices
                where !Set(stopped.keys).isSuperset(of: plain.schedulePlan.turns[turn].tasks) {
                    plain.trainingStep.step(source.batch(start: 0, rows: 60), turn: turn)
                }
                let parameters = plain.averagedParameters ?? plain.parameters
                let judge = try trainer()
                judge.parameters = parameters
                for (task, loss) in try judge.losses(validation).enumerated() where stopped[task] == nil {
                    if loss < best[task]?.loss ?? .infinity { best[task] = (loss, epoch, parameters) }
                    if epoch - (best[task]?.epoch ?? 0) >= 2 { stopped[task] = epoch }
                }
            }
            #expect(report.reason == .converged && report.epochs.count == epoch)
            #expect(Set(best.map { $0?.epoch }).count > 1, "tasks that stop together show nothing")
            let members = fitted.members
            for (task, outcome) in report.tasks.enumerated() {
                let expected = try #require(best[task])
                #expect(outcome.bestEpoch == expected.epoch && outcome.stoppedAfter == stopped[task])
                #expect(members.ofTasks[task].count == 1)
                expectClose(
                    members.vectors[members.ofTasks[task][0]], expected.parameters, relative: 1e-8,
                    absolute: 1e-10, outcome.task)
            }
            #expect(members.vectors.count == Set(best.map { $0?.epoch }).count)
            #expect(report.bestEpoch == best.compactMap { $0?.epoch }.max())
            #expect(fitted.parameters == members.vectors.last)
        }
    }

    /// Every task is predicted as it was at its best.
    @Test func everyTaskIsPredictedAtItsBest() throws {
        let (data, validation) = (try data(), try data(seed: 2))
        let trainer = try trainer(batchSize: 16)
        let report = try trainer.fit(data, validation: validation, until: rule(epochs: 30, patience: nil))
        #expect(report.reason == .budget && report.epochs.count == 30)
        for (index, outcome) in report.tasks.enumerated() {
            let losses = report.epochs.compactMap { $0.validationLosses?[index] }
            let least = try #require(losses.indices.min { losses[$0] < losses[$1] })
            #expect(outcome.bestEpoch == least + 1 && outcome.stoppedAfter == nil)
            let judge = try self.trainer()
            judge.parameters = trainer.members.vectors[trainer.members.ofTasks[index][0]]
            #expect(try judge.losses(validation)[index] == losses[least])
        }
        let found = try Predictor(trainer.model, members: trainer.members).predict(validation)
        let last = try Predictor(trainer.model, parameters: trainer.members.vectors[0]).predict(validation)
        let first = try #require(report.tasks.min { $0.bestEpoch ?? 0 < $1.bestEpoch ?? 0 })
        #expect(try found.values(first.task) == last.values(first.task))
        // What is learned from there on is no longer what the fit kept.
        try trainer.step(data, rows: 0..<16)
        #expect(trainer.members.vectors == [trainer.parameters])
    }

    @Test func turnsOfTasksThatHaveStoppedAreTheOthers() throws {
        for turns in [Schedule.Turns.batch, .steps(2), .epoch] {
            for order in [Schedule.TurnOrder.roundRobin, .shuffled, .proportional(exponent: 1)]
            where turns != .batch || order != .proportional(exponent: 1) {
                let trainer = try trainer(
                    schedule: .alternating(turns, order: order), batchSize: 10)
                let report = try trainer.fit(try data(), validation: try data(seed: 2), until: rule())
                let place = "\(turns), \(order)"
                for (index, outcome) in report.tasks.enumerated() {
                    guard let stop = outcome.stoppedAfter else { continue }
                    #expect(
                        report.epochs.filter { $0.epoch > stop }.allSatisfy {
                            $0.trainingLosses[index].isNaN
                        }, "\(place)")
                }
                // No epoch is without a step of a task that goes on.
                #expect(
                    report.epochs.allSatisfy { $0.trainingLosses.contains { !$0.isNaN } }, "\(place)")
                #expect(report.tasks.contains { $0.stoppedAfter != nil }, "\(place)")
                #expect(
                    report.epochs.flatMap { $0.stoppedTasks ?? [] }.count
                        == report.tasks.count { $0.stoppedAfter != nil })
            }
        }
    }

    @Test func levelsPassOverTasksThatHaveStopped() throws {
        let trainer = try trainer(
            schedule: .hierarchical(
                Hierarchy(levels: [["a"], ["b", "c"]], turns: .epoch, regularization: 0.01)), batchSize: 20)
        let report = try trainer.fit(try data(), validation: try data(seed: 2), until: rule())
        #expect(report.tasks.contains { $0.stoppedAfter != nil })
        #expect(report.epochs.allSatisfy { $0.trainingLosses.contains { !$0.isNaN } })
    }

    @Test func aMetricJudgesTheTasksThatHaveIt() throws {
        let (data, validation) = (try data(), try data(seed: 2))
        var rule = rule(epochs: 20, patience: nil)
        func check(_ metrics: [String?]) throws {
            let report = try trainer().fit(data, validation: validation, until: rule)
            for (index, metric) in metrics.enumerated() {
                let values = try report.epochs.map { epoch in
                    metric == nil
                        ? try #require(epoch.validationLosses?[index])
                        : -(try #require(epoch.validationMetrics?[index].areaUnderROC))
                }
                #expect(
                    report.tasks[index].bestEpoch
                        == values.indices.min { values[$0] < values[$1] }.map { $0 + 1 })
            }
        }
        rule.watch = .metricOfEach("auc")
        try check(["AUC", nil, "AUC"])
        rule.watch = .metric("AUC", task: "c")
        try check([nil, nil, "AUC"])
    }

    /// The watched loss is that of what is kept once a task has stopped.
    @Test func tasksThatHaveStoppedCountAtTheirBest() throws {
        let report = try trainer().fit(try data(), validation: try data(seed: 2), until: rule())
        for epoch in report.epochs {
            let sum = try report.tasks.enumerated().reduce(0.0) { sum, part in
                let (index, outcome) = part
                let has = (outcome.stoppedAfter ?? .max) < epoch.epoch
                let number = has ? try #require(outcome.bestEpoch) : epoch.epoch
                let loss = try #require(report.epochs[number - 1].validationLosses?[index])
                return sum + Self.tasks[index].weight * loss
            }
            #expect(abs(epoch.watchedLoss - sum) < 1e-12)
        }
        let kept = try report.tasks.enumerated().reduce(0.0) { sum, part in
            let best = try #require(part.element.bestEpoch)
            return sum + Self.tasks[part.offset].weight
                * (try #require(report.epochs[best - 1].validationLosses?[part.offset]))
        }
        #expect(abs(report.keptLoss(Self.tasks) - kept) < 1e-12)
    }

    @Test func aTaskThatWeighsNothingIsNotWaitedFor() throws {
        let tasks: [LearningTask] = [.binary("a", weight: 0), .regression("b"), .binary("c")]
        var report = try trainer(tasks: tasks).fit(
            try data(), validation: try data(seed: 2), until: rule(epochs: 200, patience: 1))
        #expect(report.reason == .converged)
        report = try trainer(tasks: tasks.map { LearningTask($0.name, kind: $0.kind) }).fit(
            try data(), until: rule(epochs: 1))
        #expect(report.tasks.map(\.bestEpoch) == [1, 1, 1])
    }

    @Test func aRunThatDivergesKeepsWhatWasBest() throws {
        let model = try MultiTaskModel(inputs: 4, trunk: [], tasks: Self.tasks)
        let trainer = try Trainer<Double>(
            model, optimizer: .sgd(learningRate: 3), batchSize: 10, seed: 5)
        var rule = rule(epochs: 400, patience: nil)
        let report = try trainer.fit(try data(), validation: try data(seed: 2), until: rule)
        #expect(
            report.reason == .diverged && trainer.members.vectors.allSatisfy { $0.allSatisfy(\.isFinite) })
        rule.onDivergence = .rollBack
        let again = try trainer.fit(try data(), validation: try data(seed: 2), until: rule)
        #expect(!again.rollbacks.isEmpty && again.tasks.allSatisfy { $0.bestEpoch != nil })
        #expect(trainer.members.vectors.allSatisfy { $0.allSatisfy(\.isFinite) })
    }

    @Test func whatTiesTasksIsRefused() throws {
        func refusal(
            _ architecture: some Architecture = SharedBottom(trunk: [.dense(4, .tanh)]),
            _ change: (inout StoppingRule) -> Void = { _ in }
        ) -> InputError? {
            failure {
                var rule = rule(epochs: 2)
                change(&rule)
                let tasks: [LearningTask] = [.binary("a"), .binary("c")]
                _ = try trainer(architecture, tasks: tasks).fit(
                    data(), validation: data(seed: 2), until: rule)
            }
        }
        #expect(refusal() == nil)
        let tied = refusal(AITM(parents: ["c": "a"], layers: [.dense(4, .tanh)], calibration: 0.5))
        #expect(tied?.place == "stopping rule, stop" && tied?.found.contains("a and c") == true)
        #expect(refusal { $0.watch = .loss(task: "a") }?.place == "stopping rule, watch")
        #expect(refusal { $0.watch = .metricOfEach("RMSE") }?.kind == .name)
        #expect(
            refusal {
                $0.watch = .metricOfEach("AUC")
                $0.stop = .together
            }?.place == "stopping rule, watch")
        #expect(refusal { $0.watch = .metricOfEach("AUC") } == nil)
    }
}
