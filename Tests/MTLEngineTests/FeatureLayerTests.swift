import MTLEngine
import MTLTestSupport
import Testing

/// What becomes of features before an architecture reads them.
@Suite struct FeatureLayerTests {
    static let tables = [
        EmbeddingTable("user", rows: 9, dimension: 4), EmbeddingTable("item", rows: 7, dimension: 4),
        EmbeddingTable("place", rows: 5, dimension: 3),
    ]
    static let fields: [EmbeddedFeature] = [.single("user"), .single("item"), .single("place")]
    static let tasks: [LearningTask] = [
        .binary("click", weight: 0.6, tower: [.dense(4, .tanh)]), .regression("spend", weight: 0.3),
    ]
    static let trunk = SharedBottom(trunk: [.dense(5, .tanh)])

    static func embedded(capacity: Int = 5) -> [EmbeddedFeature] {
        [.sequence("history", table: "item", maximumCount: capacity)] + fields
    }

    static let attention = TargetAttention(
        sequence: "history", candidate: "item", layers: [.dense(6, .sigmoid), .dense(9, .tanh)])
    static let piecewise = PiecewiseLinear([
        .init("x2", index: 2, bins: 2, dimension: 4), .init("x0", index: 0, bins: 1, dimension: 2),
    ])
    static let cases: [(name: String, layers: [any FeatureLayer], readsHistory: Bool)] = [
        ("cross", [CrossLayers(count: 2)], false),
        ("low_rank", [CrossLayers(count: 2, rank: 2, appends: true)], false),
        ("machine", [FactorizationMachine(fields: ["user", "item"])], false),
        (
            "gate", [FieldGate(), FieldGate(fields: ["item", "user"], reduction: 1, activation: .relu)],
            false
        ),
        ("target", [attention], true),
        (
            "many",
            [
                AttentionPooling(sequence: "history", layers: [.dense(9, .tanh)]),
                TargetAttention(
                    sequence: "history", candidate: "item", layers: [.dense(6, .sigmoid)],
                    normalization: .softmax),
                FactorizationMachine(fields: ["user", "item", "history"]), CrossLayers(count: 1),
            ], true
        ),
        (
            "piecewise",
            [
                piecewise, FactorizationMachine(fields: ["user", "x2", "item"]),
                FieldGate(fields: ["user", "x2", "x0"]),
            ], false
        ),
    ]
    static let numbers = Array(cases.indices)

    func model(
        _ layers: [any FeatureLayer], history: Bool = true, capacity: Int = 5, tasks: [LearningTask] = tasks,
        inputs: Int = 3
    ) throws(InputError) -> MultiTaskModel {
        try MultiTaskModel(
            inputs: inputs, embedded: history ? Self.embedded(capacity: capacity) : Self.fields,
            tables: Self.tables, featureLayers: layers, architecture: Self.trunk, tasks: tasks)
    }

    /// Rows with histories of 0 to 5, each third one with none.
    func data<Scalar: BLASScalar>(
        _: Scalar.Type, rows: Range<Int>, reversed: Bool = false, weighted: Bool = false
    ) throws -> Dataset<Scalar> {
        func id(_ row: Int, _ seed: Int, _ count: Int) -> Int32 {
            var generator = SeededGenerator(seed: UInt64(row * 31 + seed))
            return Int32(generator.below(count))
        }
        func value(_ row: Int, _ column: Int) -> Scalar {
            var generator = SeededGenerator(seed: UInt64(row * 7 + column + 1_000_000))
            return Scalar(generator.normal())
        }
        let bags = rows.map { row in
            let bag = (0..<(row % 3 == 0 ? 0 : row % 6)).map { id(row, 10 + $0, 7) }
            return reversed ? bag.reversed() : bag
        }
        return try Dataset(
            featureNames: (0..<3).map { "x\($0)" },
            features: rows.flatMap { r in (0..<3).map { value(r, $0) } },
            ids: [
                IDColumn("user", ids: rows.map { id($0, 1, 9) }),
                IDColumn("item", ids: rows.map { id($0, 2, 7) }),
                IDColumn("place", ids: rows.map { id($0, 3, 5) }),
                IDColumn("history", bags: bags, weights: weighted ? bags.map { $0.map { _ in 2 } } : nil),
                IDColumn("places", bags: bags.map { $0.map { $0 * 3 % 5 } }),
            ],
            labels: [
                ("click", rows.map { $0 % 5 == 0 ? .nan : value($0, 0) > 0 ? 1 : 0 }),
                ("spend", rows.map { $0 % 7 == 0 ? .nan : value($0, 1) }),
            ])
    }

