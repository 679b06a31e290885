import MTLEngine
import MTLTestSupport
import Testing

/// The engine's step against a plain text of it: every turn, row weights, missing labels, tables that are projected or looked up,
/// no trunk, one chunk and several.
@Suite struct StepOracleTests {
    static let tasks: [LearningTask] = [
        .binary("a", weight: 0.7, tower: [.dense(5, .tanh)]), .regression("b", weight: 1.3),
        .multiclass("c", classes: 3, weight: 0.4, tower: [.dense(5, .gelu)]),
        .binary("d", weight: 0.9, tower: [.dense(5, .tanh)]), .regression("e", huberDelta: 0.5, weight: 0.9),
    ]
    static let tables = [
        EmbeddingTable("user", rows: 9, dimension: 3), EmbeddingTable("item", rows: 90, dimension: 5),
        EmbeddingTable("tag", rows: 7, dimension: 2),
    ]
    /// "user" is small enough to be projected, "item" is not, and a bag never is; two features share "user".
    static let embedded: [EmbeddedFeature] = [
        .single("user"), .single("item"), .bag("tags", table: "tag", pooling: .mean, maximumCount: 3),
        .single("friend", table: "user"),
    ]

    private func rows(_ count: Int, weighted: Bool) -> [StepOracle.Row] {
        var generator = SeededGenerator(seed: 31)
        return (0..<count).map { row in
            StepOracle.Row(
                dense: (0..<4).map { _ in generator.normal() },
                ids: [
                    [generator.below(9)], [generator.below(90)],
                    (0..<generator.below(4)).map { _ in generator.below(7) }, [generator.below(9)],
                ],
                labels: Self.tasks.enumerated().map { index, task in
                    if (row + index) % 4 == 1 { return .nan }
                    return switch task.kind {
                    case .binary: Double(generator.below(2))
                    case .multiclass(let classes): Double(generator.below(classes))
                    default: generator.normal()
                    }
                }, weight: weighted ? Double(row % 3) / 2 + 0.25 : 1)
        }
    }

    private func dataset(_ rows: [StepOracle.Row], embedded: Bool, weighted: Bool) throws -> Dataset<Double> {
        try Dataset(
            featureNames: (0..<4).map { "x\($0)" }, features: rows.flatMap(\.dense),
            ids: embedded
                ? [
                    IDColumn("user", ids: rows.map { Int32($0.ids[0][0]) }),
                    IDColumn("item", ids: rows.map { Int32($0.ids[1][0]) }),
                    IDColumn("tags", bags: rows.map { $0.ids[2].map { Int32($0) } }),
                    IDColumn("friend", ids: rows.map { Int32($0.ids[3][0]) }),
                ] : [],
            labels: Self.tasks.enumerated().map { index, task in (task.name, rows.map { $0.labels[index] }) },
            weights: weighted ? rows.map(\.weight) : nil)
    }

    struct Setting: CustomTestStringConvertible, Sendable {
        var trunk: [HiddenLayer]
        var tasks = StepOracleTests.tasks
        var isSliced = false
        var embedded = true
        var schedule = Schedule.joint
        var batch = 40
        var weighted = false
        /// Smoothed labels, a rule of the tables' own with a decay of rows, a rate that changes, and an average.
        var hasExtras = false
        var compute = ComputeOptions()

        var testDescription: String {
            "\(trunk.count) layers, \(isSliced ? "sliced, " : "")\(embedded ? "tables, " : "")\(hasExtras ? "extras, " : "")\(schedule), batch \(batch), \(compute.backend), \(compute.threads)"
        }
    }

