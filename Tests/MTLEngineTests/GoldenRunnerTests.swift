import MTLEngine
import MTLTestSupport
import Testing

/// The runner of goldens sees a value that is wrong, whichever it is.
@Suite struct GoldenRunnerTests {
    /// Of every kind of number one.
    private static let moved = [
        "logits/spend", "task_losses", "penalty", "gradient/shared.1.weight", "final/shared.0.bias",
        "answers/buy",
    ]

    @Test(arguments: moved)
    func aWrongValueIsSeen(tensor: String) throws {
        let model = try MultiTaskModel(
            inputs: 7, architecture: LowRankSharing(layers: [.dense(9, .tanh), .dense(5, .tanh)], rank: 2),
            tasks: GoldenRuns.tasks)
        let golden = try Golden("graph_low_rank").moved(tensor, by: 1e-6)
        let run = Golden.Run(
            .adam(learningRate: 1e-2), batch: GoldenRuns.rows, steps: 6, computes: [ComputeOptions()])
        try withKnownIssue {
            try golden.check(model, Double.self, GoldenRuns.double, run)
        } matching: { issue in
            issue.comments.contains { $0.rawValue.hasPrefix("graph_low_rank, Double, \(tensor)[0]: ") }
        }
    }

    @Test func aWrongLossOfALaterStepIsSeen() throws {
        let golden = try GoldenCase("optimizer_sgd")
        let trainer = try golden.trainer(Float.self, compute: ComputeOptions())
        let dataset = try golden.numbers.dataset(Float.self, for: golden.model)
        let moved = try golden.numbers.moved("step_losses", by: 1e-3)
        try withKnownIssue {
            try moved.train(
                trainer, dataset, steps: 0..<2, Golden.Tolerance(relative: 1e-5, absolute: 2e-6))
        } matching: { issue in
            issue.comments.contains { $0.rawValue.contains("step_losses, step 0[0]: ") }
        }
    }

    @Test func closenessHasItsBounds() {
        func isClose(_ found: [Double], _ expected: [Double]) -> Bool {
            firstDifference(found, expected, relative: 0.1, absolute: 1) == nil
        }
        #expect(isClose([12, -12, .nan, .infinity], [10, -10, .nan, .infinity]))
        #expect(!isClose([12.1], [10]) && !isClose([7.9], [10]))
        #expect(!isClose([.nan], [0]) && !isClose([0], [.nan]) && !isClose([.infinity], [1]))
        #expect(!isClose([-.infinity], [.infinity]) && !isClose([1, 1], [1]) && !isClose([], [1]))
    }
}
