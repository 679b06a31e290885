import MTLEngine
import MTLTestSupport
import Testing

/// What the fit of ids and scenarios without rows learns from, and what it leaves alone.
@Suite struct UnseenFitTests {
    private static let items = 40
    private static let tasks: [LearningTask] = [.binary("click"), .binary("buy")]

    /// Rows of items 1 to 40, of which 0 never comes.
    private func data(
        items: (Int) -> Int32 = { Int32(1 + $0 % UnseenFitTests.items) }, scenarios: [Int32]? = nil,
        click: (Int) -> Float, buy: (Int) -> Float
    ) throws -> Dataset<Float> {
        var generator = SeededGenerator(seed: 7)
        let rows = 0..<2000
        return try Dataset(
            featureNames: ["x"], features: rows.map { _ in Float(generator.normal()) },
            ids: [IDColumn("item", ids: rows.map(items))],
            labels: [("click", rows.map(click)), ("buy", rows.map(buy))], scenarios: scenarios)
    }

    private func model(
        rows: Int = UnseenFitTests.items + 1, scenarios: Int = 1,
        _ architecture: some Architecture = SharedBottom(trunk: [.relu(8)]),
        tasks: [LearningTask] = UnseenFitTests.tasks
    ) throws -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 1, embedded: [.single("item")],
            tables: [EmbeddingTable("item", rows: rows, dimension: 4)],
            scenarios: scenarios, architecture: architecture, tasks: tasks)
    }

    private func trainer(_ model: MultiTaskModel) throws -> Trainer<Float> {
        try Trainer(model, optimizer: .adam(learningRate: 0.01), batchSize: 64, seed: 3)
    }

    private func vector(_ trainer: Trainer<Float>, _ id: Int) throws -> [Float] {
        Array(try trainer.parameter("embeddings.item.weight")[id * 4..<(id + 1) * 4])
    }

    /// Steps lower the loss of the rows that were kept: the probability of all rows says nothing of whether they did.
    @Test func aFitIsJudgedByTheRowsThatWereKept() throws {
        // Three in ten items are always clicked: the mean vector's logit is far above that of the mean click.
        let data = try data { row in
            row % Self.items < 12 ? 1 : Float(row / Self.items % 2)
        } buy: {
            Float($0 % 2)
        }
        func fitted(rate: Double) throws -> (before: [Float], after: [Float]) {
            let model = try model(
                SharedBottom(trunk: []),
                tasks: [LearningTask("click", kind: .binary, negativeRate: rate), .binary("buy")])
            let trainer = try trainer(model)
            try trainer.fit(data, until: StoppingRule(epochs: 20, patience: nil))
            let before = trainer.parameters
            try trainer.completeUnseen(data)
            return (before, trainer.parameters)
        }
        let (all, sampled) = (try fitted(rate: 1), try fitted(rate: 0.001))
        #expect(all.before == sampled.before)
        #expect(all.after == sampled.after)
    }

    /// Where tasks stop one by one each vector is fitted for the tasks that it predicts.
    @Test func aMemberIsFittedForItsOwnTasks() throws {
        func first(buy: @escaping (Int) -> Float) throws -> [Float] {
            let data = try data(click: { Float($0 % 3 % 2) }, buy: buy)
            let trainer = try trainer(model())
            let begun = trainer.parameters
            trainer.keep(try ModelMembers([begun, begun.map { $0 / 2 }], ofTasks: [[0], [1]]))
            try trainer.completeUnseen(data)
            #expect(trainer.members.ofTasks == [[0], [1]])
            #expect(trainer.members.vectors[0] != begun)
            return trainer.members.vectors[0]
        }
        #expect(try first { Float($0 % 2) } == first { $0 % 5 == 0 ? 0 : 1 })
    }

    /// A task of weight 0 moves no vector, and so its rows teach nothing of an id.
    @Test func rowsOfATaskThatWeighsNothingAreNotSeen() throws {
        let data = try data {
            $0 % 4 == 0 ? Int32(Self.items + 1) : Int32(1 + $0 % Self.items)
        } click: {
            $0 % 4 == 0 ? .nan : Float($0 % 3 % 2)
        } buy: {
            Float($0 % 2)
        }
        for weight in [0.0, 1] {
            let trainer = try trainer(
                model(
                    rows: Self.items + 2,
                    tasks: [.binary("click"), LearningTask("buy", kind: .binary, weight: weight)]))
            try trainer.fit(data, until: StoppingRule(epochs: 1, patience: nil))
            try trainer.completeUnseen(data)
            let isFitted = try vector(trainer, Self.items + 1) == vector(trainer, 0)
            #expect(isFitted == (weight == 0))
        }
    }

    /// Steps that lead astray are taken back, of a scenario as of an id.
    @Test func aScenarioKeepsWhatItBeganWithWhereStepsDoNotHelp() throws {
        let scenarios = (0..<2000).map { Int32($0 % 3 == 0 ? 0 : 1) }
        let data = try data(scenarios: scenarios, click: { Float($0 % 3 % 2) }, buy: { Float($0 % 2) })
        let model = try model(scenarios: 3, ScenarioTowers(trunk: [.relu(8)]))
        let own = (0..<3).map { model.plan.ownRanges(of: $0).compactMap { $0 }.flatMap { Array($0) } }
        func completed(rate: Double) throws -> [Float] {
            let trainer = try trainer(model)
            try trainer.fit(data, until: StoppingRule(epochs: 2, patience: nil))
            trainer.trainingStep.rateFactor = rate
            try trainer.completeUnseen(data)
            return trainer.parameters
        }
        let (good, bad) = (try completed(rate: 1), try completed(rate: 1e4))
        #expect(own[2].map { good[$0] } != own[1].map { good[$0] })
        #expect(own[2].map { bad[$0] } == own[1].map { bad[$0] })
    }

    /// Neighbouring rows, batch after batch.
    private final class Neighbours: BatchStream {
        let source: BatchSource<Float>
        let rows: Int
        private var taken = 0

        init(_ source: BatchSource<Float>, rows: Int) { (self.source, self.rows) = (source, rows) }

        var batchCount: Int { source.dataset.rowCount / rows }

        func begin(after batches: Int) { taken = batches }

        func next() -> BatchView<Float> {
            defer { taken += 1 }
            return source.batch(start: taken % batchCount * rows, rows: rows)
        }

        func rowNumbers(ofBatch batch: Int) -> [Int] { Array(batch * rows..<(batch + 1) * rows) }
    }

    /// A pass is judged by few batches, which may have fewer rows than the model has features.
    @Test func everyFeatureIsTakenAwayInTurn() throws {
        let names = (0..<60).map { "f\($0)" }
        let model = try MultiTaskModel(
            inputs: 0, embedded: names.map { .single($0) },
            tables: names.map { EmbeddingTable($0, rows: 3, dimension: 1) },
            architecture: SharedBottom(trunk: [.relu(4)]), tasks: [.binary("click")])
        let data = try Dataset<Float>(
            featureNames: [], features: [],
            ids: try names.map { try IDColumn($0, ids: (0..<80).map { Int32(1 + $0 % 2) }) },
            labels: [("click", (0..<80).map { Float($0 % 2) })])
        let rows = Neighbours(try BatchSource(data, for: model), rows: 4)
        let seen = try Trainer<Float>(model, batchSize: 4).seenRows(rows)
        let unknown = UnknownValues<Float>(
            model.plan.embedding, StandIns(seen, model.plan), batchSize: rows.rows)
        var lost: Set<Int> = []
        rows.begin(after: 0)
        for turn in 0..<15 {
            let batch = unknown.batch(rows.next(), turn: turn)
            for (index, view) in batch.ids.enumerated() {
                for row in 0..<batch.rows {
                    for place in view.places(of: batch.sourceRow(row)) where view.ids[place] == 0 {
                        lost.insert(index)
                    }
                }
            }
        }
        #expect(lost.count == names.count)
    }
}
