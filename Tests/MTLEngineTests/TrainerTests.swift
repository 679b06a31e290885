import MTLEngine
import Testing

@Suite struct TrainerTests {
    private func data(rows: Int, seed: UInt64 = 1) throws -> Dataset<Float> {
        var generator = SeededGenerator(seed: seed)
        let x = (0..<rows * 4).map { _ in Float(generator.normal()) }
        func label(_ row: Int, _ sign: Float) -> Float {
            let z = Double(x[row * 4] + sign * x[row * 4 + 1])
            return z + 0.5 * generator.normal() > 0 ? 1 : 0
        }
        return try Dataset(
            featureNames: ["a", "b", "c", "d"], features: x,
            labels: [
                ("sum", (0..<rows).map { label($0, 1) }), ("difference", (0..<rows).map { label($0, -1) }),
                ("size", (0..<rows).map { 2 * x[$0 * 4 + 2] + 1 }),
            ])
    }

    private func trainer(_ schedule: Schedule = .joint, batchSize: Int = 50) throws -> Trainer<Float> {
        let model = try MultiTaskModel(
            inputs: 4, trunk: [.relu(16)],
            tasks: [.binary("sum"), .binary("difference"), .regression("size", weight: 0.5)])
        return try Trainer(
            model, optimizer: .adam(learningRate: 1e-2), schedule: schedule, batchSize: batchSize, seed: 3)
    }

    @Test(arguments: [Schedule.joint, .alternating(.batch), .alternating(.steps(3)), .alternating(.epoch)])
    func everyScheduleLearns(schedule: Schedule) throws {
        let trainer = try trainer(schedule)
        let report = try trainer.fit(
            try data(rows: 1000), validation: try data(rows: 400, seed: 2),
            until: StoppingRule(epochs: 30, patience: nil))
        #expect(report.epochs.count == 30)
        #expect(report.rowsSeen == 30_000)
        #expect(report.epochs.last?.steps == 600)
        let evaluations = try trainer.evaluate(try data(rows: 400, seed: 4))
        #expect(try #require(evaluations[0].areaUnderROC) > 0.93)
        #expect(try #require(evaluations[1].areaUnderROC) > 0.93)
        #expect(try #require(evaluations[2].rootMeanSquaredError) < 0.5)
        #expect(evaluations[2].areaUnderROC == nil)
    }

    @Test func bestParametersAreRestored() throws {
        let trainer = try trainer()
        let validation = try data(rows: 60, seed: 2)
        let report = try trainer.fit(
            try data(rows: 80), validation: validation, until: StoppingRule(epochs: 400, patience: 5))
        #expect(report.reason == .converged)
        let best = try #require(report.bestEpoch)
        #expect(best == report.epochs.count - 5)
        let losses = try trainer.losses(validation)
        #expect(losses == report.epochs[best - 1].validationLosses)
        let watched = zip(trainer.model.tasks, losses).reduce(0) { $0 + $1.0.weight * $1.1 }
        #expect(watched == report.epochs.map(\.watchedLoss).min())
    }

    @Test func budgetsEndTraining() throws {
        let steps = try trainer().fit(
            try data(rows: 200), until: StoppingRule(epochs: 9, steps: 10, patience: nil))
        #expect(steps.reason == .budget)
        #expect(steps.epochs.last?.steps == 10)
        let epochs = try trainer().fit(try data(rows: 200), until: StoppingRule(epochs: 2, patience: nil))
        #expect(epochs.epochs.count == 2)
    }

    @Test func divergenceIsReported() throws {
        let model = try MultiTaskModel(inputs: 4, trunk: [.relu(16)], tasks: [.regression("size")])
        let trainer = try Trainer<Float>(model, optimizer: .sgd(learningRate: 1e6), batchSize: 10)
        let report = try trainer.fit(try data(rows: 100), until: StoppingRule(epochs: 20))
        #expect(report.reason == .diverged)
        #expect(trainer.parameters.allSatisfy { $0.isFinite })
    }

    @Test func anEpochOfATaskWithoutLabelsSaysNothing() throws {
        let data = try Dataset<Float>(
            featureNames: ["a", "b", "c", "d"], features: (0..<480).map { Float($0 % 7) },
            labels: [
                ("sum", (0..<120).map { Float($0 % 2) }),
                ("difference", (0..<120).map { $0 < 60 ? .nan : Float($0 % 2) }),
                ("size", (0..<120).map { Float($0 % 5) }),
            ], weights: (0..<120).map { $0 < 60 ? 1 : 0 })
        let trainer = try trainer(.alternating(.epoch), batchSize: 40)
        let report = try trainer.fit(data, until: StoppingRule(epochs: 6, patience: nil))
        #expect(report.reason == .budget && report.epochs.count == 6 && report.bestEpoch != nil)
    }

