import MTLEngine
import MTLTestSupport
import Testing

/// Ways of sharing that large sellers' configurations have, against PyTorch in float64 (make_industry_goldens.py), central
/// differences and their laws.
@Suite struct IndustrySharingTests {
    private static let layers: [HiddenLayer] = [.dense(6, .tanh), .dense(5, .tanh)]
    static let goldens: [(name: String, architecture: any Architecture)] = [
        ("stem", STEM(layers: layers, gate: [.dense(4, .tanh)])),
        ("stem_many", STEM(own: 2, shared: 3, layers: layers, gate: [.dense(4, .tanh)])),
    ]

    @Test(arguments: goldens.indices)
    func matchesPyTorch(index: Int) throws {
        let (name, architecture) = Self.goldens[index]
        func make(_ architecture: some Architecture) throws -> MultiTaskModel {
            try MultiTaskModel(
                inputs: 7, embedded: [.single("user"), .single("item")],
                tables: [
                    EmbeddingTable("user", rows: 9, dimension: 3),
                    EmbeddingTable("item", rows: 7, dimension: 2),
                ], scenarios: 3, architecture: architecture, tasks: GoldenRuns.tasks)
        }
        let model = try make(architecture)
        let golden = try Golden("industry_" + name)
        let run = Golden.Run(
            .sgd(learningRate: 0.1), batch: GoldenRuns.rows, steps: 6, comparesLogits: true,
            computes: [ComputeOptions(), ComputeOptions(threads: 2)])
        try golden.check(model, Double.self, Golden.Tolerance(relative: 1e-11, absolute: 3e-12), run)
        try golden.check(model, Float.self, Golden.Tolerance(relative: 3e-5, absolute: 9e-6), run)
    }

    private func model(
        _ architecture: some Architecture, scenarios: Int = 3, tasks: [LearningTask] = SmallProblem.tasks,
        featureLayers: [any FeatureLayer] = []
    ) throws -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables, scenarios: scenarios,
            featureLayers: featureLayers, architecture: architecture, tasks: tasks)
    }

    static let all: [(name: String, architecture: any Architecture)] = [
        ("stem", STEM(own: 2, layers: layers, gate: [.dense(4, .tanh)]))
    ]

    @Test(arguments: all.indices)
    func sameBitsForAnyThreads(index: Int) throws {
        func check(_ architecture: some Architecture) throws {
            try expectSameBits(
                model(architecture),
                SmallProblem.data(Float.self, rows: 900, scenarios: 3, embedded: true), threads: 1...3,
                clipping: .norm(1), until: StoppingRule(epochs: 2, steps: 5, patience: nil))
        }
        try check(Self.all[index].architecture)
    }

    // MARK: STEM

    /// One task's loss at a time, since differences do not see that another's gradient is stopped.
    @Test(arguments: SmallProblem.tasks.indices)
    func stemGradients(counted: Int) throws {
        var tasks = SmallProblem.tasks
        for index in tasks.indices where index != counted { tasks[index].weight = 0 }
        let others = tasks.indices.filter { $0 != counted }.map { tasks[$0].name }
        let layers: [HiddenLayer] = [.dense(5, .tanh)]
        for (architecture, computes) in [
            (STEM(own: 2, shared: 1, layers: layers), [ComputeOptions(), ComputeOptions(threads: 2)]),
            (STEM(own: 1, shared: 2, layers: layers, gate: [.dense(3, .tanh)]), [ComputeOptions()]),
        ] {
            let model = try model(architecture, tasks: tasks, featureLayers: [FieldGate()])
            for compute in computes {
                try GradientCheck.expectAgreement(
                    of: model, rows: compute.threads > 1 ? 70 : 13, compute: compute,
                    gathered: compute.threads > 1,
                    skips: { name in
                        others.contains { task in
                            ["experts", "embeddings", "features"].contains {
                                name.hasPrefix("\($0).\(task).")
                            }
                        }
                    })
            }
        }
    }

    /// What a task takes of another's experts teaches neither them nor the other's tables.
    @Test func stemLearnsNothingForOthers() throws {
        var tasks = SmallProblem.tasks
        (tasks[0].weight, tasks[2].weight) = (0, 0)
        let model = try model(
            STEM(own: 2, layers: Self.layers), tasks: tasks, featureLayers: [CrossLayers(count: 1)])
        let trainer = try Trainer<Double>(model, batchSize: 60, seed: 3)
        let rows = try SmallProblem.data(Double.self, rows: 60, scenarios: 3, embedded: true)
        try trainer.step(rows, rows: 0..<60)
        for name in model.layout.segments.map(\.name) {
            let isOthers = ["a", "c"].contains { name.contains(".\($0).") }
            let gradient = try trainer.gradient(name)
            #expect(gradient.allSatisfy { $0 == 0 } == isOthers, "\(name)")
        }
        // But it is taken: another's experts move the prediction.
        let before = try trainer.predict(rows).values("b")
        try trainer.setParameter(
            "experts.c.1.1.bias", to: try trainer.parameter("experts.c.1.1.bias").map { $0 + 1 })
        #expect(try trainer.predict(rows).values("b") != before)
    }

    @Test func stemHasATableOfEachOwner() throws {
        let names = try model(STEM(layers: Self.layers)).layout.segments.map(\.name)
        for owner in ["a", "b", "c", "shared"] { #expect(names.contains("embeddings.\(owner).item.weight")) }
        #expect(names.filter { $0.hasPrefix("embeddings.") }.count == 8)
    }

    @Test func stemRefuses() throws {
        func refusal(_ architecture: STEM, tasks: [LearningTask] = SmallProblem.tasks) -> String {
            failure { _ = try model(architecture, tasks: tasks) }?.description ?? "no error"
        }
        #expect(refusal(STEM(own: 0, layers: Self.layers)) == "own experts: found 0, expected at least 1")
        #expect(
            refusal(STEM(shared: 0, layers: Self.layers)) == "shared experts: found 0, expected at least 1")
        #expect(refusal(STEM(layers: [])) == "experts: found no layers, expected at least one")
        #expect(
            refusal(STEM(layers: Self.layers), tasks: [.binary("a"), .binary("shared")])
                == "task \"shared\": found the name of what all tasks share, expected another name")
        #expect(
            SmallProblem.refusal(STEM(layers: Self.layers))
                == "embedded features: found none, "
                + "expected at least one: without tables the tasks' own features are the shared ones")
        #expect(
            failure {
                _ = try model(
                    PLE.cgc(own: 1, shared: 1, layers: Self.layers), tasks: [.binary("shared")])
            }?.place == "task \"shared\"")
    }
}
