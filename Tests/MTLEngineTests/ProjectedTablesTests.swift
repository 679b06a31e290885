import MTLEngine
import MTLTestSupport
import Testing

/// Tables that are projected through the layers above, with gates in between and without: which ones are, and that a step is the
/// same with them as without.
@Suite struct ProjectedTablesTests {
    static let tasks: [LearningTask] = [
        .binary("a", weight: 0.7, tower: [.dense(4, .tanh)]), .regression("b", weight: 1.3),
    ]
    static let tables = [
        EmbeddingTable("user", rows: 9, dimension: 3), EmbeddingTable("place", rows: 5, dimension: 4),
        EmbeddingTable("hour", rows: 7, dimension: 4), EmbeddingTable("item", rows: 40, dimension: 5),
    ]
    /// Two features of one table, tables of several widths, one that is too long for a batch of 60, and a bag.
    static let embedded: [EmbeddedFeature] = [
        .single("user"), .single("place"), .single("item"), .single("hour"), .single("home", table: "place"),
    ]
    static let withBag = embedded + [.bag("seen", table: "hour", pooling: .mean, maximumCount: 3)]

    /// A model, and the features of it whose tables are projected.
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var layers: [any FeatureLayer] = []
        var architecture: any Architecture = SharedBottom(trunk: [.dense(9, .tanh), .dense(5, .gelu)])
        var embedded = ProjectedTablesTests.embedded
        var inputs = 3
        var scenarios = 1
        let projected: Set<String>
    }

    private static let mixture = MMoE(experts: 3, layers: [.dense(6, .gelu)], gate: [])
    static let cases: [Case] = [
        Case(testDescription: "no gate", projected: ["user", "place", "hour", "home"]),
        Case(testDescription: "gated", layers: [gate()], projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "no numbers", layers: [gate()], inputs: 0,
            projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "equal widths", layers: [gate(["place", "hour", "home"])],
            projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "neighbours gated", layers: [gate(["place", "item"], .relu)],
            projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "one gated", layers: [gate(["hour"])],
            projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "two gates", layers: [gate(["hour", "home"]), gate(["user"])],
            projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "gated twice", layers: [gate(["hour", "user"]), gate(["hour", "home"])],
            projected: ["user", "place", "home"]),
        Case(
            testDescription: "a table read by a bag", layers: [gate()], embedded: withBag,
            projected: ["user", "place", "home"]),
        Case(
            testDescription: "mixture", layers: [gate()], architecture: mixture,
            projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "own and shared experts", layers: [gate(["user", "hour"])],
            architecture: PLE.cgc(own: 1, shared: 2, layers: [.dense(6, .tanh)]),
            projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "batch norm above", layers: [gate()],
            architecture: SharedBottom(trunk: [HiddenLayer.dense(9, .tanh, normalization: .batch)]),
            projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "by scenario above", layers: [gate()],
            architecture: Probe { graph in
                let h = graph.dense(graph.features, units: 8, activation: .tanh, name: "h")
                return graph.heads(
                    ["first", "second"].map { name in
                        graph.scenarioDense(h, units: 6, activation: .tanh, sharesFactor: true, name: name)
                    })
            }, scenarios: 3, projected: ["user", "place", "hour", "home"]),
        Case(
            testDescription: "multiplied with each other", layers: [gate(), CrossLayers(count: 1)],
            projected: []),
        Case(
            testDescription: "read before the gate too",
            layers: [FactorizationMachine(fields: ["place", "hour"]), gate()], projected: ["user"]),
        Case(
            testDescription: "gated and not, of two layers", architecture: Probe { Self.sideBySide(&$0) },
            projected: ["user", "hour"]),
        Case(
            testDescription: "gates that get no gradient", architecture: Probe { Self.stopped(&$0) },
            projected: ["user", "hour"]),
    ]

    private static func gate(_ fields: [String] = [], _ activation: FieldGate.Gate = .sigmoid) -> FieldGate {
        FieldGate(fields: fields, reduction: 1, activation: activation)
    }

    /// Two layers share a gate, a third reads the field as it is; one field stands twice in one input, one is cut, one is
    /// scaled by a number.
    private static func sideBySide(_ graph: inout GraphBuilder) -> [GraphValue] {
        let fields = graph.embeddedFeatures
        let (user, place, item, hour, home) = (fields[0], fields[1], fields[2], fields[3], fields[4])
        let gates = graph.dense(graph.denseFeatures, units: 2, activation: .sigmoid, name: "gates")
        let gated = graph.multiply(hour, gates.columns(1..<2))
        let first = graph.dense(
            graph.concatenate([gated, item, user]), units: 8, activation: .tanh, name: "first")
        let second = graph.dense(
            graph.concatenate([graph.denseFeatures, user, gated]), units: 9, activation: .gelu, name: "second"
        )
        let third = graph.dense(
            graph.concatenate([hour, place.columns(0..<2), graph.scale(place, by: 2)]), units: 8,
            activation: .relu, name: "third")
        let fourth = graph.dense(
            graph.concatenate([home, user]), units: 8, activation: .tanh, name: "fourth")
        return graph.heads([graph.concatenate([first, third]), graph.concatenate([second, fourth])])
    }

    private static func stopped(_ graph: inout GraphBuilder) -> [GraphValue] {
        let fields = graph.embeddedFeatures
        let gates = graph.dense(
            graph.concatenate([fields[0], fields[3]]), units: 8, activation: .sigmoid, name: "gates")
        let gated = graph.concatenate([
            graph.multiply(fields[0], gates.columns(0..<1).stopped),
            graph.multiply(fields[3], gates.columns(1..<2)), fields[1].stopped,
        ])
        let h = graph.dense(gated, units: 8, activation: .tanh, name: "h")
        let aside = graph.dense(gated, units: 8, activation: .tanh, name: "aside")
        return graph.heads([graph.concatenate([h, aside.stopped]), h])
    }

    private func model(_ some: Case) throws -> MultiTaskModel {
        try MultiTaskModel(
            inputs: some.inputs, embedded: some.embedded, tables: Self.tables, scenarios: some.scenarios,
            featureLayers: some.layers, architecture: some.architecture, tasks: Self.tasks)
    }

    private func data<Scalar: BLASScalar>(
        _ model: MultiTaskModel, rows: Int, _: Scalar.Type
    ) throws -> Dataset<Scalar> {
        var generator = SeededGenerator(seed: 3)
        return try Dataset<Scalar>(
            featureNames: (0..<model.inputs).map { "x\($0)" },
            features: (0..<rows * model.inputs).map { _ in Scalar(generator.normal()) },
            ids: model.embedded.map { feature in
                let size = model.tables.first { $0.name == feature.table }?.rows ?? 1
                guard feature.pooling != .single else {
                    return try IDColumn(
                        feature.name, ids: (0..<rows).map { _ in Int32(generator.below(size)) })
                }
                return try IDColumn(
                    feature.name,
                    bags: (0..<rows).map { row in (0..<row % 4).map { _ in Int32(generator.below(size)) } })
            },
            labels: model.tasks.map { task in
                (task.name, (0..<rows).map { $0 % 5 == 0 ? .nan : Scalar($0 % 2) })
            }, scenarios: (0..<rows).map { Int32($0 % model.scenarios) })
    }

    private func projected<Scalar>(_ trainer: Trainer<Scalar>) -> Set<String> {
        guard let tables = trainer.trainingStep.projectedTables else { return [] }
        return Set(
            zip(trainer.model.embedded, tables.isFieldProjected).filter { $0.1 }.map(\.0.name))
    }

    @Test(arguments: cases) func projectsWhatItCan(some: Case) throws {
        let model = try model(some)
        let trainer = try Trainer<Float>(
            model, batchSize: 60, compute: ComputeOptions(threads: 1, backend: .kernels))
        #expect(projected(trainer) == some.projected)
        // Not with so few rows, and not with products of OpenBLAS.
        let few = try Trainer<Float>(
            model, batchSize: 9, compute: ComputeOptions(threads: 1, backend: .kernels))
        #expect(projected(few) == [])
        let other = try Trainer<Float>(
            model, batchSize: 60, compute: ComputeOptions(threads: 1, backend: .openBLAS))
        #expect(projected(other) == [])
    }

    @Test(arguments: cases) func gradients(some: Case) throws {
        for compute in [1, 2].map({ ComputeOptions(threads: $0, backend: .kernels) }) {
            // What is stopped has gradients that differences do not show.
            try GradientCheck.expectAgreement(
                of: model(some), rows: 60, compute: compute, gathered: compute.threads == 2, weighted: true,
                skips: { some.testDescription.hasPrefix("gates that") && !$0.hasPrefix("h") },
                some.testDescription)
        }
    }

    /// Steps with projected tables are those of a trainer that projects none, in every turn and with a batch of several chunks.
    @Test(arguments: cases, [60, 700]) func stepsAreTheSame(some: Case, batch: Int) throws {
        let model = try model(some)
        let data = try data(model, rows: batch * 3, Double.self)
        for schedule in [Schedule.joint, .alternating(.batch)] {
            func trainer(_ backend: MatrixBackend, threads: Int) throws -> Trainer<Double> {
                try Trainer<Double>(
                    model, optimizer: .adam(learningRate: 1e-2), schedule: schedule, batchSize: batch,
                    seed: 8,
                    compute: ComputeOptions(threads: threads, backend: backend))
            }
            let (with, without) = (try trainer(.kernels, threads: 2), try trainer(.openBLAS, threads: 1))
            #expect(projected(with).isSuperset(of: some.projected) && projected(without) == [])
            for step in 0..<3 {
                let rows = step * batch..<(step + 1) * batch
                expectClose(
                    try with.step(data, rows: rows), try without.step(data, rows: rows), relative: 1e-10,
                    absolute: 1e-10, "losses of step \(step)")
                for segment in model.layout.segments {
                    expectClose(
                        try with.gradient(segment.name), try without.gradient(segment.name), relative: 1e-9,
                        absolute: 1e-10, "\(schedule), gradient of \(segment.name), step \(step)")
                }
            }
            for segment in model.layout.segments {
                expectClose(
                    try with.parameter(segment.name), try without.parameter(segment.name), relative: 1e-8,
                    absolute: 1e-8, "\(schedule), \(segment.name)")
            }
        }
    }

    @Test(arguments: cases, [60, 700]) func sameBitsForAnyThreads(some: Case, batch: Int) throws {
        let model = try model(some)
        let data = try data(model, rows: batch * 2 + 13, Float.self)
        for schedule in [Schedule.joint, .alternating(.batch)] {
            var first: [UInt32]?
            for threads in [1, 2, 3, 4] {
                let trainer = try Trainer<Float>(
                    model, schedule: schedule, batchSize: batch, clipping: batch == 60 ? .norm(1) : .none,
                    seed: 5, compute: ComputeOptions(threads: threads, backend: .kernels))
                try trainer.fit(data, until: StoppingRule(epochs: 2, patience: nil))
                let bits = trainer.parameters.map(\.bitPattern)
                #expect(first ?? bits == bits, "\(schedule), \(threads) threads")
                first = first ?? bits
            }
        }
    }
}
