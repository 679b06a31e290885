import MTLEngine
import MTLTestSupport
import Testing

/// Layers in which features meet each other, or masks, and paths from them to the logits.
@Suite struct CrossTests {
    static let numbers = PiecewiseLinear([
        .init("x2", index: 2, bins: 2, dimension: 4), .init("x0", index: 0, bins: 1, dimension: 3),
    ])
    static let cases: [(name: String, layers: [any FeatureLayer])] =
        [
            (
                "gated_cross",
                [
                    CrossLayers(count: 1, rank: 2, appends: true, isGated: true),
                    CrossLayers(count: 2, isGated: true),
                ]
            ),
            (
                "pairs",
                [
                    numbers, FactorizationMachine(fields: ["user", "item"], hasPairs: true),
                    FactorizationMachine(fields: ["item", "user", "x2"], hasPairs: true),
                    FactorizationMachine(fields: ["place", "x0"], hasPairs: true),
                ]
            ),
            (
                "mask_net",
                [
                    MaskNet(count: 2, units: 6, appends: true),
                    MaskNet(count: 3, units: 7, maskUnits: 5, isSerial: true),
                ]
            ),
            (
                "bilinear",
                [
                    numbers, BilinearInteraction(fields: ["user", "item", "x2"]),
                    BilinearInteraction(fields: ["item", "x2", "user"], isPerPair: true),
                    BilinearInteraction(fields: ["place", "x0"]),
                ]
            ),
            (
                "field_attention",
                [
                    numbers, FieldAttention(fields: ["user", "x2", "item"]),
                    FieldAttention(fields: ["x0", "place"], count: 1, heads: 3, units: 6),
                ]
            ),
            (
                "cin",
                [
                    numbers, CompressedInteraction(fields: ["user", "x2", "item"], maps: [5, 9, 2]),
                    CompressedInteraction(fields: ["item", "user"], maps: [8], activation: .relu),
                    CompressedInteraction(fields: ["place", "x0"], maps: [3], activation: .tanh),
                ]
            ),
            (
                "final_mlp",
                [
                    FinalMLP(
                        first: [.dense(9, .tanh), .dense(4, .tanh)], second: [.dense(6, .tanh)], heads: 2,
                        firstContext: ["user", "place"], gateLayers: [.dense(6, .tanh)])
                ]
            ),
            (
                "ungated_final_mlp",
                [
                    FinalMLP(
                        first: [.dense(4, .tanh)], second: [.dense(7, .tanh), .dense(9, .tanh)],
                        isGated: false)
                ]
            ),
            (
                "numbers",
                [
                    PiecewiseLinear([
                        .init(
                            "x2", index: 2, bins: 2, dimension: 4,
                            encoding: .periodic(frequencies: 5, deviation: 1)),
                        .init(
                            "x0", index: 0, bins: 3, dimension: 3,
                            encoding: .autoDis(count: 4, temperature: 0.5, skip: 0.3)),
                        .init("x1", index: 1, bins: 2, dimension: 4),
                    ]), FactorizationMachine(fields: ["user", "x2", "x1"]),
                    FieldGate(fields: ["user", "x2", "x0"]),
                ]
            ),
        ] + WideTests.cases
    static let places = Array(cases.indices)

    private func model(
        _ layers: [any FeatureLayer], inputs: Int = 3, ensemble: Int? = nil
    ) throws(InputError) -> MultiTaskModel {
        try MultiTaskModel(
            inputs: inputs, embedded: FeatureLayerTests.fields, tables: FeatureLayerTests.tables,
            featureLayers: layers, architecture: FeatureLayerTests.trunk, tasks: FeatureLayerTests.tasks,
            ensemble: ensemble)
    }

    @Test(arguments: places) func gradients(place: Int) throws {
        let (name, layers) = Self.cases[place]
        for (inputs, rows, threads, ensemble) in [
            (3, 1, 1, nil), (0, 13, 1, nil), (3, 13, 1, 3), (3, 150, 2, nil),
        ]
        where (inputs > 0 || !(layers[0] is PiecewiseLinear)) && (ensemble == nil || !name.hasPrefix("wide"))
        {
            try GradientCheck.expectAgreement(
                of: model(layers, inputs: inputs, ensemble: ensemble), rows: rows,
                compute: ComputeOptions(threads: threads), gathered: threads == 2, weighted: rows == 13, name)
        }
    }

    @Test(arguments: places) func matchesPyTorch(place: Int) throws {
        try Golden("features_" + Self.cases[place].name).checkFirstBatch(model(Self.cases[place].layers))
    }

    @Test(arguments: places) func sameBitsForAnyThreads(place: Int) throws {
        try expectSameBits(
            model(Self.cases[place].layers), FeatureLayerTests().data(Float.self, rows: 0..<900))
    }

