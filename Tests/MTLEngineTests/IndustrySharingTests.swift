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
        ("home", HoME(groups: groups, shared: 2, layers: layers)),
        ("home_many", HoME(groups: groups, grouped: 2, own: 3, layers: layers)),
        ("home_plain", HoME(layers: layers, views: 0)),
        (
            "hinet",
            HiNet(
                shared: 2, own: 3, layers: layers, gate: [.dense(4, .tanh)], scenarioWidth: 2,
                tasks: PLE.Level(own: 2, shared: 1, layers: [.dense(4, .tanh)]))
        ),
        ("m2m", M2M(experts: 3, layers: layers, taskWidth: 2, scenarioWidth: 2)),
        (
            "m2m_deep",
            M2M(
                experts: 3, layers: layers, taskWidth: 2, fields: ["user"], scenarioWidth: 2,
                scenario: [.dense(4, .tanh)], unitDepth: 2, towerDepth: 2)
        ),
        (
            "dc2vr",
            DC2VR(
                parents: ["spend": ["click"], "buy": ["click", "spend"]], trunk: [.dense(6, .tanh)],
                layers: layers, rank: 2)
        ),
        (
            "adasparse",
            AdaSparse(
                layers: layers, fields: ["user"], scenarioWidth: 2, threshold: 0.8, sharpness: 0.5, limit: 2,
                // α rises in each but the last two.
                steps: 4)
        ),
    ]
    private static let groups = ["visits": ["click"], "orders": ["buy", "spend"]]

    @Test(arguments: goldens.indices)
    func matchesPyTorch(index: Int) throws {
        let (name, architecture) = Self.goldens[index]
        func make(_ architecture: some Architecture) throws -> MultiTaskModel {
            let isEmbedded = ["stem", "m2m", "adasparse"].contains { name.hasPrefix($0) }
            return try MultiTaskModel(
                inputs: 7, embedded: isEmbedded ? [.single("user"), .single("item")] : [],
                tables: isEmbedded
                    ? [
                        EmbeddingTable("user", rows: 9, dimension: 3),
                        EmbeddingTable("item", rows: 7, dimension: 2),
                    ] : [], scenarios: 3, architecture: architecture, tasks: GoldenRuns.tasks)
        }
        let model = try make(architecture)
        let golden = try Golden("industry_" + name)
        let run = Golden.Run(
            .sgd(learningRate: 0.1), batch: GoldenRuns.rows, steps: 6,
            // A norm's prediction is not the batch's.
            comparesLogits: !name.hasPrefix("home"),
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
        ("stem", STEM(own: 2, layers: layers, gate: [.dense(4, .tanh)])),
        ("home", HoME(groups: ["x": ["a", "c"], "y": ["b"]], grouped: 2, layers: layers)),
        ("dc2vr", DC2VR(parents: ["b": ["a"], "c": ["a", "b"]], layers: layers, rank: 2)),
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

    // MARK: HoME

    @Test func homeGradients() throws {
        let layers: [HiddenLayer] = [.dense(3, .tanh)]
        let groups = ["x": ["a", "c"], "y": ["b"]]
        for (architecture, compute) in [
            (HoME(groups: groups, shared: 2, layers: layers), ComputeOptions()),
            (
                HoME(grouped: 2, own: 2, layers: layers, gate: [.dense(2, .tanh)], views: 1, viewRank: 2),
                ComputeOptions(threads: 2)
            ),
            (HoME(groups: groups, layers: layers, views: 0), ComputeOptions()),
        ] {
            let model = try MultiTaskModel(
                inputs: 3, embedded: [.single("user")],
                tables: [EmbeddingTable("user", rows: 5, dimension: 2)], architecture: architecture,
                tasks: SmallProblem.tasks)
            // A norm over one row has no slope but noise.
            try GradientCheck.expectAgreement(
                of: model, rows: compute.threads > 1 ? 70 : 19, compute: compute, weighted: true)
        }
    }

    /// A group's upper experts are not another's, and what all share is reached by all.
    @Test func homeMasksOtherGroups() throws {
        var tasks = SmallProblem.tasks
        (tasks[0].weight, tasks[2].weight) = (0, 0)
        let model = try model(
            HoME(groups: ["x": ["a", "c"], "y": ["b"]], layers: Self.layers), tasks: tasks)
        let trainer = try Trainer<Double>(model, batchSize: 60, seed: 3)
        try trainer.step(
            SmallProblem.data(Double.self, rows: 60, scenarios: 3, embedded: true), rows: 0..<60)
        func isMoved(_ name: String) throws -> Bool { try trainer.gradient(name).contains { $0 != 0 } }
        for expert in ["groups.x", "tasks.a", "tasks.c"] {
            #expect(try !isMoved("experts.\(expert).0.0.weight"), "\(expert)")
        }
        for expert in ["experts.groups.y", "experts.tasks.b", "experts.shared", "meta.experts.shared"] {
            #expect(try isMoved("\(expert).0.0.weight"), "\(expert)")
        }
        // z_shared is made of the lower experts of all groups.
        #expect(try isMoved("meta.experts.groups.x.0.0.weight"))
        #expect(try !isMoved("meta.gates.x.0.weight"))
    }

    @Test func homeRefuses() throws {
        func refusal(_ architecture: HoME) -> String { SmallProblem.refusal(architecture) }
        let layers = Self.layers
        #expect(refusal(HoME(shared: 0, layers: layers)).hasPrefix("shared experts: found 0"))
        #expect(refusal(HoME(grouped: 0, layers: layers)).hasPrefix("experts of a group: found 0"))
        #expect(refusal(HoME(own: 0, layers: layers)).hasPrefix("own experts: found 0"))
        #expect(refusal(HoME(layers: [])).hasPrefix("experts: found no layers"))
        #expect(refusal(HoME(layers: layers, views: -1)).hasPrefix("views: found -1"))
        #expect(refusal(HoME(layers: layers, viewRank: -1)).hasPrefix("view rank: found -1"))
        for (groups, message) in [
            (["x": ["a", "b"]], "groups: found none that has \"c\", expected every task in one group"),
            (
                ["x": ["a", "b"], "y": ["b", "c"]],
                "groups, y: found \"b\" a second time, expected every task in one group"
            ),
            (["x": ["a", "b", "c", "e"]], "groups, x: found no task \"e\", expected one of a, b, c"),
            (["x": ["a", "b", "c"], "y": []], "groups, y: found no task, expected at least one"),
            (
                ["shared": ["a", "b", "c"]],
                "groups, shared: found the name of what all tasks share, expected another name"
            ),
        ] as [([String: [String]], String)] {
            #expect(refusal(HoME(groups: groups, layers: layers)) == message)
        }
    }

    // MARK: DC2VR

    /// One task's loss at a time, since differences do not see that no gradient goes into an earlier task's network.
    @Test func interventionGradients() throws {
        let parents = ["b": ["a"], "c": ["a", "b"]]
        for (counted, stopped) in [(0, []), (1, ["a"]), (2, ["a", "b"])] as [(Int, [String])] {
            var tasks = SmallProblem.tasks
            for index in tasks.indices where index != counted { tasks[index].weight = 0 }
            for experts in [nil, MMoE(experts: 2, layers: [.dense(4, .tanh)])] {
                let model = try MultiTaskModel(
                    inputs: 6,
                    architecture: DC2VR(parents: parents, experts: experts, layers: Self.layers, rank: 3),
                    tasks: tasks)
                for compute in [ComputeOptions(), ComputeOptions(threads: 2)] {
                    try GradientCheck.expectAgreement(
                        of: model, rows: compute.threads > 1 ? 70 : 13, compute: compute,
                        skips: { name in
                            !stopped.isEmpty && name.hasPrefix("experts.")
                                || stopped.contains { task in
                                    ["networks", "gates", "interventions"].contains {
                                        name.hasPrefix("\($0).\(task).")
                                    }
                                }
                        })
                }
            }
        }
    }

    /// Rows of length 1 at right angles, from the beginning on; by turns a task's stay bit by bit what they were in another's.
    @Test func interventionsStayOrthonormal() throws {
        func check<Scalar: BLASScalar>(_: Scalar.Type, within tolerance: Double) throws {
            let model = try model(DC2VR(parents: ["b": ["a"]], layers: Self.layers, rank: 3))
            for schedule in [Schedule.joint, .alternating(.batch)] {
                let trainer = try Trainer<Scalar>(
                    model, optimizer: .adam(learningRate: 0.05, weightDecay: 0.1), schedule: schedule,
                    batchSize: 60, seed: 3)
                let rows = try SmallProblem.data(Scalar.self, rows: 60, scenarios: 3, embedded: true)
                let begun = try trainer.parameter("interventions.b.base")
                for _ in 0..<8 {
                    for name in ["interventions.b.base", "interventions.b.source"] {
                        let matrix = try trainer.parameter(name).map(Double.init)
                        for first in 0..<3 {
                            for second in 0..<3 {
                                let dot = (0..<5).reduce(0.0) {
                                    $0 + matrix[first * 5 + $1] * matrix[second * 5 + $1]
                                }
                                #expect(abs(dot - (first == second ? 1 : 0)) < tolerance)
                            }
                        }
                    }
                    try trainer.step(rows, rows: 0..<60)
                }
                #expect(try trainer.parameter("interventions.b.base") != begun)
            }
        }
        try check(Double.self, within: 1e-13)
        try check(Float.self, within: 1e-6)
    }

    @Test func interventionsRefuse() {
        func refusal(_ parents: [String: [String]], layers: [HiddenLayer] = Self.layers, rank: Int = 2)
            -> String
        {
            SmallProblem.refusal(DC2VR(parents: parents, layers: layers, rank: rank))
        }
        #expect(refusal([:]).hasPrefix("funnel: found no task that follows another"))
        #expect(refusal(["b": ["b"]]) == "funnel, b: found a task that follows itself, expected no cycle")
        #expect(refusal(["b": ["e"]]).hasPrefix("funnel, b: found no task \"e\""))
        #expect(refusal(["b": ["a"]], layers: []).hasPrefix("layers: found no layers"))
        #expect(refusal(["b": ["a"]], rank: 0) == "rank: found 0, expected at least 1")
        #expect(
            refusal(["b": ["a"]], rank: 5) == "rank: found 5, expected below the 5 units of the last layer")
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
