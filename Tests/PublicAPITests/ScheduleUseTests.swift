import MTLEngine
import Testing

// This target has no `package` access: it compiles with what a user's package sees.

@Suite struct ScheduleUseTests {
    /// Levels, rates by layer and a head on a lower layer, as a user says them.
    @Test func aUsersLevelsTrain() throws {
        var generator = SeededGenerator(seed: 4)
        let features = (0..<256 * 4).map { _ in Float(generator.normal()) }
        let clicks: [Float] = (0..<256).map { features[$0 * 4] > 0 ? 1 : 0 }
        let purchases: [Float] = (0..<256).map { clicks[$0] * (features[$0 * 4 + 1] > 0 ? 1 : 0) }
        let data = try Dataset(
            featureNames: ["a", "b", "c", "d"], features: features,
            labels: [("click", clicks), ("purchase", purchases)])
        let model = try MultiTaskModel(
            inputs: 4, architecture: SharedBottom(trunk: [.relu(8), .relu(8)], attached: ["click": 1]),
            tasks: [.binary("click"), .binary("purchase")])
        let trainer = try Trainer<Float>(
            model, optimizer: .adam(learningRate: 1e-2),
            schedule: .hierarchical(
                Hierarchy(levels: [["click"], ["purchase"]], turns: .steps(4), regularization: 0.01)),
            layerRates: LayerRates(["trunk.0.*": 0.5]), batchSize: 32)
        let before = try trainer.losses(data)
        try trainer.fit(data, until: StoppingRule(epochs: 40, patience: nil))
        let after = try trainer.losses(data)
        #expect(after[0] < before[0] / 2 && after[1] < before[1] / 2, "\(before) to \(after)")
        #expect(trainer.layerRates.factors["trunk.0.*"] == 0.5)
    }
}