    @Test func watchedLossesCountRowsByTheirWeights() throws {
        var generator = SeededGenerator(seed: 5)
        let x = (0..<200).map { _ in generator.normal() }
        let y = (0..<200).map { $0 % 7 == 0 ? Double.nan : $0 % 3 == 0 ? 1 : 0 }
        let weights = (0..<200).map { Double($0 % 4) }
        func dataset(_ rows: [Int], weights: [Double]?) throws -> Dataset<Double> {
            try Dataset(
                featureNames: ["x"], features: rows.map { x[$0] }, labels: [("y", rows.map { y[$0] })],
                weights: weights)
        }
        let model = try MultiTaskModel(inputs: 1, trunk: [.relu(8)], tasks: [.binary("y")])
        let trainer = try Trainer<Double>(model, batchSize: 50, seed: 4)
        // A row of weight w is as many rows.
        let repeated = weights.enumerated().flatMap { [Int](repeating: $0, count: Int($1)) }
        let expected = try trainer.losses(dataset(repeated, weights: nil))[0]
        let found = try trainer.losses(dataset(Array(0..<200), weights: weights))[0]
        #expect(abs(found - expected) < 1e-12 * expected)
        #expect(abs(found - (try trainer.losses(dataset(Array(0..<200), weights: nil))[0])) > 1e-6)
    }

    /// In a turn the other heads rest, bit for bit, and a masked task's head has exactly no gradient.
    @Test func otherHeadsRestInATurn() throws {
        let trainer = try trainer(.alternating(.steps(1)))
        let data = try data(rows: 50)
        let before = try trainer.parameter("heads.difference.0.weight")
        try trainer.fit(data, until: StoppingRule(epochs: 1, steps: 1))
        #expect(try trainer.parameter("heads.difference.0.weight") == before)
        #expect(try trainer.parameter("heads.sum.0.weight") != before)
    }

    @Test func aBatchWithoutLabelsGivesItsHeadNoGradient() throws {
        let trainer = try trainer(batchSize: 4)
        let data = try Dataset<Float>(
            featureNames: ["a", "b", "c", "d"], features: [Float](repeating: 0.5, count: 32),
            labels: [
                ("sum", [0, 1, 0, 1, 1, 1, 0, 0]), ("difference", [.nan, .nan, .nan, .nan, 1, 0, 1, 0]),
                ("size", [1, 2, 3, 4, 5, 6, 7, 8]),
            ])
        let losses = try trainer.step(data, rows: 0..<4)
        #expect(losses[1].isNaN && losses[0] > 0)
        #expect(try trainer.gradient("heads.difference.0.weight").allSatisfy { $0 == 0 })
        #expect(try trainer.gradient("heads.sum.0.weight").contains { $0 != 0 })
    }

    /// Another order of the tasks is the same model: the same losses, the same predictions.
    @Test func orderOfTasksDoesNotMatter() throws {
        let data = try data(rows: 200)
        let tasks: [LearningTask] = [
            .binary("sum", tower: [.relu(5)]), .regression("size"), .binary("difference"),
        ]
        func predictions(_ order: [Int]) throws -> [Float] {
            let model = try MultiTaskModel(inputs: 4, trunk: [.relu(8)], tasks: order.map { tasks[$0] })
            let reference = try Trainer<Double>(
                MultiTaskModel(inputs: 4, trunk: [.relu(8)], tasks: tasks), seed: 8)
            let trainer = try Trainer<Float>(model, batchSize: 100)
            for segment in model.layout.segments {
                try trainer.setParameter(
                    segment.name, to: try reference.parameter(segment.name).map { Float($0) })
            }
            for step in 0..<4 { try trainer.step(data, rows: step % 2 * 100..<(step % 2 + 1) * 100) }
            return try trainer.predict(data).values("size")
        }
        for (a, b) in zip(try predictions([0, 1, 2]), try predictions([2, 0, 1])) {
            #expect(abs(a - b) < 1e-5)
        }
    }

    @Test func predictorNeedsTheParametersOnly() throws {
        let trainer = try trainer()
        let data = try data(rows: 300)
        try trainer.fit(data, until: StoppingRule(epochs: 1))
        let predictor = try Predictor<Float>(trainer.model, parameters: trainer.parameters)
        #expect(try predictor.predict(data).values("sum") == (try trainer.predict(data).values("sum")))
        let logits = try predictor.logits(data).values("size")
        #expect(logits == (try predictor.predict(data).values("size")))
        #expect(throws: InputError.self) { try predictor.predict(data).values("nothing") }
    }

    @Test(arguments: Initialization.allCases)
    func initializationHasItsSpread(initialization: Initialization) throws {
        let model = try MultiTaskModel(inputs: 200, trunk: [.relu(100)], tasks: [.binary("a")])
        let weights = try Trainer<Double>(model, initialization: initialization, seed: 1).parameter(
            "trunk.0.weight")
        let deviation = (weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)).squareRoot()
        let expected: Double
        switch initialization {
        case .pytorch: expected = (1.0 / 3 / 200).squareRoot()
        case .he: expected = (2.0 / 200).squareRoot()
        case .xavier: expected = (2.0 / 300).squareRoot()
        }
        #expect(abs(deviation / expected - 1) < 0.03)
    }
}