    @Test(arguments: numbers) func gradients(number: Int) throws {
        let (name, layers, readsHistory) = Self.cases[number]
        for (inputs, rows, threads) in [(3, 1, 1), (3, 13, 1), (0, 13, 1), (3, 150, 2)]
        where inputs > 0 || name != "piecewise" {
            let model = try model(layers, history: readsHistory, inputs: inputs)
            try GradientCheck.expectAgreement(
                of: model, rows: rows, compute: ComputeOptions(threads: threads), gathered: threads == 2,
                weighted: rows == 13, "\(name), \(inputs) inputs")
        }
    }

    @Test(arguments: numbers) func matchesPyTorch(number: Int) throws {
        let (name, layers, readsHistory) = Self.cases[number]
        try Golden("features_" + name).checkFirstBatch(model(layers, history: readsHistory))
    }

    // MARK: Laws

    private func bits(_ model: MultiTaskModel, threads: Int) throws -> (
        parameters: [UInt32], answers: [UInt32]
    ) {
        let trainer = try Trainer<Float>(
            model, batchSize: 300, seed: 6, compute: ComputeOptions(threads: threads, backend: .kernels))
        let data = try data(Float.self, rows: 0..<900)
        try trainer.fit(data, until: StoppingRule(epochs: 2, patience: nil))
        return (
            trainer.parameters.map(\.bitPattern), try trainer.predict(data).values("spend").map(\.bitPattern)
        )
    }

    @Test(arguments: numbers) func sameBitsForAnyThreads(number: Int) throws {
        let (_, layers, readsHistory) = Self.cases[number]
        try expectSameBits(model(layers, history: readsHistory), data(Float.self, rows: 0..<900))
    }

    /// Room for longer histories changes no bit, in training or prediction.
    @Test func capacityChangesNothing() throws {
        for layers in [Self.cases[4].layers, Self.cases[5].layers] {
            let few = try bits(model(layers, capacity: 5), threads: 2)
            let many = try bits(model(layers, capacity: 17), threads: 2)
            #expect(few.parameters == many.parameters)
            #expect(few.answers == many.answers)
        }
    }

    @Test func aRowsPredictionDoesNotDependOnItsNeighbours() throws {
        let trainer = try Trainer<Float>(model(Self.cases[5].layers), batchSize: 100, seed: 2)
        let all = try trainer.predict(data(Float.self, rows: 0..<300)).values("spend")
        for row in [0, 1, 127, 128, 299] {
            let alone = try trainer.predict(data(Float.self, rows: row..<row + 1)).values("spend")
            #expect(alone == [all[row]])
        }
    }

    @Test func orderDoesNotMatter() throws {
        let trainer = try Trainer<Double>(model(Self.cases[5].layers), batchSize: 100, seed: 2)
        let forth = try trainer.predict(data(Double.self, rows: 0..<300)).values("spend")
        let back = try trainer.predict(data(Double.self, rows: 0..<300, reversed: true)).values("spend")
        expectClose(forth, back, absolute: 1e-13)
        #expect(forth != back)
    }

    /// Weights of 1 everywhere are the sum of a bag, equal softmaxed scores its mean; an empty history gives zeros with both.
    @Test func equalWeightsAreAPooledBag() throws {
        func check(_ layer: any FeatureLayer, _ pooling: EmbeddedFeature.Pooling) throws {
            let attends = try Trainer<Double>(model([layer]), batchSize: 90, seed: 2)
            let pools = try Trainer<Double>(
                MultiTaskModel(
                    inputs: 3,
                    embedded: Self.fields + [
                        .bag("history", table: "item", pooling: pooling, maximumCount: 5)
                    ],
                    tables: Self.tables, architecture: Self.trunk, tasks: Self.tasks), batchSize: 90)
            let last = attends.model.layout.segments.map(\.name).filter { $0.hasPrefix("features.0") }
                .sorted()
            #expect(last.count >= 4)
            for name in last.suffix(2) {
                let isBias = name.hasSuffix("bias")
                try attends.setParameter(name, to: attends.parameter(name).map { _ in isBias ? 1 : 0 })
            }
            try pools.copyParameters(from: attends)
            let data = try data(Double.self, rows: 0..<90)
            for task in ["click", "spend"] {
                expectClose(
                    try attends.predict(data).values(task), try pools.predict(data).values(task),
                    absolute: 1e-13, task)
            }
            let (a, b) = (try attends.step(data, rows: 0..<90), try pools.step(data, rows: 0..<90))
            expectClose(a, b, absolute: 1e-13, "losses")
            for name in ["embeddings.user.weight", "trunk.0.weight", "heads.spend.0.weight"] {
                expectClose(try attends.gradient(name), try pools.gradient(name), absolute: 1e-13, name)
            }
        }
        try check(Self.attention, .sum)
        try check(
            TargetAttention(
                sequence: "history", candidate: "item", layers: [.dense(3, .tanh)], normalization: .softmax),
            .mean
        )
        try check(AttentionPooling(sequence: "history"), .mean)
    }

