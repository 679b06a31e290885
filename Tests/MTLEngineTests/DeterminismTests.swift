import MTLEngine
import Testing

@Suite struct DeterminismTests {
    private func weights(
        threads: Int, backend: MatrixBackend, schedule: Schedule, batch: Int = 200, seed: UInt64 = 5,
        steps: Int = 100
    ) throws -> (parameters: [UInt32], losses: [Double]) {
        let model = try MultiTaskModel(
            inputs: 37, trunk: [.relu(64), .dense(48, .gelu)],
            tasks: [
                .binary("a"), .multiclass("b", classes: 5, tower: [.relu(16)]),
                .regression("c", huberDelta: 1),
                .binary("d", tower: [.relu(16)]),
                LearningTask("e", kind: .binary, classWeights: [1, 5], focusing: 2),
                LearningTask("f", kind: .zeroInflatedLognormal),
                LearningTask("g", kind: .ordinal(classes: 3)),
                LearningTask("h", kind: .tweedie(power: 1.5), labelScale: LabelScale(shift: 0, scale: 3)),
            ])
        var generator = SeededGenerator(seed: 11)
        let rows = 2000
        let data = try Dataset<Float>(
            featureNames: (0..<37).map { "x\($0)" },
            features: (0..<rows * 37).map { _ in Float(generator.normal()) },
            labels: model.tasks.map { task in
                (task.name, (0..<rows).map { $0 % 5 == 0 ? .nan : Float($0 % 2) })
            })
        let trainer = try Trainer<Float>(
            model, schedule: schedule, batchSize: batch, seed: seed,
            compute: ComputeOptions(threads: threads, backend: backend))
        let report = try trainer.fit(data, until: StoppingRule(epochs: 100, steps: steps, patience: nil))
        return (trainer.parameters.map(\.bitPattern), report.epochs.flatMap(\.trainingLosses))
    }

    @Test(arguments: [MatrixBackend.kernels, .openBLAS], [Schedule.joint, .alternating(.batch)])
    func sameBitsForTheSameSeedAndAnyThreads(backend: MatrixBackend, schedule: Schedule) throws {
        let first = try weights(threads: 1, backend: backend, schedule: schedule)
        for threads in [1, 2, 3, 4] {
            let again = try weights(threads: threads, backend: backend, schedule: schedule)
            #expect(first.parameters == again.parameters, "\(threads) threads")
            #expect(first.losses == again.losses, "\(threads) threads")
        }
    }

    /// Batches too small to be halved, and batches of several chunks with a shorter last one.
    @Test(arguments: [30, 1900], [Schedule.joint, .alternating(.batch)])
    func sameBitsForAnyBatchSize(batch: Int, schedule: Schedule) throws {
        let first = try weights(threads: 1, backend: .kernels, schedule: schedule, batch: batch, steps: 20)
        for threads in [2, 3, 4] {
            let again = try weights(
                threads: threads, backend: .kernels, schedule: schedule, batch: batch, steps: 20)
            #expect(first.parameters == again.parameters, "\(threads) threads")
            #expect(first.losses == again.losses, "\(threads) threads")
        }
    }

    // MARK: Any model

    static let models = [
        "sliced", "mmoe", "tables", "projected experts", "gated experts", "scenarios", "wide",
        "ensemble", "ensemble by scenario", "slopes", "transformer",
    ]

