import MTLEngine
import MTLTestSupport
import Testing

/// Fifty steps of every schedule against PyTorch (make_schedule_goldens.py): losses, penalties and weights.
@Suite struct ScheduleGoldenTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let schedule: Schedule
        var optimizer = Optimizer.adam(learningRate: 1e-2)
        var rates = LayerRates()
        var attached: [String: Int] = [:]

        var testDescription: String { name }
    }

    static let cases = [
        Case(
            name: "hierarchy",
            schedule: .hierarchical(
                Hierarchy(levels: [["click"], ["cart", "spend"]], regularization: 0.3, rates: [1, 0.5])),
            optimizer: .adamW(learningRate: 1e-2, weightDecay: 0.05), rates: LayerRates(["trunk.0.*": 0.4]),
            attached: ["click": 1]),
        Case(
            name: "thawing",
            schedule: .hierarchical(Hierarchy(levels: [["click", "cart", "spend"]], unfreezeEvery: 2))),
        Case(
            name: "heads", schedule: .alternating(.steps(3), trains: .heads),
            optimizer: .sgd(learningRate: 0.05, momentum: 0.9, weightDecay: 1e-3)),
        Case(name: "blocks", schedule: .alternating(.batch, trains: .blocks)),
        Case(name: "shuffled", schedule: .alternating(.batch, order: .shuffled)),
        Case(
            name: "proportional",
            schedule: .alternating(.steps(2), order: .proportional(exponent: 1, annealedTo: 0.2))),
        Case(
            name: "rates", schedule: .joint, optimizer: .adamW(learningRate: 1e-2, weightDecay: 0.05),
            rates: LayerRates(["trunk.0.*": 0.15, "trunk.1.*": 0.4, "heads.spend.*": 2])),
    ]

    private static let (batch, batches, steps) = (16, 5, 50)

    private func train<Scalar: BLASScalar>(
        _ one: Case, _: Scalar.Type, _ losses: Golden.Tolerance, _ weights: Golden.Tolerance,
        _ compute: ComputeOptions
    ) throws {
        let golden = try Golden("schedule_" + one.name)
        let model = try MultiTaskModel(
            inputs: 9,
            architecture: SharedBottom(trunk: [.dense(8, .tanh), .dense(6, .gelu)], attached: one.attached),
            tasks: [
                .binary("click", weight: 0.6), .binary("cart", weight: 0.5, tower: [.dense(5, .tanh)]),
                .regression("spend", weight: 0.4),
            ])
        let trainer = try Trainer<Scalar>(
            model, optimizer: one.optimizer, schedule: one.schedule, layerRates: one.rates,
            batchSize: Self.batch, compute: compute)
        try golden.begin(trainer)
        let data = try golden.dataset(Scalar.self, for: model)
        let source = try BatchSource(data, for: model)
        let labelled = try model.tasks.map { try data.labels($0.name).count { !$0.isNaN } }
        let sequence = try TurnSequence(
            trainer.schedulePlan, seed: 0, labelledRows: labelled, epochs: Self.steps / Self.batches)
        var found: [Double] = []
        var penalties: [Double] = []
        var orders: [String] = []
        for step in 0..<Self.steps {
            var row = [0.0, 0, 0]
            penalties.append(0)
            orders.append("")
            let place = step % Self.batches
            sequence.forEachTurn(epoch: step / Self.batches + 1, batch: place, step: step) { turn in
                let rows = source.batch(start: place * Self.batch, rows: Self.batch)
                orders[step] += "\(turn)"
                guard trainer.trainingStep.step(rows, turn: turn) else { return }
                for task in trainer.trainingStep.tasks(of: turn) {
                    let loss = trainer.trainingStep.losses[task]
                    row[task] = loss.isNaN ? 0 : loss
                }
                penalties[step] = trainer.trainingStep.penalties
            }
            found += row
        }
        let place = "\(one.name), \(Scalar.self), \(compute), turns \(orders)"
        expectClose(
            found, try golden.tensors.values("step_losses"), relative: losses.relative,
            absolute: losses.absolute, "losses of \(place)")
        expectClose(
            penalties, try golden.tensors.values("penalties"), relative: losses.relative,
            absolute: losses.absolute, "penalties of \(place)")
        try golden.checkEnd(trainer, weights)
    }

    @Test(arguments: cases) func matchesPyTorch(one: Case) throws {
        let exact = Golden.Tolerance(relative: 1e-10, absolute: 1e-11)
        for compute in ComputeOptions.various {
            try train(one, Double.self, exact, exact.times(100), compute)
            try train(
                one, Float.self, Golden.Tolerance(relative: 1e-5, absolute: 5e-6),
                Golden.Tolerance(relative: 1e-4, absolute: 5e-5), compute)
        }
    }
}
