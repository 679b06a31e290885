import MTLEngine
import MTLTestSupport
import Testing

/// Transformers over sequences, and layers that read several sequences of the same behaviours.
@Suite struct EncoderTests {
    static let both = ["history", "places"]
    static let embedded: [EmbeddedFeature] =
        [.sequence("places", table: "place", maximumCount: 5)] + FeatureLayerTests.embedded()
    static let one = Array(embedded.dropFirst())

    /// A model's layers, and whether they read the second sequence too.
    static let cases: [(name: String, layers: [any FeatureLayer], embedded: [EmbeddedFeature])] = [
        (
            "sequences",
            [
                TargetAttention(
                    sequences: both, candidates: ["item", "place"], layers: [.dense(6, .sigmoid)],
                    normalization: .scaledSoftmax)
            ], embedded
        ),
        (
            "encoder",
            [TransformerEncoder(sequences: ["history"], candidates: ["item"], count: 2, units: 7)], one
        ),
        (
            "encoder_mean",
            [
                TransformerEncoder(
                    sequences: both, heads: 7, units: 5, activation: .silu, hasPositions: false),
                TransformerEncoder(sequences: ["history"], heads: 1),
            ], embedded
        ),
        (
            "encoder_all",
            [
                TransformerEncoder(
                    sequences: ["history"], candidates: ["item"], heads: 4, units: 9, activation: .gelu,
                    pooling: .all)
            ], one
        ),
        (
            "evolution",
            [
                InterestEvolution(
                    sequences: both, candidates: ["item", "place"], layers: [.dense(6, .sigmoid)]),
                InterestEvolution(
                    sequences: ["history"], candidates: ["item"],
                    layers: [.dense(5, .sigmoid), .dense(4, .sigmoid)]),
            ], embedded
        ),
    ]
    static let numbers = Array(cases.indices)

