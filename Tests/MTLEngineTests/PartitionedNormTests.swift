import MTLEngine
import MTLTestSupport
import Testing

/// Laws of partitioned normalisation, and of the decay of factors.
@Suite struct PartitionedNormTests {
    private func trainer(
        momentum: Double = 0.1, optimizer: Optimizer = .sgd(learningRate: 1e-3)
    ) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(
                inputs: 6, scenarios: 2,
                architecture: Probe { graph in
                    let h = graph.batchNorm(
                        graph.features, isPartitioned: true, name: "norm", momentum: momentum)
                    return graph.heads(graph.tasks.map { _ in h })
                }, tasks: SmallProblem.tasks), optimizer: optimizer, batchSize: 100, seed: 3)
    }

    private func data(_ scenario: @escaping (Int) -> Int) throws -> Dataset<Double> {
        try SmallProblem.data(Double.self, rows: 300, scenarios: 2, scenario: scenario)
    }

    private func column(_ data: Dataset<Double>, _ rows: [Int]) -> (mean: Double, variance: Double) {
        let values = rows.map { data.features(row: $0)[0] }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, squares / Double(values.count))
    }

    /// Of large batches the moving statistics are PyTorch's, without what they began with: divided by 1 - .9ⁿ.
    @Test func statisticsBeginAsTheFirstBatchs() throws {
        let data = try data { _ in 0 }
        let trainer = try trainer()
        var (mean, weight) = (0.0, 0.0)
        for step in 0..<3 {
            try trainer.step(data, rows: step * 100..<(step + 1) * 100)
            mean = 0.9 * mean + 0.1 * column(data, Array(step * 100..<(step + 1) * 100)).mean
            weight = 0.9 * weight + 0.1
            #expect(abs(try trainer.parameter("norm.0.running_mean")[0] - mean / weight) < 1e-12)
        }
        #expect(try trainer.parameter("norm.0.num_batches_tracked") == [3])
        // The other scenario has seen nothing.
        #expect(try trainer.parameter("norm.1.running_mean").allSatisfy { $0 == 0 })
        #expect(try trainer.parameter("norm.1.num_batches_tracked") == [0])
    }

    /// Rows one by one come to the statistics of all of them, where nothing is forgotten.
    @Test func fewRowsAddUpToTheirOwnStatistics() throws {
        // With next to no momentum all rows weigh alike.
        let trainer = try trainer(momentum: 1e-9)
        let small: [Int] = (0..<3).flatMap { step in (0..<2).map { step * 100 + 7 + 40 * $0 } }
        let data = try data { small.contains($0) ? 1 : 0 }
        for step in 0..<3 { try trainer.step(data, rows: step * 100..<(step + 1) * 100) }
        let expected = column(data, small)
        #expect(abs(try trainer.parameter("norm.1.running_mean")[0] - expected.mean) < 1e-6)
        #expect(abs(try trainer.parameter("norm.1.running_var")[0] - expected.variance) < 1e-6)
        #expect(abs(try trainer.parameter("norm.1.num_batches_tracked")[0] - 6 / 32) < 1e-12)
    }

    /// A scenario's single row is told from another one in training, as it is in prediction: by the moving statistics.
    @Test func aSingleRowKeepsWhatItSays() throws {
        let trainer = try trainer(optimizer: .sgd(learningRate: 1e-3))
        try trainer.step(data { _ in 1 }, rows: 0..<100)
        let single = try data { $0 == 3 ? 1 : 0 }
        let answers = try trainer.predict(single).values("b")
        let label = try single.labels("b")[3]
        // Of all rows but one the label of b is missing, so its loss is that of the row.
        let alone = try SmallProblem.data(
            Double.self, rows: 300, scenarios: 2, scenario: { $0 == 3 ? 1 : 0 },
            labelled: { row, task in task != 1 || row == 3 })
        let loss = try trainer.stepWithoutUpdate(alone, rows: 0..<100)[1]
        #expect(abs(loss - (answers[3] - label) * (answers[3] - label)) < 1e-12)
    }

    @Test func gradientsThroughMovingStatistics() throws {
        let trainer = try trainer()
        for step in 0..<3 { try trainer.step(data { $0 % 2 }, rows: step * 100..<(step + 1) * 100) }
        let few = try data { $0 % 20 == 0 ? 1 : 0 }
        let point = trainer.parameters
        func loss(_ parameters: [Double]) throws -> Double {
            trainer.parameters = parameters
            let losses = try trainer.stepWithoutUpdate(few, rows: 0..<100)
            return zip(SmallProblem.tasks, losses).reduce(0) { $0 + $1.0.weight * $1.1 }
        }
        _ = try loss(point)
        var analytic = [Double](repeating: 0, count: point.count)
        var skips = Set(point.indices)
        for segment in trainer.model.layout.segments where segment.isTrained {
            let gradient = try trainer.gradient(segment.name)
            try analytic.withUnsafeMutableBufferPointer { buffer in
                try trainer.model.layout.write(gradient, to: segment, of: #require(buffer.baseAddress))
            }
            skips.subtract(segment.offset..<segment.offset + segment.count)
        }
        let error = try GradientCheck.relativeError(of: analytic, at: point, skips: skips, loss: loss)
        #expect(error < GradientCheck.tolerance)
    }

    // MARK: Blocks

    /// Two blocks of three columns, of which tasks read some.
    private func blocks(
        _ columns: [[Int]], schedule: Schedule = .joint, threads: Int = 1
    ) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(
                inputs: 6, scenarios: 2,
                architecture: Probe { graph in
                    let h = graph.batchNorm(graph.features, isPartitioned: true, names: ["one", "two"])
                    return graph.heads(
                        columns.map { some in
                            some.isEmpty
                                ? graph.inWorkspace(graph.features)
                                : graph.concatenate(some.map { h.columns($0..<$0 + 1) })
                        })
                }, tasks: SmallProblem.tasks), optimizer: .sgd(learningRate: 1e-3), schedule: schedule,
            batchSize: 100, seed: 3, compute: ComputeOptions(threads: threads))
    }

    /// A block of which only the outer columns are read is still one block.
    @Test(arguments: [1, 2, 4]) func aBlockCountsItsBatchesOnce(threads: Int) throws {
        let trainer = try blocks([[0, 2], [0, 2], [3, 5]], threads: threads)
        let data = try data { _ in 0 }
        for step in 0..<3 { try trainer.step(data, rows: step * 100..<(step + 1) * 100) }
        for name in ["one", "two"] {
            #expect(try trainer.parameter("\(name).0.num_batches_tracked") == [3])
        }
        let whole = try blocks([[0, 1, 2], [0, 1, 2], [3, 4, 5]])
        for step in 0..<3 { try whole.step(data, rows: step * 100..<(step + 1) * 100) }
        for (name, column) in [("one", 0), ("one", 2), ("two", 0), ("two", 2)] {
            let statistic = "\(name).0.running_mean"
            #expect(try trainer.parameter(statistic)[column] == whole.parameter(statistic)[column])
        }
    }

    /// A block that other turns do not reach counts its own batches, where it runs beside another one too.
    @Test func neighboursCountApart() throws {
        let trainer = try blocks([[0, 1, 2], [0, 1, 2, 3, 4, 5], []], schedule: .alternating(.batch))
        let data = try data { _ in 0 }
        let source = try BatchSource(data, for: trainer.model)
        for turn in [0, 0, 1] {
            trainer.trainingStep.step(source.batch(start: 0, rows: 100), turn: turn)
        }
        #expect(try trainer.parameter("one.0.num_batches_tracked") == [3])
        #expect(try trainer.parameter("two.0.num_batches_tracked") == [1])
        // The first batch of a block is all of its statistics.
        let mean = (0..<100).reduce(0) { $0 + data.features(row: $1)[3] } / 100
        #expect(abs(try trainer.parameter("two.0.running_mean")[0] - mean) < 1e-12)
    }

    // MARK: Decay

    /// What the decay takes of each parameter in a step, beside what the loss does.
    private func decayed(_ architecture: some Architecture, _ optimizer: (Double) -> Optimizer) throws
        -> [String: [Double]]
    {
        let model = try MultiTaskModel(
            inputs: 6, scenarios: 2, architecture: architecture, tasks: SmallProblem.tasks)
        let data = try data { $0 % 2 }
        let trainers = try [0.0, 0.5].map { decay in
            let trainer = try Trainer<Double>(model, optimizer: optimizer(decay), batchSize: 100, seed: 3)
            for segment in model.layout.segments where segment.name.hasSuffix(".0.weight") {
                try trainer.setParameter(segment.name, to: [Double](repeating: 1.25, count: segment.count))
            }
            try trainer.step(data, rows: 0..<100)
            return trainer
        }
        var result: [String: [Double]] = [:]
        for segment in model.layout.segments where segment.isTrained {
            result[segment.name] = zip(
                try trainers[0].parameter(segment.name), try trainers[1].parameter(segment.name)
            ).map { $0 - $1 }
        }
        return result
    }

    @Test func factorsDecayToOne() throws {
        let optimizers: [(Double) -> Optimizer] = [
            { .sgd(learningRate: 0.1, weightDecay: $0) }, { .adamW(learningRate: 0.1, weightDecay: $0) },
        ]
        let star = STAR(layers: [.dense(5, .tanh)], scenarioWidth: 0)
        for optimizer in optimizers {
            let taken = try decayed(star, optimizer)
            for name in ["star.0.0.weight", "norm.0.weight", "heads.b.0.0.weight"] {
                expectClose(
                    try #require(taken[name]),
                    [Double](repeating: 0.05 * 0.25, count: taken[name]?.count ?? 0),
                    absolute: 1e-12, name)
            }
            // Those at 1 stay; shared weights decay to 0, as ever.
            for name in ["star.0.1.weight", "norm.1.weight", "heads.a.1.1.weight"] {
                #expect(try #require(taken[name]).allSatisfy { abs($0) < 1e-12 }, "\(name)")
            }
            #expect(try #require(taken["star.0.shared.weight"]).allSatisfy { abs($0) > 1e-6 })
        }
        let affine = try decayed(SARNet(layers: [.dense(4, .tanh)]), optimizers[0])
        #expect(try #require(affine["transform.1.weight"]).allSatisfy { abs($0) < 1e-12 })
    }
}