    /// Cross layers of weights 0 and gates of 1 leave features as they are.
    @Test func layersThatDoNothing() throws {
        func check(_ layer: any FeatureLayer, _ name: String, ones: String?) throws {
            let with = try Trainer<Double>(model([layer], history: false), batchSize: 90, seed: 2)
            let without = try Trainer<Double>(model([], history: false), batchSize: 90)
            for segment in with.model.layout.segments where segment.name.hasPrefix(name) {
                let value: Double = segment.name == ones ? 1 : 0
                try with.setParameter(segment.name, to: with.parameter(segment.name).map { _ in value })
            }
            try without.copyParameters(from: with)
            let data = try data(Double.self, rows: 0..<90)
            expectClose(
                try with.predict(data).values("click"), try without.predict(data).values("click"),
                absolute: 1e-14)
            let (a, b) = (try with.step(data, rows: 0..<90), try without.step(data, rows: 0..<90))
            expectClose(a, b, absolute: 1e-14, "losses")
            expectClose(
                try with.gradient("trunk.0.weight"), try without.gradient("trunk.0.weight"), absolute: 1e-14)
        }
        try check(CrossLayers(count: 2), "features.0.cross", ones: nil)
        try check(FieldGate(activation: .relu), "features.0.excite", ones: "features.0.excite.bias")
        try check(FieldGate(), "features.0.excite", ones: nil)
    }

    /// Numbers that no bin is for are at its ends, and what is no number is missing: none traps or leaves memory.
    @Test(arguments: [NumberEncoding.piecewise, .periodic(), .autoDis()])
    func anyNumberHasAVector(encoding: NumberEncoding) throws {
        var layer = Self.piecewise
        for index in layer.columns.indices { layer.columns[index].encoding = encoding }
        let trainer = try Trainer<Double>(model([layer], history: false), batchSize: 9, seed: 2)
        func answers(_ values: [Double]) throws -> [Double] {
            try values.map { value in
                let row = try Dataset<Double>(
                    featureNames: ["x0", "x1", "x2"], features: [1, 0, value],
                    ids: [
                        IDColumn("user", ids: [1]), IDColumn("item", ids: [1]), IDColumn("place", ids: [1]),
                    ], labels: [])
                return try trainer.predict(row).values("spend")[0]
            }
        }
        let (low, high, missing) = (try answers([0])[0], try answers([2])[0], try answers([-1])[0])
        #expect(low != high && low != missing && high != missing)
        #expect(try answers([2.5, 1e300, 1e308]) == [high, high, high])
        #expect(try answers([-1e-9, -3, -1e300]) == [missing, missing, missing])
        #expect(try answers([0.5])[0] != low)
        // The vector that stands in where no row was missing begins as that of a number.
        let known = try answers([0.7])
        let field = try #require(trainer.model.plan.numberFields.first)
        try trainer.setParameter(
            "numbers.x2.missing", to: field.vector(at: 0.7, trainer.store.parameters.base))
        expectClose(try answers([-1]), known, absolute: 1e-14)
    }

    @Test func permutingTasksPermutesOutputs() throws {
        let layers = Self.cases[5].layers
        let first = try Trainer<Double>(model(layers), batchSize: 90, seed: 2)
        let other = try Trainer<Double>(model(layers, tasks: Self.tasks.reversed()), batchSize: 90, seed: 2)
        let data = try data(Double.self, rows: 0..<90)
        for _ in 0..<3 {
            let (a, b) = (try first.step(data, rows: 0..<90), try other.step(data, rows: 0..<90))
            expectClose(a, b.reversed(), absolute: 1e-11, "losses")
        }
    }

    // MARK: Options

