import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Smoothed labels: gradients are those of the smoothed loss, whatever is reported that of the labels as they are.
@Suite struct LabelSmoothingTests {
    private static func tasks(_ smoothing: Double) -> [LearningTask] {
        [
            LearningTask("a", kind: .binary, weight: 0.7, tower: [.dense(5, .tanh)], smoothing: smoothing),
            LearningTask("b", kind: .multiclass(classes: 3), weight: 0.4, smoothing: smoothing),
            LearningTask("c", kind: .multiclass(classes: 17), weight: 1.2, smoothing: smoothing / 2),
        ]
    }

    private static func data() throws -> Dataset<Double> {
        var generator = SeededGenerator(seed: 8)
        let rows = 14
        return try Dataset(
            featureNames: ["x", "y", "z"], features: (0..<rows * 3).map { _ in generator.normal() },
            labels: tasks(0).map { task in
                (
                    task.name,
                    (0..<rows).map {
                        $0 % 5 == 1 ? .nan : Double(generator.below(max(2, task.kind.outputs)))
                    }
                )
            })
    }

    private static func trainer(_ smoothing: Double) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(inputs: 3, trunk: [.dense(6, .gelu)], tasks: tasks(smoothing)), batchSize: 14,
            seed: 5)
    }

    /// Σ λ mean of -Σ y' log p, from the logits.
    private static func smoothedLoss(_ trainer: Trainer<Double>, _ data: Dataset<Double>) throws -> Double {
        let logits = try Predictor(trainer.model, parameters: trainer.parameters).logits(data)
        var total = 0.0
        for (index, task) in trainer.model.tasks.enumerated() {
            let (z, classes) = (try logits.values(task.name), task.kind.outputs)
            var (sum, labelled) = (0.0, 0.0)
            for row in 0..<data.rowCount {
                let label = data.labels.base[row * data.labelNames.count + index]
                guard !label.isNaN else { continue }
                labelled += 1
                if classes == 1 {
                    let target = label * (1 - task.smoothing) + task.smoothing / 2
                    sum += log(1 + exp(z[row])) - target * z[row]
                    continue
                }
                let own = (0..<classes).map { z[row * classes + $0] }
                let norm = log(own.reduce(0) { $0 + exp($1) })
                for (c, value) in own.enumerated() {
                    let target =
                        (Double(c) == label ? 1 - task.smoothing : 0) + task.smoothing / Double(classes)
                    sum += target * (norm - value)
                }
            }
            total += task.weight * sum / labelled
        }
        return total
    }

    @Test(arguments: [0, 0.3]) func gradientsAreThoseOfTheSmoothedLoss(smoothing: Double) throws {
        let (trainer, data) = (try Self.trainer(smoothing), try Self.data())
        let point = trainer.parameters
        try trainer.stepWithoutUpdate(data, rows: 0..<14)
        var analytic = [Double](repeating: 0, count: point.count)
        for segment in trainer.model.layout.segments {
            let values = try trainer.gradient(segment.name)
            try analytic.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return }
                try trainer.model.layout.write(values, to: segment, of: base)
            }
        }
        let error = try GradientCheck.relativeError(of: analytic, at: point) { parameters in
            trainer.parameters = parameters
            return try Self.smoothedLoss(trainer, data)
        }
        #expect(error < GradientCheck.tolerance)
    }

    @Test func lossesAreThoseOfTheLabels() throws {
        let data = try Self.data()
        let (smoothed, plain) = (try Self.trainer(0.3), try Self.trainer(0))
        let expected = try plain.stepWithoutUpdate(data, rows: 0..<14)
        #expect(try smoothed.stepWithoutUpdate(data, rows: 0..<14) == expected)
        #expect(try smoothed.losses(data) == plain.losses(data))
        #expect(try smoothed.gradient("trunk.0.weight") != plain.gradient("trunk.0.weight"))
    }

    @Test func wrongSmoothingIsNamed() {
        for task in [
            LearningTask("a", kind: .binary, smoothing: 1), LearningTask("a", kind: .binary, smoothing: -0.1),
            LearningTask("a", kind: .multiclass(classes: 3), smoothing: .nan),
            LearningTask("a", kind: .squaredError, smoothing: 0.1),
            LearningTask("a", kind: .huber(delta: 1), smoothing: 0.1),
        ] {
            let error = failure { _ = try MultiTaskModel(inputs: 1, trunk: [], tasks: [task]) }
            #expect(error?.place == "task \"a\", smoothing", "\(task)")
        }
        #expect(LearningTask("a", kind: .binary, smoothing: 0.2).only(inScenarios: [0]).smoothing == 0.2)
    }
}