    private func model(_ name: String) throws -> MultiTaskModel {
        let tasks: [LearningTask] = [
            .binary("a"), .multiclass("b", classes: 5, tower: [.relu(16)]), .regression("c", huberDelta: 1),
            .binary("d", tower: [.relu(16)]),
        ]
        let tables = [
            EmbeddingTable("user", rows: 9, dimension: 3), EmbeddingTable("item", rows: 700, dimension: 16),
        ]
        let embedded: [EmbeddedFeature] = [
            .single("user"), .single("item"),
            name == "transformer"
                ? .sequence("history", table: "item", maximumCount: 4)
                : .bag("history", table: "item", pooling: .sum, maximumCount: 4),
        ]
        func build(
            _ architecture: some Architecture, embeds: Bool, scenarios: Int = 1,
            layers: [any FeatureLayer] = [], ensemble: Int? = nil
        ) throws -> MultiTaskModel {
            try MultiTaskModel(
                inputs: 37, embedded: embeds ? embedded : [], tables: embeds ? tables : [],
                scenarios: scenarios, featureLayers: layers, architecture: architecture, tasks: tasks,
                ensemble: ensemble)
        }
        return switch name {
        case "sliced":
            try MultiTaskModel(
                inputs: 37, trunk: [.relu(64), .dense(96, .gelu)],
                tasks: tasks.map { LearningTask($0.name, kind: $0.kind) })
        case "mmoe": try build(MMoE(experts: 3, layers: [.relu(24), .dense(16, .tanh)]), embeds: false)
        case "tables": try build(SharedBottom(trunk: [.relu(64), .dense(48, .gelu)]), embeds: true)
        case "projected experts": try build(MMoE(experts: 8, layers: [.relu(24)]), embeds: true)
        case "gated experts":
            try build(MMoE(experts: 8, layers: [.relu(24)]), embeds: true, layers: [FieldGate()])
        case "scenarios":
            try build(STAR(layers: [.relu(24), .relu(16)]), embeds: true, scenarios: 3)
        case "ensemble":
            try build(
                MMoE(experts: 3, layers: [.dense(24, .relu, dropout: 0.2)]), embeds: true,
                layers: [FieldGate()], ensemble: 3)
        case "ensemble by scenario":
            try build(STAR(layers: [.relu(24), .relu(16)]), embeds: true, scenarios: 3, ensemble: 3)
        case "slopes": try build(SharedBottom(trunk: [.dense(64, .prelu), .dense(48, .dice)]), embeds: true)
        case "transformer":
            try build(
                SharedBottom(trunk: [.relu(64)]), embeds: true,
                layers: [TransformerEncoder(sequences: ["history"], candidates: ["item"], dropout: 0.1)])
        default: try build(SharedBottom(trunk: [.relu(512), .relu(160)]), embeds: false)
        }
    }