    static let settings: [Setting] = {
        let trunks: [[HiddenLayer]] = [
            [.relu(17), .dense(9, .gelu)], [.dense(12, .sigmoid)],
            [.dense(12, .leakyReLU), .dense(5, .silu)], [],
        ]
        let smoothed = Self.tasks.map { task in
            let isClassified = task.name != "b" && task.name != "e"
            return LearningTask(
                task.name, kind: task.kind, weight: task.weight, tower: task.tower,
                smoothing: isClassified ? 0.2 : 0)
        }
        var result: [Setting] = []
        for backend in [MatrixBackend.kernels, .openBLAS] {
            for (number, schedule) in [Schedule.joint, .alternating(.batch)].enumerated() {
                for trunk in trunks {
                    result.append(
                        Setting(
                            trunk: trunk, schedule: schedule, weighted: trunk.count == 1,
                            compute: ComputeOptions(threads: 1 + number, backend: backend)))
                }
            }
            for schedule in [Schedule.joint, .alternating(.batch)] {
                for (embedded, trunk) in [(true, trunks[0]), (true, []), (false, [.relu(64), .relu(64)])] {
                    result.append(
                        Setting(
                            trunk: trunk, tasks: smoothed, embedded: embedded, schedule: schedule, batch: 25,
                            weighted: trunk.isEmpty, hasExtras: true,
                            compute: ComputeOptions(threads: 2, backend: backend)))
                }
            }
            // Sums over shards, several chunks, a layer that is wide.
            result.append(
                Setting(
                    trunk: trunks[0], embedded: false, batch: 300,
                    compute: ComputeOptions(threads: 2, backend: backend)))
            result.append(
                Setting(trunk: trunks[0], batch: 1100, compute: ComputeOptions(threads: 3, backend: backend)))
            result.append(
                Setting(
                    trunk: [.relu(190), .relu(180)], embedded: false, batch: 30,
                    compute: ComputeOptions(threads: 2, backend: backend)))
        }
        // Units shared out instead of rows, under every activation.
        let plain = Self.tasks.map { LearningTask($0.name, kind: $0.kind, weight: $0.weight) }
        for threads in [1, 2, 3] {
            for (number, schedule) in [Schedule.joint, .alternating(.batch)].enumerated() {
                for trunk in [
                    [HiddenLayer.relu(64), .relu(64)], [.dense(48, .tanh), .dense(72, .gelu)],
                    [.dense(64, .gelu), .dense(80, .sigmoid)], [.dense(64, .silu), .dense(72, .leakyReLU)],
                ] {
                    result.append(
                        Setting(
                            trunk: trunk, tasks: plain, isSliced: true, embedded: false, schedule: schedule,
                            batch: 21 + threads, weighted: number == 1,
                            compute: ComputeOptions(threads: threads, backend: .kernels)))
                }
            }
        }
        return result
    }()

    @Test(arguments: settings)
    func stepIsItsPlainText(setting: Setting) throws {
        let model = try MultiTaskModel(
            inputs: 4, embedded: setting.embedded ? Self.embedded : [],
            tables: setting.embedded ? Self.tables : [],
            trunk: setting.trunk, tasks: setting.tasks)
        let trainer = try Trainer<Double>(
            model, optimizer: .adamW(learningRate: 1e-2, weightDecay: 0.1),
            tableOptimizer: setting.hasExtras && setting.embedded
                ? .rowAdagrad(learningRate: 0.05).withRowDecay(0.2) : nil, schedule: setting.schedule,
            batchSize: setting.batch, averaging: setting.hasExtras ? 0.7 : nil, seed: 4,
            compute: setting.compute)
        #expect(trainer.trainingStep.isSliced == setting.isSliced)
        var oracle = try StepOracle(
            trainer, trunk: setting.trunk, learningRate: 1e-2, decay: 0.1,
            extras: setting.hasExtras
                ? StepOracle.Extras(rowAdagrad: 0.05, rowDecay: 0.2, averaging: 0.7) : StepOracle.Extras())
        let batches = setting.batch > 500 ? 1 : 3
        let all = rows(setting.batch * batches, weighted: setting.weighted).map { row in
            setting.embedded
                ? row : StepOracle.Row(dense: row.dense, ids: [], labels: row.labels, weight: row.weight)
        }
        let data = try dataset(all, embedded: setting.embedded, weighted: setting.weighted)
        for number in 0..<batches {
            let range = number * setting.batch..<(number + 1) * setting.batch
            if setting.hasExtras {
                trainer.trainingStep.rateFactor = 1 / Double(1 + number)
                oracle.rateFactor = 1 / Double(1 + number)
            }
            var expected: [Double] = []
            if setting.schedule == .joint {
                expected = oracle.step(Array(all[range]))
            } else {
                for task in Self.tasks.indices { expected += oracle.step(Array(all[range]), task: task) }
            }
            expectClose(
                try trainer.step(data, rows: range), expected, relative: 1e-10, absolute: 1e-10,
                "losses of step \(number)")
            guard setting.schedule == .joint else { continue }
            for segment in model.layout.segments {
                expectClose(
                    try trainer.gradient(segment.name), oracle[segment.name]?.gradient ?? [], relative: 1e-10,
                    absolute: 1e-10, "gradient of \(segment.name), step \(number)")
            }
        }
        if let average = trainer.averagedParameters {
            for segment in model.layout.segments {
                let found = average.withUnsafeBufferPointer { buffer in
                    buffer.baseAddress.map { model.layout.read(segment, from: $0) } ?? []
                }
                expectClose(
                    found, oracle.averages[segment.name] ?? [], relative: 1e-8, absolute: 1e-8,
                    "average of \(segment.name)")
            }
        }
        #expect((trainer.averagedParameters != nil) == setting.hasExtras)
        // Parameters that a step keeps to itself are the same ones that predict.
        let copy = try Predictor<Double>(model, parameters: trainer.parameters)
        for task in setting.tasks {
            expectClose(
                try trainer.predict(data).values(task.name), try copy.predict(data).values(task.name),
                absolute: 1e-13, "predictions of \(task.name)")
        }
        for segment in model.layout.segments {
            expectClose(
                try trainer.parameter(segment.name), oracle[segment.name]?.values ?? [], relative: 1e-8,
                absolute: 1e-8, segment.name)
        }
    }
}