    @Test func wrongOptionsAreRefused() throws {
        func place(_ layers: [any FeatureLayer], history: Bool = false) -> String? {
            failure { _ = try model(layers, history: history) }?.place
        }
        #expect(place([]) == nil)
        #expect(place([], history: true) == "embedded feature \"history\"")
        #expect(place([CrossLayers()], history: true) == "embedded feature \"history\"")
        #expect(place([CrossLayers(count: 0)]) == "features.0, layers")
        #expect(place([FieldGate(), CrossLayers(rank: -1)]) == "features.1, rank")
        #expect(place([FieldGate(reduction: 0)]) == "features.0, reduction")
        #expect(place([FieldGate(fields: ["users"])]) == "features.0, fields")
        #expect(place([FieldGate(fields: ["user", "user"])]) == "features.0, fields")
        #expect(place([CrossLayers(), FieldGate()]) == "features.1, fields")
        #expect(place([CrossLayers(appends: true), FieldGate()]) == nil)
        #expect(place([FactorizationMachine()]) == "features.0, field place")
        #expect(place([FactorizationMachine(fields: ["user"])]) == "features.0, fields")
        #expect(place([Self.attention]) == "features.0, sequence")
        #expect(place([PiecewiseLinear([])]) == "numbers")
        func numbers(_ name: String = "a", _ index: Int = 0, bins: Int = 3, dimension: Int = 2)
            -> PiecewiseLinear
        {
            PiecewiseLinear([
                .init("b", index: 1, bins: 1), .init(name, index: index, bins: bins, dimension: dimension),
            ])
        }
        #expect(place([numbers()]) == nil)
        #expect(place([numbers("b")]) == "numbers, \"b\"")
        #expect(place([numbers("user")]) == "numbers, \"user\"")
        for index in [-1, 1, 3, .max, .min] {
            #expect(place([numbers("a", index)]) == "numbers, \"a\", index")
        }
        #expect(place([numbers(bins: 0)]) == "numbers, \"a\", bins")
        #expect(place([numbers(dimension: .max)]) == "numbers, \"a\", dimension")
        for (encoding, option) in [
            (NumberEncoding.periodic(frequencies: 0), "frequencies"), (.periodic(deviation: 0), "deviation"),
            (.periodic(deviation: .infinity), "deviation"), (.autoDis(count: 1), "meta_embeddings"),
            (.autoDis(temperature: 0), "temperature"), (.autoDis(skip: .nan), "skip"),
        ] {
            #expect(
                place([PiecewiseLinear([.init("a", index: 0, bins: 3, encoding: encoding)])])
                    == "numbers, \"a\", \(option)")
        }
        #expect(place([CrossLayers(), numbers()]) == "numbers, \"b\", index")
        #expect(
            place([numbers(), PiecewiseLinear([.init("c", index: 0, bins: 2)])])
                == "numbers, \"c\", index")
        func target(_ candidate: String, layers: [HiddenLayer] = [.relu(4)]) -> TargetAttention {
            TargetAttention(sequence: "history", candidate: candidate, layers: layers)
        }
        #expect(place([target("item")], history: true) == nil)
        #expect(place([target("place")], history: true) == "features.0, candidate")
        #expect(place([target("thing")], history: true) == "features.0, candidate")
        #expect(place([target("item", layers: [.relu(0)])], history: true) == "features.0, layers, layer 0")
        #expect(place([AttentionPooling(sequence: "item")], history: true) == "features.0, sequence")
        // Layers that every position shares neither normalise nor drop anything.
        for layer in [
            HiddenLayer.dense(4, .tanh, normalization: .layer), .dense(4, .tanh, normalization: .batch),
            .dense(4, .tanh, dropout: 0.5),
        ] {
            #expect(place([target("item", layers: [layer])], history: true) == "features.0, layers, layer 0")
            #expect(
                place([AttentionPooling(sequence: "history", layers: [.relu(3), layer])], history: true)
                    == "features.0, layers, layer 1")
        }
        #expect(throws: InputError.self) {
            try MultiTaskModel(
                inputs: 3, embedded: Self.embedded(), tables: Self.tables, trunk: [], tasks: Self.tasks)
        }
        let trainer = try Trainer<Float>(model(Self.cases[4].layers), batchSize: 10)
        #expect(throws: InputError.self) {
            try trainer.predict(data(Float.self, rows: 0..<9, weighted: true))
        }
        let short = try Trainer<Float>(model(Self.cases[4].layers, capacity: 3), batchSize: 10)
        #expect(throws: InputError.self) { try short.predict(data(Float.self, rows: 0..<9)) }
    }
}
