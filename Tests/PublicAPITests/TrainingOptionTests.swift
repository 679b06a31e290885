import MTLEngine
import Testing

/// What a program can say of a training beside its optimiser.
@Suite struct TrainingOptionTests {
    @Test func tablesAveragesAndSmoothedLabels() throws {
        let rows = 96
        let ids = (0..<rows).map { Int32($0 * 7 % 12) }
        let data = try Dataset<Float>(
            featureNames: ["x"], features: (0..<rows).map { Float($0 % 5) / 5 },
            ids: [IDColumn("item", ids: ids)], labels: [("click", ids.map { $0 < 6 ? 1 : 0 })])
        let model = try MultiTaskModel(
            inputs: 1, embedded: [.single("item")], tables: [EmbeddingTable("item", rows: 12, dimension: 4)],
            trunk: [.relu(8)], tasks: [LearningTask("click", kind: .binary, smoothing: 0.05)])
        let trainer = try Trainer<Float>(
            model, optimizer: .adam(learningRate: 1e-2),
            tableOptimizer: .rowAdagrad(learningRate: 0.1).withRowDecay(1e-4), batchSize: 32, averaging: 0.95)
        let before = try trainer.losses(data)
        try trainer.fit(data, until: StoppingRule(epochs: 40, patience: nil))
        let average = try #require(trainer.averagedParameters)
        #expect(average != trainer.parameters)
        let predictor = try Predictor(model, parameters: average)
        let clicks = try predictor.predict(data).values("click")
        #expect(zip(clicks, ids).allSatisfy { ($0 > 0.5) == ($1 < 6) })
        #expect(try trainer.losses(data)[0] < before[0] / 2)
    }

    @Test func tasksThatStopByThemselvesAndSeveralSeeds() throws {
        let rows = 96
        let x = (0..<rows).map { Float($0 * 7 % 12) / 12 }
        let data = try Dataset<Float>(
            featureNames: ["x"], features: x,
            labels: [("click", x.map { $0 < 0.5 ? 1 : 0 }), ("spend", x.map { $0 * $0 })])
        let model = try MultiTaskModel(
            inputs: 1, architecture: SeparateNetworks(layers: [.relu(8)]),
            tasks: [.binary("click"), .regression("spend")])
        var rule = StoppingRule(epochs: 30, patience: 2)
        rule.stop = .eachTask
        var runs: [ModelMembers<Float>] = []
        for seed: UInt64 in 1...2 {
            let trainer = try Trainer<Float>(
                model, optimizer: .adam(learningRate: 1e-2), batchSize: 32, seed: seed)
            let report = try trainer.fit(data, validation: data, until: rule)
            #expect(report.tasks.map(\.task) == ["click", "spend"])
            runs.append(trainer.members)
        }
        let first = runs[0].vectors.count
        let together = try ModelMembers(
            runs[0].vectors + runs[1].vectors,
            ofTasks: zip(runs[0].ofTasks, runs[1].ofTasks).map { $0 + $1.map { first + $0 } })
        let found = try Predictor(model, members: together).predict(data).values("click")
        #expect(found.count == rows && found.allSatisfy { $0 > 0 && $0 < 1 })
    }

    @Test func ratesAlongTheWay() {
        let schedule = RateSchedule.cosine(floor: 0.1, warmup: 4)
        #expect(schedule.factor(step: 0, total: 100) == 0.2)
        #expect(schedule.factor(step: 4, total: 100) == 1)
        var plateau = PlateauState(factor: 0.5, patience: 0)
        for loss in [1.0, 0.9, 0.9] { plateau.observe(loss) }
        #expect(plateau.rateFactor == 0.5)
    }
}
