import ArgumentParser
import MTLEngine
import Terminal

struct ArchitecturesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "architectures",
        abstract: "The training step of every way of sharing, per floating-point operation of its products.")

    @Option(help: "Features.")
    var inputs = 100

    @Option(help: "Numbers of tasks.")
    var tasks = 3

    @Option(help: "Batch sizes.")
    var batch = CommaList([256, 4096])

    @Option(help: "Instead, STAR with these numbers of scenarios on the same rows: 2,10,100.")
    var scenarios: CommaList<Int>?

    @Option(help: "Only models whose name holds this, beside the first.")
    var only = ""

    @Flag(help: "SGD without momentum in the place of Adam.")
    var sgd = false

    @OptionGroup var compute: ComputeArguments

    @Option(help: "Seconds of measurement for each batch size.")
    var seconds = 3.0

    func validate() throws {
        try requirePositive([inputs], option: "inputs")
        try requirePositive(scenarios?.values ?? [], option: "scenarios")
        try requirePositive([tasks], option: "tasks")
        try requirePositive(batch.values, option: "batch")
        try requirePositive([seconds], option: "seconds")
    }

    func run() throws {
        var rows: [[String]] = []
        for size in batch.values {
            let all = try scenarios.map { try stars($0.values) } ?? models()
            let chosen = all[..<1] + all[1...].filter { only.isEmpty || $0.name.contains(only) }
            let works = try chosen.map {
                try ArchitectureWorkload(
                    $0.name, $0.model, batch: size,
                    optimizer: sgd ? .sgd(learningRate: 1e-3) : .adam(learningRate: 1e-3),
                    compute: compute.options)
            }
            // All models in turn, so that all see the same machine.
            let slices = 15
            var times = works.map { _ in [Double]() }
            let counts = works.map { $0.stepsFor(seconds: seconds / Double(slices * works.count)) }
            for _ in 0..<slices {
                for (index, work) in works.enumerated() {
                    let start = ContinuousClock().now
                    work.run(steps: counts[index])
                    times[index].append(
                        ContinuousClock().now.seconds(since: start) / Double(counts[index]))
                }
            }
            let shared = median(times[0]) / works[0].operationsPerStep
            for (index, work) in works.enumerated() {
                let time = median(times[index])
                rows.append([
                    work.name, "\(size)", (Double(size) / time).abbreviated,
                    (work.operationsPerStep / time / 1e9).decimals(1),
                    (time / work.operationsPerStep / shared).decimals(2),
                ])
            }
        }
        try printTable(
            [
                "model", "batch", "samples/s", "GFLOP/s",
                "time per FLOP / \(scenarios == nil ? "shared bottom" : "first row")'s",
            ], rows)
    }

    /// Star layers alone, so that nothing but their number of scenarios differs, and with all their parts.
    private func stars(_ counts: [Int]) throws -> [(name: String, model: MultiTaskModel)] {
        let heads = (0..<tasks).map { LearningTask.regression("task\($0)", weight: 1 / Double(tasks)) }
        let trunk: [HiddenLayer] = [.relu(64), .relu(64)]
        func star(_ count: Int, _ architecture: some Architecture) throws -> MultiTaskModel {
            try MultiTaskModel(inputs: inputs, scenarios: count, architecture: architecture, tasks: heads)
        }
        return try counts.map {
            (
                "star layers 64-64, \($0) scenarios",
                try star($0, STAR(layers: trunk, normalizes: false, scenarioWidth: 0))
            )
        } + counts.map { ("STAR 64-64, \($0) scenarios", try star($0, STAR(layers: trunk))) }
    }

    private func models() throws -> [(name: String, model: MultiTaskModel)] {
        let heads = (0..<tasks).map { LearningTask.regression("task\($0)", weight: 1 / Double(tasks)) }
        func graph(_ architecture: some Architecture) throws -> MultiTaskModel {
            try MultiTaskModel(inputs: inputs, architecture: architecture, tasks: heads)
        }
        let trunk: [HiddenLayer] = [.relu(64), .relu(64)]
        return [
            ("shared bottom 64-64", try graph(SharedBottom(trunk: trunk))),
            ("shared bottom 256-256", try graph(SharedBottom(trunk: [.relu(256), .relu(256)]))),
            ("separate 64-64", try graph(SeparateNetworks(layers: trunk))),
            ("MMoE, 8 experts 64-64", try graph(MMoE(experts: 8, layers: trunk))),
            ("PLE, 2 own, 2 shared, 64-64", try graph(PLE.cgc(own: 2, shared: 2, layers: trunk))),
            (
                "PLE, 2 levels, 1 own, 2 shared, 64",
                try graph(
                    PLE(
                        levels: [PLE.Level](
                            repeating: PLE.Level(own: 1, shared: 2, layers: [.relu(64)]), count: 2)))
            ),
            ("cross-stitch 64-64", try graph(CrossStitch(layers: trunk))),
        ]
    }
}

/// A training step of any model on random numbers.
private struct ArchitectureWorkload {
    let name: String
    let batch: Int
    let operationsPerStep: Double
    private let trainer: Trainer<Float>
    private let source: BatchSource<Float>

    init(
        _ name: String, _ model: MultiTaskModel, batch: Int, optimizer: Optimizer, compute: ComputeOptions
    ) throws {
        self.name = name
        self.batch = batch
        operationsPerStep = Double(model.plan.productOperationsPerRow(model.tasks) * batch)
        trainer = try Trainer(model, optimizer: optimizer, batchSize: batch, compute: compute)
        var generator = SeededGenerator(seed: 1)
        let dataset = try Dataset<Float>(
            rowCount: 4 * batch, featureNames: (0..<model.inputs).map { "x\($0)" },
            labelNames: model.tasks.map(\.name),
            scenarios: (0..<4 * batch).map { Int32($0 * 7919 % model.scenarios) }
        ) { x, y in
            for index in x.indices { x[index] = Float(generator.uniform()) - 0.5 }
            for index in y.indices { y[index] = Float(generator.uniform()) - 0.5 }
        }
        source = try BatchSource(dataset, for: model)
    }

    func run(steps count: Int) {
        for step in 0..<count { trainer.step(source.batch(start: step % 4 * batch, rows: batch)) }
    }

    /// Steps for about this long.
    func stepsFor(seconds: Double) -> Int {
        run(steps: 3)
        let start = ContinuousClock().now
        run(steps: 5)
        return max(1, Int(5 * seconds / ContinuousClock().now.seconds(since: start)))
    }
}
