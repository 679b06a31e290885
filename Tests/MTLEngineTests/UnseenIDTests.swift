import MTLEngine
import MTLTestSupport
import Testing

/// What a model makes of ids that its rows never had, of arrays in memory.
@Suite struct UnseenIDTests {
    private static let items = 40

    /// Clicks that are nine in ten of every other item and one in ten of the others, as single ids or bags; id 0 never comes.
    private func rows<Scalar: BLASScalar>(
        _ count: Int = 2000, unseen: Bool = false, gathered seed: UInt64 = 7
    ) throws -> Dataset<Scalar> {
        var generator = SeededGenerator(seed: seed)
        let draws = (0..<count).map { row in (item: 1 + row % Self.items, x: generator.normal()) }
        let clicks = draws.enumerated().map { row, draw in
            Scalar(row / Self.items % 10 < (draw.item % 2 == 0 ? 9 : 1) ? 1 : 0)
        }
        return try Dataset(
            featureNames: ["x"], features: draws.map { Scalar($0.x) },
            ids: [
                IDColumn("item", ids: draws.map { unseen ? 0 : Int32($0.item) }),
                IDColumn("seen", bags: draws.map { unseen ? [0] : [Int32($0.item), Int32($0.item)] }),
            ], labels: [("click", clicks), ("buy", clicks.map { 1 - $0 })])
    }

    private func model(_ architecture: some Architecture, bag: Bool) throws -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 1, embedded: [bag ? .bag("seen", maximumCount: 2) : .single("item")],
            tables: [EmbeddingTable(bag ? "seen" : "item", rows: Self.items + 1, dimension: 8)],
            architecture: architecture, tasks: [.binary("click"), .binary("buy")])
    }

    private func trained<Scalar: BLASScalar>(
        _ model: MultiTaskModel, _ data: Dataset<Scalar>, seed: UInt64, schedule: Schedule = .joint,
        threads: Int = 1
    ) throws -> Trainer<Scalar> {
        let trainer = try Trainer<Scalar>(
            model, optimizer: .adam(learningRate: 0.003), schedule: schedule, batchSize: 64, averaging: 0.99,
            seed: seed, compute: ComputeOptions(threads: threads))
        try trainer.fit(data, until: StoppingRule(epochs: 8))
        return trainer
    }

    private func predictions<Scalar: BLASScalar>(
        _: Scalar.Type, _ model: MultiTaskModel, seed: UInt64, schedule: Schedule = .joint,
        threads: Int = 1
    ) throws -> (values: [Double], before: [Scalar], after: [Scalar]) {
        let data: Dataset<Scalar> = try rows()
        let trainer = try trained(model, data, seed: seed, schedule: schedule, threads: threads)
        let before = trainer.parameters
        try trainer.completeUnseen(data)
        let predicted = try trainer.predict(rows(unseen: true))
        let values = try ["click", "buy"].map { task in
            try predicted.values(task).reduce(0) { $0 + Double($1) } / 2000
        }
        return (values, before, trainer.parameters)
    }

    private func expectNeutral<Scalar: BLASScalar>(
        _ scalar: Scalar.Type, _ architecture: some Architecture, bag: Bool = false,
        schedule: Schedule = .joint, _ name: String
    ) throws {
        let model = try model(architecture, bag: bag)
        var all: [[Double]] = []
        for seed in 1...4 as ClosedRange<UInt64> {
            all.append(try predictions(scalar, model, seed: seed, schedule: schedule).values)
        }
        for task in 0..<2 {
            let values = all.map { $0[task] }
            let (least, most) = (values.min() ?? 0, values.max() ?? 1)
            #expect(most - least < 0.03, "\(name): \(values)")
            #expect(least > 0.45 && most < 0.55, "\(name): \(values)")
        }
    }

    @Test func itsPredictionIsThatOfItsNeighboursWhateverTheSeed() throws {
        let trunk = SharedBottom(trunk: [.relu(16)])
        try expectNeutral(Float.self, trunk, "one id")
        try expectNeutral(Double.self, trunk, "one id, Double")
        try expectNeutral(Float.self, trunk, bag: true, "a bag")
        try expectNeutral(Float.self, trunk, schedule: .alternating(.batch), "turns")
        try expectNeutral(Double.self, SeparateNetworks(layers: [.relu(16)]), "a table per task")
        try expectNeutral(Double.self, STEM(layers: [.relu(16)]), "a table per task and a shared one")
    }

    /// What is known of a bag still tells: the value that is not known says neither one thing nor the other.
    @Test func aBagKnownInPartIsPredictedByThatPart() throws {
        let model = try model(SharedBottom(trunk: [.relu(16)]), bag: true)
        let data: Dataset<Float> = try rows()
        // Of odd items, which are seldom clicked, and of even ones.
        var all: [[Double]] = []
        for seed in 1...4 as ClosedRange<UInt64> {
            let trainer = try trained(model, data, seed: seed)
            try trainer.completeUnseen(data)
            all.append(
                try [1, 0].map { rest in
                    let items = (1...Int32(Self.items)).filter { $0 % 2 == rest }
                    let part = try Dataset<Float>(
                        featureNames: ["x"], features: items.map { _ in 0 },
                        ids: [IDColumn("item", ids: items), IDColumn("seen", bags: items.map { [0, $0] })],
                        labels: [])
                    let clicks = try trainer.predict(part).values("click")
                    return clicks.reduce(0) { $0 + Double($1) } / Double(items.count)
                })
        }
        for values in all {
            #expect(values[0] < 0.35 && values[1] > 0.65, "\(all)")
            #expect(abs((values[0] + values[1]) / 2 - 0.5) < 0.05, "\(all)")
        }
    }

    @Test func allElseStaysAsItWasAndThreadsChangeNoBit() throws {
        let model = try model(SharedBottom(trunk: [.relu(16)]), bag: false)
        let one = try predictions(Float.self, model, seed: 1)
        let table = model.plan.embedding.tables[0]
        let own = table.parameters..<table.parameters + table.width
        for index in one.before.indices where !own.contains(index) {
            #expect(one.before[index] == one.after[index])
        }
        #expect(own.contains { one.before[$0] != one.after[$0] })
        #expect(try predictions(Float.self, model, seed: 1, threads: 3).after == one.after)
    }
}
