import MTLEngine
import MTLTestSupport
import Testing

/// The engine against PyTorch, element by element, for every back end, instruction set and number of workers here.
@Suite struct GoldenTests {
    static let names = [
        "reference_joint", "reference_alternating", "towers_joint", "towers_alternating", "optimizer_sgd",
        "optimizer_sgd_momentum", "optimizer_adam_l2", "optimizer_adamw", "no_trunk",
        "embeddings_adam", "embeddings_adam_alternating", "embeddings_adagrad", "embeddings_sgd",
    ]

    static let computes =
        ComputeOptions.everyLevel + [
            ComputeOptions(threads: 2, backend: .kernels), ComputeOptions(threads: 1, backend: .openBLAS),
            ComputeOptions(threads: 2, backend: .openBLAS),
        ]

    @Test(arguments: names, computes)
    func firstBatchMatches(name: String, compute: ComputeOptions) throws {
        let golden = try GoldenCase(name)
        try checkFirstBatch(
            golden, Float.self, suffix: "", Golden.Tolerance(relative: 1e-5, absolute: 1e-6), compute: compute
        )
        if golden.numbers.tensors.has("gradient64") {
            try checkFirstBatch(
                golden, Double.self, suffix: "64", Golden.Tolerance(relative: 1e-12, absolute: 1e-13),
                compute: compute)
        }
    }

    private func checkFirstBatch<Scalar: BLASScalar>(
        _ golden: GoldenCase, _: Scalar.Type, suffix: String, _ tolerance: Golden.Tolerance,
        compute: ComputeOptions
    ) throws {
        let dataset = try golden.numbers.dataset(Scalar.self, for: golden.model)
        let trainer = try golden.trainer(Scalar.self, schedule: .joint, compute: compute)
        if golden.model.embedded.isEmpty {
            try golden.numbers.checkLogits(trainer, dataset, tolerance, compute, suffix: suffix)
        }
        let losses = try trainer.stepWithoutUpdate(dataset, rows: 0..<golden.batch)
        try golden.numbers.checkStep(trainer, losses, tolerance, suffix: suffix)
    }

    @Test(arguments: names, computes)
    func trajectoryMatches(name: String, compute: ComputeOptions) throws {
        let golden = try GoldenCase(name)
        let dataset = try golden.numbers.dataset(Float.self, for: golden.model)
        let trainer = try golden.trainer(Float.self, compute: compute)
        try golden.numbers.train(
            trainer, dataset, steps: 0..<golden.steps, Golden.Tolerance(relative: 1e-5, absolute: 2e-6))
        try golden.numbers.checkEnd(trainer, Golden.Tolerance(relative: 1e-5, absolute: 5e-6))
    }
}
