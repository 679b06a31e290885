package import MTLEngine
package import Testing

/// Expects trainings by other numbers of threads to come to the same parameters and predictions, bit by bit.
package func expectSameBits(
    _ model: MultiTaskModel, _ data: Dataset<Float>, threads: ClosedRange<Int> = 1...4, batchSize: Int = 300,
    clipping: GradientClipping = .none, until rule: StoppingRule = StoppingRule(epochs: 2, patience: nil),
    _ source: SourceLocation = #_sourceLocation
) throws {
    var first: (parameters: [UInt32], answers: [[UInt32]])?
    for count in threads {
        let trainer = try Trainer<Float>(
            model, batchSize: batchSize, clipping: clipping, seed: 6,
            compute: ComputeOptions(threads: count, backend: .kernels))
        try trainer.fit(data, until: rule)
        let predictions = try trainer.predict(data)
        let parameters = trainer.parameters.map(\.bitPattern)
        let answers = try model.tasks.map { try predictions.values($0.name).map(\.bitPattern) }
        #expect((first?.parameters ?? parameters) == parameters, "\(count) threads", sourceLocation: source)
        #expect((first?.answers ?? answers) == answers, "\(count) threads", sourceLocation: source)
        first = first ?? (parameters, answers)
    }
}
