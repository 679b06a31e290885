import MTLEngine
import MTLTestSupport
import Testing

/// What a step may do beside its optimiser, in Double along 50 steps against PyTorch; the rules that it does not have, against
/// their papers' text (make_optimizer_goldens.py).
@Suite struct OptimizerGoldenTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var optimizer = Optimizer.adam(learningRate: 1e-2)
        var tableOptimizer: Optimizer?
        var averaging: Double?
        var smoothing: [Double] = [0, 0]

        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "tables_adagrad", tableOptimizer: .adagrad(learningRate: 0.05)),
        Case(name: "tables_row_adagrad", tableOptimizer: .rowAdagrad(learningRate: 0.05)),
        Case(name: "tables_ftrl", tableOptimizer: .ftrl(alpha: 0.1, beta: 1, l1: 0.002, l2: 0.05)),
        Case(
            name: "tables_ftrl_alternating",
            tableOptimizer: .ftrl(alpha: 0.1, beta: 1, l1: 0.002, l2: 0.05)),
        Case(name: "tables_decay", optimizer: .adam(learningRate: 1e-2).withRowDecay(0.3)),
        Case(
            name: "tables_row_adagrad_decay",
            tableOptimizer: .rowAdagrad(learningRate: 0.05).withRowDecay(0.3)),
        Case(name: "averaged", averaging: 0.8), Case(name: "averaged_alternating", averaging: 0.97),
        Case(name: "smoothed", smoothing: [0.1, 0.25]), Case(name: "accumulated"),
    ]

    @Test(arguments: cases, GoldenTests.computes)
    func fiftyStepsMatch(one: Case, compute: ComputeOptions) throws {
        let golden = try GoldenCase("optimizer_" + one.name)
        let plain = golden.model
        let model = try MultiTaskModel(
            inputs: plain.inputs, embedded: plain.embedded, tables: plain.tables,
            trunk: [.relu(12), .dense(7, .tanh)],
            tasks: zip(plain.tasks, one.smoothing).map {
                LearningTask($0.name, kind: $0.kind, weight: $0.weight, tower: $0.tower, smoothing: $1)
            })
        let trainer = try Trainer<Double>(
            model, optimizer: one.optimizer, tableOptimizer: one.tableOptimizer, schedule: golden.schedule,
            batchSize: golden.batch, averaging: one.averaging, compute: compute)
        try golden.numbers.begin(trainer)
        let dataset = try golden.numbers.dataset(Double.self, for: model)
        let tolerance = Golden.Tolerance(relative: 1e-9, absolute: 1e-10)
        try golden.numbers.train(trainer, dataset, steps: 0..<golden.steps, tolerance)
        try golden.numbers.checkEnd(trainer, tolerance)
        #expect((trainer.averagedParameters == nil) == (one.averaging == nil))
        guard let average = trainer.averagedParameters else { return }
        // Asking changes nothing.
        #expect(trainer.averagedParameters == average)
        let names = golden.numbers.tensors.names(under: "average")
        #expect(Set(names) == Set(model.layout.segments.map(\.name)))
        for segment in model.layout.segments {
            let found = average.withUnsafeBufferPointer { buffer in
                buffer.baseAddress.map { model.layout.read(segment, from: $0) } ?? []
            }
            expectClose(
                found, try golden.numbers.tensors.values("average/" + segment.name), relative: 1e-9,
                absolute: 1e-10, "average of \(segment.name)")
        }
    }

    /// A golden that all rules pass would prove nothing.
    @Test func aRuleThatIsAnotherFails() throws {
        for one in Self.cases where one.tableOptimizer != nil || one.optimizer.rowDecay > 0 {
            let golden = try GoldenCase("optimizer_" + one.name)
            let trainer = try Trainer<Double>(
                golden.model, optimizer: .adam(learningRate: 1e-2), batchSize: golden.batch)
            try golden.numbers.begin(trainer)
            try golden.numbers.train(
                trainer, try golden.numbers.dataset(Double.self, for: golden.model), steps: 0..<golden.steps)
            let name = "embeddings.item.weight"
            let distance = distance(
                try trainer.parameter(name), try golden.numbers.tensors.values("final/" + name))
            #expect(distance > 0.1, "\(one.name)")
        }
    }
}
