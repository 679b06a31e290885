import MTLEngine
import MTLTestSupport
import Testing

/// Paths from features straight to the logits.
@Suite struct WideTests {
    static let cases: [(name: String, layers: [any FeatureLayer])] = [
        ("wide", [FactorizationMachine(fields: ["user", "item"]), WideLayer()]),
        (
            "wide_exclusive",
            [WideLayer(fields: ["place", "user"], isExclusive: true), WideLayer(fields: ["item"])]
        ),
    ]
    static let places = Array(cases.indices)

    private func model(
        _ layers: [any FeatureLayer], _ architecture: any Architecture = FeatureLayerTests.trunk,
        tasks: [LearningTask] = FeatureLayerTests.tasks, inputs: Int = 3, ensemble: Int? = nil
    ) throws(InputError) -> MultiTaskModel {
        try MultiTaskModel(
            inputs: inputs, embedded: FeatureLayerTests.fields, tables: FeatureLayerTests.tables,
            featureLayers: layers, architecture: architecture, tasks: tasks, ensemble: ensemble)
    }

    /// Of a model without a trunk, and of tasks that have features of their own; `CrossTests` has the usual one.
    @Test(arguments: places) func gradients(place: Int) throws {
        let (name, layers) = Self.cases[place]
        for architecture: any Architecture in [
            SharedBottom(trunk: []), SeparateNetworks(layers: [.dense(5, .tanh)]),
        ] {
            try GradientCheck.expectAgreement(
                of: model(layers, architecture), rows: 13, compute: ComputeOptions(threads: 2),
                weighted: true, name)
        }
    }

    /// What only the path reads moves the logits by its weights, and nothing else.
    @Test func anExclusiveFieldMovesTheLogitsAlone() throws {
        let trainer = try Trainer<Double>(model(Self.cases[1].layers), batchSize: 20, seed: 2)
        let data = try FeatureLayerTests().data(Double.self, rows: 0..<20)
        let before = try trainer.logits(data).values("click")
        let weights = try trainer.parameter("features.0.click.weight")
        #expect(weights.count == 7)
        let table = try trainer.parameter("embeddings.place.weight")
        try trainer.setParameter("embeddings.place.weight", to: table.map { $0 + 1 })
        let after = try trainer.logits(data).values("click")
        let expected = weights[..<3].reduce(0, +)
        for (old, new) in zip(before, after) { #expect(abs(new - old - expected) < 1e-12) }
    }

    /// The path lies beside what tasks share: with weights of 1 a method of gradients steps as the plain sum does.
    @Test(arguments: places) func gradientsOfTasksMeetBesideThePath(place: Int) throws {
        let model = try model(Self.cases[place].layers)
        let data = try FeatureLayerTests().data(Double.self, rows: 0..<100)
        let plain = try Trainer<Double>(model, batchSize: 100, seed: 2)
        let cut = try Trainer<Double>(
            model, batchSize: 100, balancing: .metaBalance(relaxation: 0), seed: 2)
        for trainer in [plain, cut] { try trainer.step(data, rows: 0..<100) }
        for segment in model.layout.segments where segment.isTrained {
            expectClose(
                try cut.gradient(segment.name), try plain.gradient(segment.name), relative: 1e-9,
                absolute: 1e-12)
        }
    }

    @Test func whatHasNoMeaningIsRefused() {
        func refusal(
            _ layers: [any FeatureLayer], _ architecture: any Architecture = FeatureLayerTests.trunk,
            tasks: [LearningTask] = FeatureLayerTests.tasks, inputs: Int = 3, ensemble: Int? = nil
        ) -> String {
            failure { () throws(InputError) in
                _ = try model(layers, architecture, tasks: tasks, inputs: inputs, ensemble: ensemble)
            }?.place ?? "none"
        }
        let funnel = ESMM(parents: ["b": "a"], trunk: [.dense(5, .tanh)])
        #expect(refusal([WideLayer()], funnel, tasks: [.binary("a"), .binary("b")]) == "features.0")
        #expect(refusal([WideLayer()], ensemble: 3) == "features.0")
        #expect(refusal([WideLayer(fields: ["age"])]) == "features.0, fields")
        #expect(refusal([WideLayer(isExclusive: true)]) == "features.0, exclusive")
        let all = WideLayer(fields: ["user", "item", "place"], isExclusive: true)
        #expect(refusal([all], inputs: 0) == "features.0, fields")
        #expect(refusal([all]) == "none")
    }
}