    /// Every way in which a step is cut: over a chunk's rows, over shards, with projected tables, by scenario.
    @Test(arguments: models, [30, 200, 1900])
    func sameBitsForAnyModel(name: String, batch: Int) throws {
        let model = try model(name)
        var generator = SeededGenerator(seed: 12)
        let rows = batch + batch / 2 + 11
        func ids(_ below: Int) -> Int32 { Int32(generator.below(below)) }
        let data = try Dataset<Float>(
            featureNames: (0..<37).map { "x\($0)" },
            features: (0..<rows * 37).map { _ in Float(generator.normal()) },
            ids: model.embedded.isEmpty
                ? []
                : [
                    IDColumn("user", ids: (0..<rows).map { _ in ids(9) }),
                    IDColumn("item", ids: (0..<rows).map { _ in ids(700) }),
                    IDColumn("history", bags: (0..<rows).map { row in (0..<row % 5).map { _ in ids(700) } }),
                ],
            labels: model.tasks.map { task in
                (task.name, (0..<rows).map { $0 % 5 == 0 ? .nan : Float($0 % 2) })
            }, scenarios: (0..<rows).map { Int32($0 % model.scenarios) })
        for schedule in [Schedule.joint, .alternating(.batch)] {
            for backend in [MatrixBackend.kernels, .openBLAS] {
                var first: [UInt32]?
                // An average keeps parameters whole, and tables may have a rule of their own.
                let averages = batch == 1900 && backend == .kernels
                for threads in [1, 2, 3, 4] {
                    let trainer = try Trainer<Float>(
                        model,
                        tableOptimizer: averages && !model.tables.isEmpty
                            ? (schedule == .joint ? .rowAdagrad().withRowDecay(1e-3) : .ftrl()) : nil,
                        schedule: schedule, batchSize: batch,
                        clipping: batch == 200 ? .norm(1) : .none, averaging: averages ? 0.9 : nil, seed: 5,
                        compute: ComputeOptions(threads: threads, backend: backend))
                    #expect(
                        trainer.trainingStep.isSliced
                            == (["sliced", "wide"].contains(name) && batch == 30
                                && trainer.store.product.backend == .kernels))
                    try trainer.fit(data, until: StoppingRule(epochs: 2, steps: 3, patience: nil))
                    #expect((trainer.averagedParameters != nil) == averages)
                    let bits = (trainer.parameters + (trainer.averagedParameters ?? [])).map(\.bitPattern)
                    #expect(first ?? bits == bits, "\(schedule), \(backend), \(threads) threads")
                    first = first ?? bits
                }
            }
        }
    }

    /// Turns that freeze, hold and thaw; with clipping, and without.
    @Test(arguments: ["tables", "projected experts", "scenarios", "ensemble"], [30, 200])
    func sameBitsForAnySchedule(name: String, batch: Int) throws {
        let model = try model(name)
        let rows = batch * 3
        var generator = SeededGenerator(seed: 13)
        func ids(_ below: Int) -> Int32 { Int32(generator.below(below)) }
        let data = try Dataset<Float>(
            featureNames: (0..<37).map { "x\($0)" },
            features: (0..<rows * 37).map { _ in Float(generator.normal()) },
            ids: [
                IDColumn("user", ids: (0..<rows).map { _ in ids(9) }),
                IDColumn("item", ids: (0..<rows).map { _ in ids(700) }),
                IDColumn("history", bags: (0..<rows).map { row in (0..<row % 5).map { _ in ids(700) } }),
            ],
            labels: model.tasks.map { task in
                (task.name, (0..<rows).map { $0 % 5 == 0 ? .nan : Float($0 % 2) })
            }, scenarios: (0..<rows).map { Int32($0 % model.scenarios) })
        let levels = [["a"], ["c", "b", "d"]]
        for schedule in [
            Schedule.alternating(.batch, order: .shuffled, trains: .heads),
            .alternating(.batch, trains: .blocks),
            .hierarchical(Hierarchy(levels: levels, turns: .steps(2), regularization: 0.2)),
            .hierarchical(Hierarchy(levels: levels, unfreezeEvery: 1, rates: [1, 0.5])),
        ] {
            for backend in [MatrixBackend.kernels, .openBLAS] {
                var first: [UInt32]?
                for threads in [1, 2, 3] {
                    let trainer = try Trainer<Float>(
                        model, schedule: schedule, layerRates: LayerRates(["heads.*": 0.7]), batchSize: batch,
                        clipping: batch == 200 ? .norm(1) : .none, seed: 5,
                        compute: ComputeOptions(threads: threads, backend: backend))
                    try trainer.fit(data, until: StoppingRule(epochs: 8, patience: nil))
                    let bits = trainer.parameters.map(\.bitPattern)
                    #expect(first ?? bits == bits, "\(schedule), \(backend), \(threads) threads")
                    first = first ?? bits
                }
            }
        }
    }

    @Test func anotherSeedGivesOtherBits() throws {
        let first = try weights(threads: 1, backend: .kernels, schedule: .joint, steps: 2)
        let other = try weights(threads: 1, backend: .kernels, schedule: .joint, seed: 6, steps: 2)
        #expect(first.parameters != other.parameters)
    }

    /// Shards of another height or another place change no bit of a row's prediction.
    @Test func aRowsPredictionDoesNotDependOnItsNeighbours() throws {
        let model = try MultiTaskModel(inputs: 9, trunk: [.relu(33)], tasks: [.binary("a"), .binary("b")])
        var generator = SeededGenerator(seed: 2)
        let x = (0..<300 * 9).map { _ in Float(generator.normal()) }
        let names = (0..<9).map { "x\($0)" }
        let trainer = try Trainer<Float>(model, compute: ComputeOptions(threads: 2, backend: .kernels))
        let all = try trainer.predict(Dataset(featureNames: names, features: x, labels: [])).values("b")
        for row in [0, 7, 255, 256, 299] {
            let alone = try Dataset(
                featureNames: names, features: Array(x[row * 9..<(row + 1) * 9]), labels: [])
            #expect(try trainer.predict(alone).values("b") == [all[row]])
        }
    }
}