    private func model(
        _ layers: [any FeatureLayer], _ embedded: [EmbeddedFeature] = Self.embedded, ensemble: Int? = nil
    ) throws(InputError) -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 3, embedded: embedded, tables: FeatureLayerTests.tables, featureLayers: layers,
            architecture: FeatureLayerTests.trunk, tasks: FeatureLayerTests.tasks, ensemble: ensemble)
    }

    private func data<Scalar: BLASScalar>(
        _: Scalar.Type, rows: Range<Int>, reversed: Bool = false
    ) throws -> Dataset<Scalar> {
        try FeatureLayerTests().data(Scalar.self, rows: rows, reversed: reversed)
    }

    @Test(arguments: numbers) func gradients(number: Int) throws {
        let (name, layers, embedded) = Self.cases[number]
        for (rows, threads, ensemble) in [(1, 1, nil), (13, 1, nil), (150, 2, nil), (13, 1, 3)] {
            try GradientCheck.expectAgreement(
                of: model(layers, embedded, ensemble: ensemble), rows: rows,
                compute: ComputeOptions(threads: threads), gathered: threads == 2, weighted: rows == 13, name)
        }
    }

    /// Dropout draws the same on the way back.
    @Test func gradientsUnderDropout() throws {
        try GradientCheck.expectAgreement(
            of: model([
                TransformerEncoder(
                    sequences: Self.both, candidates: ["item", "place"], heads: 1, units: 6, dropout: 0.3)
            ]), rows: 37, compute: ComputeOptions())
    }

    @Test(arguments: numbers) func matchesPyTorch(number: Int) throws {
        let (name, layers, embedded) = Self.cases[number]
        try Golden("features_" + name).checkFirstBatch(model(layers, embedded))
    }

    /// With room for one behaviour no state comes before another.
    @Test func gradientsOfOneBehaviour() throws {
        try GradientCheck.expectAgreement(
            of: model(
                [InterestEvolution(sequences: ["history"], candidates: ["item"], layers: [.dense(3, .tanh)])],
                FeatureLayerTests.embedded(capacity: 1)), rows: 13, compute: ComputeOptions())
    }

    // MARK: Laws

    @Test(arguments: numbers) func sameBitsForAnyThreads(number: Int) throws {
        let (_, layers, embedded) = Self.cases[number]
        try expectSameBits(model(layers, embedded), data(Float.self, rows: 0..<900))
    }

    /// What lies behind a row's last behaviour is not there: with room for more, and rows of positions that none has, nothing changes.
    @Test(arguments: [TransformerEncoder.Pooling.candidate, .mean]) func roomForMoreChangesNothing(
        pooling: TransformerEncoder.Pooling
    ) throws {
        func trainer(capacity: Int) throws -> Trainer<Double> {
            let layer = TransformerEncoder(
                sequences: ["history"], candidates: ["item"], count: 2, pooling: pooling)
            return try Trainer(
                model([layer], FeatureLayerTests.embedded(capacity: capacity)), batchSize: 90, seed: 3)
        }
        let (few, many) = (try trainer(capacity: 5), try trainer(capacity: 9))
        for segment in few.model.layout.segments where !segment.name.contains("positions") {
            try many.setParameter(segment.name, to: few.parameter(segment.name))
        }
        let name = "features.0.positions.weight"
        let positions = try few.parameter(name)
        try many.setParameter(name, to: positions + [Double](repeating: 9, count: 4 * 4))
        let data = try data(Double.self, rows: 0..<90)
        #expect(try few.predict(data).values("spend") == many.predict(data).values("spend"))
        #expect(try few.step(data, rows: 0..<90) == many.step(data, rows: 0..<90))
        #expect(try few.gradient(name) == Array(many.gradient(name).prefix(positions.count)))
        #expect(try many.gradient(name).suffix(4 * 4).allSatisfy { $0 == 0 })
        #expect(try few.gradient("trunk.0.weight") == many.gradient("trunk.0.weight"))
    }

    /// States stay as they are behind a row's last behaviour.
    @Test func roomForMoreChangesNoState() throws {
        func trainer(capacity: Int) throws -> Trainer<Float> {
            try Trainer(
                model(
                    [InterestEvolution(sequences: ["history"], candidates: ["item"])],
                    FeatureLayerTests.embedded(capacity: capacity)), batchSize: 90, seed: 3)
        }
        let (few, many) = (try trainer(capacity: 5), try trainer(capacity: 9))
        let data = try data(Float.self, rows: 0..<90)
        for _ in 0..<3 {
            #expect(try few.step(data, rows: 0..<90) == many.step(data, rows: 0..<90))
        }
        #expect(few.parameters == many.parameters)
        #expect(try few.predict(data).values("spend") == many.predict(data).values("spend"))
        let back = try self.data(Float.self, rows: 0..<90, reversed: true)
        #expect(try few.predict(data).values("spend") != few.predict(back).values("spend"))
    }

    @Test func aRowsPredictionDoesNotDependOnItsNeighbours() throws {
        for (_, layers, embedded) in Self.cases {
            let trainer = try Trainer<Float>(model(layers, embedded), batchSize: 100, seed: 2)
            let all = try trainer.predict(data(Float.self, rows: 0..<300)).values("spend")
            for row in [0, 1, 127, 128, 299] {
                let alone = try trainer.predict(data(Float.self, rows: row..<row + 1)).values("spend")
                #expect(alone == [all[row]])
            }
        }
    }

    /// Order matters where positions have vectors, and nowhere else.
    @Test(arguments: [false, true]) func orderMattersByPositions(hasPositions: Bool) throws {
        let layer = TransformerEncoder(
            sequences: Self.both, candidates: ["item", "place"], heads: 7, hasPositions: hasPositions)
        let trainer = try Trainer<Double>(model([layer]), batchSize: 100, seed: 2)
        let forth = try trainer.predict(data(Double.self, rows: 0..<300)).values("spend")
        let back = try trainer.predict(data(Double.self, rows: 0..<300, reversed: true)).values("spend")
        let farthest = zip(forth, back).map { abs($0 - $1) }.max() ?? 0
        #expect(hasPositions ? farthest > 1e-3 : farthest < 1e-13)
    }

    /// Two sequences side by side give what one of a table that holds both vectors side by side gives.
    @Test func sequencesSideBySideAreOneOfLongerVectors() throws {
        let tables = [
            EmbeddingTable("user", rows: 9, dimension: 4), EmbeddingTable("item", rows: 7, dimension: 7),
            EmbeddingTable("place", rows: 5, dimension: 3),
        ]
        let layer = TargetAttention(sequence: "history", candidate: "item", layers: [.dense(6, .tanh)])
        let two = TargetAttention(
            sequences: Self.both, candidates: ["item", "place"], layers: layer.layers)
        let alone = try Trainer<Double>(
            MultiTaskModel(
                inputs: 3, embedded: Self.embedded, tables: FeatureLayerTests.tables, featureLayers: [two],
                architecture: SharedBottom(trunk: []), tasks: FeatureLayerTests.tasks), batchSize: 90, seed: 4
        )
        let whole = try Trainer<Double>(
            MultiTaskModel(
                inputs: 3, embedded: FeatureLayerTests.embedded(), tables: tables, featureLayers: [layer],
                architecture: SharedBottom(trunk: []), tasks: FeatureLayerTests.tasks), batchSize: 90)
        // An item's long vector is its own and then its place's: (3 id) mod 5.
        let (items, places) = (
            try alone.parameter("embeddings.item.weight"), try alone.parameter("embeddings.place.weight")
        )
        var long: [Double] = []
        for id in 0..<7 {
            let place = 3 * (3 * id % 5)
            long += items[4 * id..<4 * id + 4]
            long += places[place..<place + 3]
        }
        try whole.setParameter("embeddings.item.weight", to: long)
        for depth in 0..<2 {
            for part in ["weight", "bias"] {
                let name = "features.0.attention.\(depth).\(part)"
                try whole.setParameter(name, to: alone.parameter(name))
            }
        }
        #expect(whole.model.layout.segments.contains { $0.name == "features.0.attention.1.bias" })
        // The heads see the pooled vectors alone: all other features have weight 0.
        let data = try Dataset<Double>(
            featureNames: ["x0", "x1", "x2"], features: [0.5, -1, 2],
            ids: [
                IDColumn("user", ids: [3]), IDColumn("item", ids: [4]), IDColumn("place", ids: [2]),
                IDColumn("history", bags: [[2, 6, 1]]), IDColumn("places", bags: [[1, 3, 3]]),
            ], labels: [])
        for (trainer, before) in [(alone, 3 + 11), (whole, 3 + 14)] {
            let name = "heads.spend.0.weight"
            var weights = [Double](repeating: 0, count: before)
            weights += [1, 2, 3, 4, 5, 6, 7]
            try trainer.setParameter(name, to: weights)
            try trainer.setParameter("heads.spend.0.bias", to: [0])
        }
        expectClose(
            try alone.predict(data).values("spend"), try whole.predict(data).values("spend"), absolute: 1e-13)
    }

    // MARK: Options

    @Test func wrongOptionsAreRefused() throws {
        func place(_ layer: any FeatureLayer, _ embedded: [EmbeddedFeature] = Self.embedded) -> String? {
            failure {
                _ = try model([layer, AttentionPooling(sequence: "places")], embedded)
            }?.place
        }
        func encoder(
            _ sequences: [String] = ["history"], _ candidates: [String] = [], heads: Int = 2, count: Int = 1,
            units: Int = 0, dropout: Double = 0, pooling: TransformerEncoder.Pooling? = nil
        ) -> TransformerEncoder {
            TransformerEncoder(
                sequences: sequences, candidates: candidates, heads: heads, count: count, units: units,
                dropout: dropout, pooling: pooling)
        }
        #expect(place(encoder()) == nil)
        #expect(place(encoder([])) == "features.0, sequence")
        #expect(place(encoder(["history", "history"])) == "features.0, sequence")
        #expect(place(encoder(["item"])) == "features.0, sequence")
        #expect(place(encoder(Self.both, ["item"])) == "features.0, candidate")
        #expect(place(encoder(Self.both, ["place", "item"])) == "features.0, candidate")
        #expect(place(encoder(["history"], ["thing"])) == "features.0, candidate")
        #expect(place(encoder(heads: 0)) == "features.0, heads")
        #expect(place(encoder(heads: 3)) == "features.0, heads")
        #expect(place(encoder(heads: .max)) == "features.0, heads")
        #expect(place(encoder(count: 0)) == "features.0, count")
        #expect(place(encoder(units: -1)) == "features.0, units")
        #expect(place(encoder(dropout: 1)) == "features.0, dropout")
        #expect(place(encoder(dropout: .nan)) == "features.0, dropout")
        #expect(
            place(TransformerEncoder(sequences: ["history"], activation: .prelu)) == "features.0, activation")
        #expect(place(encoder(pooling: .candidate)) == "features.0, pooling")
        #expect(
            place(TargetAttention(sequences: Self.both, candidates: ["item"])) == "features.0, candidate")
        let uneven: [EmbeddedFeature] = [.sequence("places", table: "place", maximumCount: 6)] + Self.one
        #expect(place(encoder(Self.both, heads: 7), uneven) == "features.0, sequence")
        func evolution(_ candidates: [String], _ layers: [HiddenLayer] = [.relu(4)]) -> InterestEvolution {
            InterestEvolution(sequences: ["history"], candidates: candidates, layers: layers)
        }
        #expect(place(evolution(["item"])) == nil)
        #expect(place(evolution([])) == "features.0, candidate")
        #expect(place(evolution(["place"])) == "features.0, candidate")
        #expect(
            place(evolution(["item"], [.dense(4, .tanh, dropout: 0.5)])) == "features.0, layers, layer 0")
        #expect(
            place(InterestEvolution(sequences: ["item"], candidates: ["item"])) == "features.0, sequence")
    }

    /// Behaviours that are paired with each other are as many, in training and prediction.
    @Test func rowsOfUnevenSequencesAreRefused() throws {
        let layer = TransformerEncoder(sequences: Self.both, heads: 7)
        let trainer = try Trainer<Float>(model([layer]), batchSize: 10)
        func rows(_ places: [[Int32]]) throws -> Dataset<Float> {
            try Dataset(
                featureNames: ["x0", "x1", "x2"], features: [0, 0, 0, 0, 0, 0],
                ids: [
                    IDColumn("user", ids: [3, 3]), IDColumn("item", ids: [4, 4]),
                    IDColumn("place", ids: [2, 2]), IDColumn("history", bags: [[2], [6, 1]]),
                    IDColumn("places", bags: places),
                ], labels: [("click", [1, 0]), ("spend", [1, 0])])
        }
        _ = try trainer.predict(rows([[1], [2, 3]]))
        for places: [[Int32]] in [[[1], [2]], [[], [2, 3]], [[1], [2, 3, 4]]] {
            let uneven = try rows(places)
            let place = "embedded feature \"places\", row \(places[0].count == 1 ? 1 : 0)"
            #expect(failure { _ = try trainer.predict(uneven) }?.place == place)
            #expect(failure { _ = try trainer.step(uneven, rows: 0..<2) }?.place == place)
        }
    }
}
