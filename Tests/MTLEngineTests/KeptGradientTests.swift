import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Methods that compare the tasks' gradients of the shared parameters themselves.
@Suite struct KeptGradientTests {
    private static let cases = BalancedModels.all.indices.flatMap { number in
        [(number, Balancing.GradientSource.layers), (number, .parameters)]
    }.filter { number, source in BalancedModels.all[number].name != "features" || source == .parameters }

    /// How far a step of plain gradient descent at a rate of 1 moves each segment: its gradient.
    private func descent(_ trainer: Trainer<Double>, _ rows: Dataset<Double>) throws -> [String: [Double]] {
        let segments = trainer.model.layout.segments.filter(\.isTrained)
        let before = try segments.map { try trainer.parameter($0.name) }
        try trainer.step(rows, rows: 0..<rows.rowCount)
        var found: [String: [Double]] = [:]
        for (segment, values) in zip(segments, before) {
            found[segment.name] = zip(values, try trainer.parameter(segment.name)).map { $0 - $1 }
        }
        return found
    }

    /// Products, weights and the step, against steps of gradient descent of one task after the other. Batches that are deferred and
    /// those that are not, of several shards and scenarios.
    @Test(arguments: cases) func aStepGoesAlongTheWeightedGradients(
        number: Int, source: Balancing.GradientSource
    ) throws {
        for (count, compute) in [(150, ComputeOptions()), (300, ComputeOptions(threads: 3))]
            + ComputeOptions.various.map({ (150, $0) })
        {
            func trainer(_ balancing: Balancing, tasks: [LearningTask] = SmallProblem.tasks) throws
                -> Trainer<
                    Double
                >
            {
                try BalancedModels.trainer(
                    Double.self, number, balancing, optimizer: .sgd(learningRate: 1), batch: count,
                    compute: compute, tasks: tasks)
            }
            let rows = try BalancedModels.rows(Double.self, number, count: count)
            let alone = try (0..<3).map { task in
                try descent(trainer(.fixed, tasks: BalancedModels.alone(task)), rows)
            }
            let names = try #require(alone.first).keys.sorted()
            let counted = names.filter {
                BalancedModels.isShared($0, alone) && (source == .parameters || !$0.hasPrefix("embeddings."))
            }
            let products = Balanced.products(alone.map { one in counted.flatMap { one[$0] ?? [] } })
            for method in [Balancing.mgda(.norm), .upGrad] {
                let balanced = try trainer(method.withGradients(of: source))
                let moved = try descent(balanced, rows)
                let what = "\(BalancedModels.all[number].name), \(count) rows, \(compute)"
                expectClose(
                    balanced.trainingStep.taskProducts, products, relative: 1e-9, absolute: 1e-14, what)
                let weights = balanced.trainingStep.taskWeights
                let other = try BalancerMemory(method, tasks: SmallProblem.tasks, seed: 4)
                expectClose(
                    weights, Array(other.weights(losses: [1, 1, 1], gram: products)), relative: 1e-7,
                    absolute: 1e-10, what)
                for name in names {
                    let expected = Balanced.sum(
                        try alone.map { try #require($0[name]) },
                        BalancedModels.isShared(name, alone) ? weights : [1, 1, 1])
                    expectClose(
                        try #require(moved[name]), expected, relative: 1e-9, absolute: 1e-13,
                        "\(what), \(name)")
                }
            }
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let method: Balancing
        let tasks: Int

        var testDescription: String { name }
    }

    private static let goldens = [
        Case(name: "upgrad", method: .upGrad.withGradients(of: .parameters), tasks: 3),
        Case(name: "layers", method: .upGrad.withGradients(of: .layers), tasks: 3),
        Case(
            name: "cagrad", method: .caGrad(isRescaled: false).withGradients(of: .parameters), tasks: 2),
        Case(name: "mgda", method: .mgda().withGradients(of: .parameters), tasks: 2),
    ]

    /// Twelve steps of TorchJD's (make_gradient_goldens.py).
    @Test(arguments: goldens) func stepsAreTheReferences(_ one: Case) throws {
        try train(one, Double.self, Golden.Tolerance(relative: 1e-9, absolute: 1e-10))
        try train(one, Float.self, Golden.Tolerance(relative: 1e-5, absolute: 1e-5))
    }

    private func train<Scalar: BLASScalar>(
        _ one: Case, _: Scalar.Type, _ tolerance: Golden.Tolerance
    ) throws {
        let golden = try Golden("gradients_\(one.name)")
        let tasks: [LearningTask] = [
            .binary("a", weight: 2, tower: [.dense(3, .tanh)]), .regression("b", weight: 0.6),
            .binary("c", weight: 2),
        ]
        let model = try MultiTaskModel(
            inputs: 5, embedded: [.single("user")],
            tables: [EmbeddingTable("user", rows: 9, dimension: 3)],
            architecture: SharedBottom(trunk: [.dense(7, .tanh), .dense(4, .gelu)]),
            tasks: Array(tasks.prefix(one.tasks)))
        let rows = try golden.dataset(Scalar.self, for: model)
        let weights = try golden.tensors.values("weights")
        for threads in [1, 3] {
            let trainer = try Trainer<Scalar>(
                model, optimizer: .sgd(learningRate: 0.1), batchSize: 20, balancing: one.method,
                compute: ComputeOptions(threads: threads))
            try golden.begin(trainer)
            for step in 0..<12 {
                try golden.train(trainer, rows, steps: step..<step + 1, tolerance)
                expectClose(
                    trainer.trainingStep.taskWeights,
                    Array(weights[step * one.tasks..<(step + 1) * one.tasks]),
                    relative: 1000 * tolerance.relative, absolute: 100 * tolerance.absolute,
                    "\(one.name), weights of step \(step)")
            }
            try golden.checkEnd(trainer, tolerance)
        }
    }

    /// Nodes leave what their way back reads as it was: with weights that are all 1 several ways back bring what one does, whatever
    /// the architecture. Random labels are not for every loss.
    @Test(
        arguments: EnsembleArchitectures.all.indices.filter { EnsembleArchitectures.all[$0].name != "losses" }
    )
    func waysBackCanBeRepeated(number: Int) throws {
        let model = try EnsembleArchitectures.all[number].model(ensemble: nil)
        let rows = try GradientCheck.dataset(for: model, rows: 90)
        func trainer(_ balancing: Balancing) throws(InputError) -> Trainer<Double> {
            try Trainer(
                model, batchSize: 90, balancing: balancing, seed: 4, compute: ComputeOptions(threads: 2))
        }
        let plainWeights = Balancing.metaBalance(relaxation: 0)
        let refused = failure { _ = try trainer(plainWeights) }
        if refused != nil { return }
        let plain = try trainer(.fixed)
        let (repeated, cut) = (
            try trainer(plainWeights.withGradients(of: .parameters)), try trainer(plainWeights)
        )
        for trainer in [plain, repeated, cut] { try trainer.step(rows, rows: 0..<90) }
        // A task that shares nothing weighs 0 in both.
        let weights = repeated.trainingStep.taskWeights
        #expect(weights == cut.trainingStep.taskWeights)
        for segment in model.layout.segments where segment.isTrained {
            expectClose(
                try repeated.gradient(segment.name), try cut.gradient(segment.name), relative: 1e-10,
                absolute: 1e-13, "\(EnsembleArchitectures.all[number].name), \(segment.name)")
        }
    }

    /// Blocks of parameters in turns: what is shared goes along the weighted sum, of the products of what the turn trains.
    @Test func blocksTakeTurns() throws {
        let model = try MultiTaskModel(
            inputs: 6, trunk: [.dense(7, .tanh), .relu(5)], tasks: SmallProblem.tasks)
        let rows = try SmallProblem.data(Double.self, rows: 150)
        func trainer(_ schedule: Schedule) throws -> Trainer<Double> {
            try Trainer(
                model, schedule: schedule, batchSize: 150,
                balancing: .mgda(.norm).withGradients(of: .layers), seed: 4)
        }
        let (joint, blocks) = (try trainer(.joint), try trainer(.alternating(.batch, trains: .blocks)))
        try joint.step(rows, rows: 0..<150)
        let source = try BatchSource(rows, for: model)
        withExtendedLifetime(source) {
            _ = blocks.trainingStep.step(source.batch(start: 0, rows: 150), turn: 0)
        }
        #expect(blocks.trainingStep.taskProducts == joint.trainingStep.taskProducts)
        for name in ["trunk.0.weight", "trunk.1.bias"] {
            #expect(try blocks.gradient(name) == joint.gradient(name))
        }
    }

    @Test func whatHasNoMeaningIsRefused() throws {
        let model = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            architecture: SharedBottom(trunk: []), tasks: SmallProblem.tasks)
        func found(_ balancing: Balancing) -> InputError? {
            failure { () throws(InputError) in _ = try Trainer<Float>(model, balancing: balancing) }
        }
        #expect(found(.mgda().withGradients(of: .parameters)) == nil)
        let tablesAlone = found(.mgda().withGradients(of: .layers))
        #expect(tablesAlone?.found == "layers beside tasks that share tables alone")
        #expect(tablesAlone?.place == "balancing, gradients")
        let losses = found(.famo().withGradients(of: .layers))
        #expect(losses?.found == "layers of famo, which compares no gradients")
        #expect(found(.autoScale(.lossScale).withGradients(of: .parameters))?.place == "balancing, gradients")
        #expect(
            found(.excessMTL().withGradients(of: .parameters))?.found.contains("a shift of what the shared")
                == true)
    }
}
