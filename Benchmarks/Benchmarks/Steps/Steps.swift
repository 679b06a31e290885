import Benchmark
import MTLEngine

/// A trainer and rows for it, made once; every run is one training step through the public API.
struct Step {
    let trainer: Trainer<Float>
    let rows: Dataset<Float>
    let batch: Int

    init(
        inputs: Int, hidden: Int, tasks: Int, batch: Int, schedule: Schedule, backend: MatrixBackend
    ) throws {
        self.batch = batch
        let names = (0..<tasks).map { "task\($0)" }
        let model = try MultiTaskModel(
            inputs: inputs, trunk: [.relu(hidden), .relu(hidden)], tasks: names.map { .regression($0) })
        trainer = try Trainer(
            model, schedule: schedule, batchSize: batch, compute: ComputeOptions(threads: 2, backend: backend)
        )
        var generator = SeededGenerator(seed: 1)
        rows = try Dataset(
            featureNames: (0..<inputs).map { "x\($0)" },
            features: (0..<batch * inputs).map { _ in Float(generator.uniform()) - 0.5 },
            labels: names.map { name in (name, (0..<batch).map { _ in Float(generator.uniform()) }) })
    }

    func callAsFunction() throws { try trainer.step(rows, rows: 0..<batch) }
}

let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput, .peakMemoryResident], warmupIterations: 10,
        maxDuration: .seconds(1))

    for (name, schedule) in [("joint", Schedule.joint), ("alternating", .alternating(.batch))] {
        for (inputs, hidden, tasks, batch) in [
            (100, 64, 3, 32), (100, 64, 3, 256), (100, 64, 3, 4096), (512, 512, 8, 256),
        ] {
            for backend in [MatrixBackend.kernels, .openBLAS] {
                let scale: BenchmarkScalingFactor = batch * hidden > 1 << 16 ? .one : .kilo
                Benchmark(
                    "\(name) \(inputs)-\(hidden)-\(hidden) x\(tasks), batch \(batch), \(backend)",
                    configuration: .init(scalingFactor: scale)
                ) { benchmark, step in
                    for _ in benchmark.scaledIterations { try step() }
                } setup: {
                    try Step(
                        inputs: inputs, hidden: hidden, tasks: tasks, batch: batch, schedule: schedule,
                        backend: backend)
                }
            }
        }
    }
}
