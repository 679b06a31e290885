import MTLEngine
import Testing

/// The engine against PyTorch, element by element, for every back end, instruction set and number of workers here.
@Suite struct GoldenTests {
    static let names = [
        "reference_joint", "reference_alternating", "towers_joint", "towers_alternating", "optimizer_sgd",
        "optimizer_sgd_momentum", "optimizer_adam_l2", "optimizer_adamw", "no_trunk",
        "embeddings_adam", "embeddings_adam_alternating", "embeddings_adagrad", "embeddings_sgd",
    ]

    static let computes: [ComputeOptions] =
        InstructionSet.allCases.filter(\.isAvailable).map {
            ComputeOptions(threads: 1, backend: .kernels, instructions: $0)
        } + [
            ComputeOptions(threads: 2, backend: .kernels), ComputeOptions(threads: 1, backend: .openBLAS),
            ComputeOptions(threads: 2, backend: .openBLAS),
        ]

    /// |found - expected| ≤ relative · |expected| + absolute, for every element.
    private func expectClose<Scalar: BLASScalar>(
        _ found: [Scalar], _ expected: [Double], relative: Double, absolute: Double, _ what: String
    ) {
        guard found.count == expected.count else {
            Issue.record("\(what): \(found.count) values, expected \(expected.count)")
            return
        }
        for (index, pair) in zip(found, expected).enumerated() {
            let error = abs(Double(pair.0) - pair.1)
            guard error <= relative * abs(pair.1) + absolute else {
                Issue.record("\(what)[\(index)]: \(pair.0), expected \(pair.1)")
                return
            }
        }
    }

    @Test(arguments: names, computes)
    func firstBatchMatches(name: String, compute: ComputeOptions) throws {
        let golden = try GoldenCase(name)
        try checkFirstBatch(golden, Float.self, suffix: "", relative: 1e-5, absolute: 1e-6, compute: compute)
        if !golden.tensors.names(under: "gradient64").isEmpty {
            try checkFirstBatch(
                golden, Double.self, suffix: "64", relative: 1e-12, absolute: 1e-13, compute: compute)
        }
    }

    private func checkFirstBatch<Scalar: BLASScalar>(
        _ golden: GoldenCase, _: Scalar.Type, suffix: String, relative: Double, absolute: Double,
        compute: ComputeOptions
    ) throws {
        let dataset = try golden.dataset(Scalar.self)
        let trainer = try golden.trainer(Scalar.self, schedule: .joint, compute: compute)
        let predictor = try Predictor(golden.model, parameters: trainer.parameters, compute: compute)
        let logits = try predictor.logits(dataset)
        for task in golden.model.tasks where golden.model.embedded.isEmpty {
            let expected = try golden.tensors.values("logits\(suffix)/" + task.name)
            expectClose(
                Array(try logits.values(task.name).prefix(expected.count)), expected, relative: relative,
                absolute: absolute, "logits of \(task.name)")
        }
        let source = try BatchSource(dataset, for: golden.model)
        _ = withExtendedLifetime(source) {
            trainer.trainingStep.step(source.batch(start: 0, rows: golden.batch), updates: false)
        }
        expectClose(
            Array(trainer.trainingStep.losses), try golden.tensors.values("task_losses" + suffix),
            relative: relative, absolute: absolute, "losses")
        for name in golden.tensors.names(under: "gradient" + suffix) {
            expectClose(
                try trainer.gradient(name), try golden.tensors.values("gradient\(suffix)/" + name),
                relative: relative, absolute: absolute, "gradient of \(name)")
        }
    }

    @Test(arguments: names, computes)
    func trajectoryMatches(name: String, compute: ComputeOptions) throws {
        let golden = try GoldenCase(name)
        let dataset = try golden.dataset(Float.self)
        let trainer = try golden.trainer(Float.self, compute: compute)
        let expected = try golden.tensors.values("step_losses")
        let batches = dataset.rowCount / golden.batch
        let tasks = golden.model.tasks.count
        for step in 0..<golden.steps {
            let start = step % batches * golden.batch
            let losses = try trainer.step(dataset, rows: start..<start + golden.batch)
            // PyTorch's loop writes 0 for a batch without a label of the task.
            expectClose(
                losses.map { $0.isNaN ? 0 : $0 }, Array(expected[step * tasks..<(step + 1) * tasks]),
                relative: 1e-5, absolute: 2e-6, "losses of step \(step)")
        }
        for name in golden.tensors.names(under: "final") {
            expectClose(
                try trainer.parameter(name), try golden.tensors.values("final/" + name), relative: 1e-5,
                absolute: 5e-6, "final \(name)")
        }
    }
}
