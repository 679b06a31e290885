import MTLEngine
import MTLTestSupport
import Testing

/// Which rows stand out by their losses.
@Suite struct SuspectRowsTests {
    /// Losses of densities may be below 0.
    @Test func lossesBelowZeroHaveALargest() {
        var suspects = SuspectRows()
        for (row, loss) in [-5.0, -2, -2.5].enumerated() {
            suspects.add(row, isValidation: false, loss: loss)
        }
        #expect(suspects.found.first?.row == 1)
    }

    /// A turn's gradient is too long: a row is judged by that turn's tasks alone.
    @Test func rowsAreJudgedByTheTasksOfTheStep() throws {
        let data = try Dataset<Float>(
            featureNames: ["x"], features: (0..<20).map { Float($0 % 5) },
            labels: [
                ("a", (0..<20).map { $0 == 3 ? 1e5 : 1 }), ("b", (0..<20).map { $0 == 5 ? 1e7 : 1 }),
            ])
        let model = try MultiTaskModel(
            inputs: 1, trunk: [.relu(4)], tasks: [.regression("a"), .regression("b")])
        let trainer = try Trainer<Float>(
            model, schedule: .alternating(.batch), batchSize: 20, clipping: .stop(above: 1000), seed: 2)
        let report = try trainer.fit(data, until: StoppingRule(epochs: 2))
        let divergence = try #require(report.divergence)
        #expect(divergence.task == "a")
        #expect(divergence.rows?.map(\.row) == [3])
    }
}
