import MTLEngine
import MTLTestSupport
import Testing

/// Single-task models side by side: each learns what it would learn alone.
@Suite struct SeparateNetworksTests {
    private static let layers: [HiddenLayer] = [.dense(8, .tanh), .dense(6, .gelu)]

    struct Setting: CustomTestStringConvertible, Sendable {
        let name: String
        let optimizer: Optimizer
        var schedule = Schedule.joint
        var hasTables = true
        var featureLayers: [any FeatureLayer] = []
        var batch = 60

        var testDescription: String { name }
    }

    private static let adam = Optimizer.adam(learningRate: 1e-2, weightDecay: 0.01)
    static let settings: [Setting] = [
        Setting(name: "SGD, joint", optimizer: .sgd(learningRate: 0.1)),
        Setting(name: "Adam, joint", optimizer: adam),
        Setting(name: "Adam, joint, numbers alone", optimizer: adam, hasTables: false),
        Setting(name: "SGD, alternating", optimizer: .sgd(learningRate: 0.1), schedule: .alternating(.batch)),
        Setting(name: "Adam, alternating", optimizer: adam, schedule: .alternating(.batch)),
        Setting(
            name: "Adam, alternating, numbers alone", optimizer: adam, schedule: .alternating(.batch),
            hasTables: false),
        Setting(name: "Adam, cross layers", optimizer: adam, featureLayers: [CrossLayers(count: 2)]),
        // Tables much shorter than the batch are projected.
        Setting(name: "Adam, large batch", optimizer: adam, batch: 300),
        Setting(
            name: "Adam, alternating, large batch", optimizer: adam, schedule: .alternating(.batch),
            batch: 300),
    ]

    private func trainer(
        _ setting: Setting, _ architecture: some Architecture, _ tasks: [LearningTask], schedule: Schedule,
        _ compute: ComputeOptions
    ) throws -> Trainer<Double> {
        let model = try MultiTaskModel(
            inputs: 6, embedded: setting.hasTables ? SmallProblem.embedded : [],
            tables: setting.hasTables ? SmallProblem.tables : [], featureLayers: setting.featureLayers,
            architecture: architecture, tasks: tasks)
        return try Trainer(
            model, optimizer: setting.optimizer, schedule: schedule, batchSize: setting.batch, seed: 3,
            compute: compute)
    }

    /// The name that a single-task model's parameter has beside other tasks.
    private func name(_ own: String, _ task: String) -> String {
        let parts = own.split(separator: ".", maxSplits: 1)
        switch parts[0] {
        case "trunk": return "networks.\(task).\(parts[1])"
        case "embeddings", "features": return "\(parts[0]).\(task).\(parts[1])"
        default: return own
        }
    }

    @Test(arguments: settings)
    func everyTaskLearnsWhatItLearnsAlone(setting: Setting) throws {
        let data = try SmallProblem.data(
            Double.self, rows: 3 * setting.batch, embedded: setting.hasTables)
        for compute in [ComputeOptions(threads: 1), ComputeOptions(threads: 2)] {
            let together = try trainer(
                setting, SeparateNetworks(layers: Self.layers), SmallProblem.tasks,
                schedule: setting.schedule,
                compute)
            let alone = try SmallProblem.tasks.map {
                try trainer(setting, SharedBottom(trunk: Self.layers), [$0], schedule: .joint, compute)
            }
            var count = 0
            for (task, one) in zip(SmallProblem.tasks, alone) {
                for segment in one.model.layout.segments {
                    count += segment.count
                    try one.setParameter(
                        segment.name, to: try together.parameter(name(segment.name, task.name)))
                }
            }
            // Nothing is in two models, and nothing in none.
            #expect(count == together.model.layout.segments.reduce(0) { $0 + $1.count })
            for step in 0..<6 {
                let rows = step % 3 * setting.batch..<(step % 3 + 1) * setting.batch
                let losses = try together.step(data, rows: rows)
                for (index, one) in alone.enumerated() {
                    expectClose(try one.step(data, rows: rows), [losses[index]], absolute: 1e-12)
                }
            }
            for (task, one) in zip(SmallProblem.tasks, alone) {
                for segment in one.model.layout.segments {
                    expectClose(
                        try one.parameter(segment.name),
                        try together.parameter(name(segment.name, task.name)), absolute: 1e-12,
                        "\(task.name), \(segment.name), \(setting.name)")
                }
            }
        }
    }

    @Test func nothingIsShared() throws {
        let model = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            featureLayers: [CrossLayers(count: 1)], architecture: SeparateNetworks(layers: Self.layers),
            tasks: SmallProblem.tasks)
        for layer in ModelSummary(model).layers where layer.parameters > 0 {
            // Blocks of several tasks run side by side: one task each.
            #expect(layer.tasks.count == layer.blocks, "\(layer.name)")
        }
        #expect(model.layout.segments.map(\.name).contains("embeddings.b.item.weight"))
        let alone = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            featureLayers: [CrossLayers(count: 1)], architecture: SharedBottom(trunk: Self.layers),
            tasks: [SmallProblem.tasks[0]])
        // Per row a third of the arithmetic of the three is that of one, but for the towers.
        #expect(ModelSummary(model).operations > 2 * ModelSummary(alone).operations)
    }

    @Test func namesThatMeetAreRefused() {
        let error = failure {
            _ = try MultiTaskModel(
                inputs: 1, embedded: [.single("x", table: "b.c"), .single("y", table: "c")],
                tables: [
                    EmbeddingTable("b.c", rows: 3, dimension: 2), EmbeddingTable("c", rows: 3, dimension: 2),
                ], architecture: SeparateNetworks(layers: []), tasks: [.binary("a"), .binary("a.b")])
        }
        #expect(error?.kind == .name && error?.place == "embedding table \"a.b.c\"")
    }

    // MARK: References

    @Test func matchesPyTorch() throws {
        try Golden("graph_separate").checkAdam(
            MultiTaskModel(
                inputs: 7, architecture: SeparateNetworks(layers: [.dense(6, .tanh), .dense(5, .tanh)]),
                tasks: GoldenRuns.tasks), comparesLogits: true)
        let many = FeatureLayerTests.cases[5]
        #expect(many.name == "many")
        try Golden("features_separate").checkFirstBatch(
            MultiTaskModel(
                inputs: 3, embedded: FeatureLayerTests.embedded(), tables: FeatureLayerTests.tables,
                featureLayers: many.layers, architecture: SeparateNetworks(layers: [.dense(5, .tanh)]),
                tasks: FeatureLayerTests.tasks))
    }

    @Test func gradients() throws {
        try GradientCheck.check(SeparateNetworks(layers: Self.layers))
        try GradientCheck.check(SeparateNetworks(layers: []))
        let model = try MultiTaskModel(
            inputs: 3, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            architecture: SeparateNetworks(layers: [.dense(5, .tanh)]), tasks: SmallProblem.tasks)
        try GradientCheck.expectAgreement(
            of: model, rows: 13, compute: ComputeOptions(threads: 2), weighted: true, "tables of their own")
    }
}
