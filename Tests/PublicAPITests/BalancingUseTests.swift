import MTLEngine
import Testing

/// What a program can say of how tasks are weighed against each other.
@Suite struct BalancingUseTests {
    private let tasks: [LearningTask] = [.binary("click"), .binary("buy")]

    /// Half of the rows have a click, the others a purchase.
    private func rows() throws -> Dataset<Float> {
        let x = (0..<96).map { Float($0 * 7 % 12) / 12 }
        return try Dataset<Float>(
            featureNames: ["x"], features: x,
            labels: [("click", x.map { $0 < 0.5 ? 1 : 0 }), ("buy", x.map { $0 < 0.5 ? 0 : 1 })])
    }

    @Test func aDialBetweenTasks() throws {
        let model = try MultiTaskModel(
            inputs: 1, architecture: SharedBottom(trunk: [.relu(4)]), tasks: tasks,
            preference: ["click": 1, "buy": 1])
        let trainer = try Trainer<Float>(model, batchSize: 32, balancing: .cosmos(alpha: 0.5))
        try trainer.fit(rows(), until: StoppingRule(epochs: 3, patience: nil))
        let predictor = try Predictor(model, parameters: trainer.parameters)
        let usual = try predictor.predict(rows()).values("click")
        try predictor.setPreference(["click": 0.9, "buy": 0.1])
        #expect(try predictor.predict(rows()).values("click") != usual)
        try predictor.setPreference(["click": 5, "buy": 5])
        #expect(try predictor.predict(rows()).values("click") == usual)
    }

    @Test(arguments: [
        Balancing.priorities(order: ["click", "buy"], tolerance: 0.002, phase: 2),
        .autoScale(window: 2).fixed(after: 2), .caGrad().withGradients(of: .parameters),
    ])
    func methodsTrain(_ balancing: Balancing) throws {
        let model = try MultiTaskModel(inputs: 1, trunk: [.relu(4)], tasks: tasks)
        let trainer = try Trainer<Float>(model, batchSize: 32, balancing: balancing)
        let report = try trainer.fit(rows(), until: StoppingRule(epochs: 4, patience: nil))
        #expect(report.epochs.allSatisfy { $0.taskWeights?.count == 2 })
    }
}
