import MTLEngine
import MTLTestSupport

/// What several suites' goldens have in common.
enum GoldenRuns {
    /// Rows in a batch, of three.
    static let rows = 23
    private static let tower: [HiddenLayer] = [.dense(4, .tanh)]
    static let tasks: [LearningTask] = [
        .binary("click", weight: 0.6, tower: tower), .regression("spend", weight: 0.3),
        .binary("buy", weight: 1.1, tower: tower),
    ]
    static let double = Golden.Tolerance(relative: 1e-11, absolute: 1e-12)
    static let float = Golden.Tolerance(relative: 2e-5, absolute: 1e-5)
}

extension Golden {
    /// In both precisions, in every way of computing.
    func check(_ model: MultiTaskModel, _ run: Run) throws {
        try check(model, Double.self, GoldenRuns.double, run)
        try check(model, Float.self, GoldenRuns.float, run)
    }

    /// All rows as one batch: logits, losses, joint losses and every gradient by name.
    func checkFirstBatch(_ model: MultiTaskModel) throws {
        try check(model, Run(computes: ComputeOptions.various))
    }

    /// Those, and after six steps of Adam every parameter, every moving statistic and the answers.
    func checkAdam(_ model: MultiTaskModel, comparesLogits: Bool) throws {
        try check(
            model,
            Run(
                .adam(learningRate: 1e-2), batch: GoldenRuns.rows, steps: 6, comparesLogits: comparesLogits,
                computes: ComputeOptions.various))
    }
}