    /// Every pair by itself sums to the machine's second-order term, as every dimension by itself does.
    @Test func pairsSumToTheMachine() throws {
        func sum(_ layer: FactorizationMachine, columns: Int) throws -> [Double] {
            let trainer = try Trainer<Double>(
                MultiTaskModel(
                    inputs: 3, embedded: FeatureLayerTests.fields, tables: FeatureLayerTests.tables,
                    featureLayers: [layer], architecture: SharedBottom(trunk: []),
                    tasks: [.regression("spend")]), batchSize: 50, seed: 4)
            let name = "heads.spend.0.weight"
            let before = try trainer.parameter(name).count - columns
            let zeros = [Double](repeating: 0, count: before)
            try trainer.setParameter(name, to: zeros + [Double](repeating: 1, count: columns))
            try trainer.setParameter("heads.spend.0.bias", to: [0])
            return try trainer.predict(FeatureLayerTests().data(Double.self, rows: 0..<50)).values("spend")
        }
        let fields = ["user", "item"]
        let (pairs, dimensions) = (
            try sum(FactorizationMachine(fields: fields, hasPairs: true), columns: 1),
            try sum(FactorizationMachine(fields: fields), columns: 4)
        )
        expectClose(pairs, dimensions, absolute: 1e-14)
        #expect(Set(pairs).count > 10)
    }

    /// A gate that is half open halves every product, which a cross layer of half the weights does, too.
    @Test func halfOpenGatesHalveTheProducts() throws {
        let gated = try Trainer<Double>(model([CrossLayers(count: 1, isGated: true)]), batchSize: 50, seed: 4)
        let plain = try Trainer<Double>(model([CrossLayers(count: 1)]), batchSize: 50, seed: 4)
        let name = "features.0.cross.0.gate.weight"
        try gated.setParameter(name, to: gated.parameter(name).map { _ in 0 })
        try plain.copyParameters(from: gated)
        for part in ["weight", "bias"] {
            let name = "features.0.cross.0.\(part)"
            try plain.setParameter(name, to: gated.parameter(name).map { $0 / 2 })
        }
        let data = try FeatureLayerTests().data(Double.self, rows: 0..<50)
        expectClose(
            try gated.predict(data).values("spend"), try plain.predict(data).values("spend"), absolute: 1e-14)
    }

    @Test func wrongOptionsAreRefused() throws {
        func place(_ layer: any FeatureLayer) -> String? { failure { _ = try model([layer]) }?.place }
        #expect(place(MaskNet()) == nil)
        #expect(place(MaskNet(count: 0)) == "features.0, count")
        #expect(place(MaskNet(units: 0)) == "features.0, units")
        #expect(place(MaskNet(maskUnits: -1)) == "features.0, mask units")
        #expect(place(FactorizationMachine(fields: ["user"], hasPairs: true)) == "features.0, fields")
        #expect(place(FactorizationMachine(hasPairs: true)) == "features.0, field place")
        #expect(place(CrossLayers(rank: -1, isGated: true)) == "features.0, rank")
        #expect(place(BilinearInteraction()) == "features.0, field place")
        #expect(place(BilinearInteraction(fields: ["user"])) == "features.0, fields")
        #expect(place(BilinearInteraction(fields: ["user", "age"])) == "features.0, fields")
        #expect(place(FieldAttention()) == "features.0, field place")
        #expect(place(FieldAttention(fields: ["user", "item"], heads: 3)) == "features.0, heads")
        #expect(place(FieldAttention(fields: ["user", "item"], count: 0)) == "features.0, count")
        #expect(place(FieldAttention(fields: ["user", "item"], units: -1)) == "features.0, units")
        #expect(place(CompressedInteraction()) == "features.0, field place")
        #expect(place(CompressedInteraction(fields: ["user", "item"])) == nil)
        func maps(_ maps: [Int], _ activation: Activation = .identity) -> String? {
            place(CompressedInteraction(fields: ["user", "item"], maps: maps, activation: activation))
        }
        #expect(maps([]) == "features.0, maps")
        #expect(maps([4, 0]) == "features.0, maps, layer 1")
        #expect(maps([.max]) == "features.0, maps, layer 0")
        #expect(maps([4], .dice) == "features.0, activation")
        #expect(place(FinalMLP()) == nil)
        #expect(place(FinalMLP(heads: 0)) == "features.0, heads")
        #expect(place(FinalMLP(heads: 5)) == "features.0, first")
        #expect(place(FinalMLP(second: [.relu(63)], heads: 2)) == "features.0, second")
        #expect(place(FinalMLP(second: [])) == "features.0, second")
        #expect(place(FinalMLP(first: [.relu(0)])) == "features.0, first, layer 0")
        #expect(place(FinalMLP(gateLayers: [.relu(0)])) == "features.0, gate_layers, layer 0")
        #expect(place(FinalMLP(firstContext: ["age"])) == "features.0, first_context")
        #expect(
            place(FinalMLP(isGated: false, secondContext: ["user"])) == "features.0, second_context")
    }
}
