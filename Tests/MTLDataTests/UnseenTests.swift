import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What the training rows never had is predicted by what they had in common, and counted.
@Suite struct UnseenTests {
    /// Rows of scenarios that mostly behave alike, as a table.
    private struct Market {
        let files: FieldCase
        static let scenarios = 5

        init() throws {
            files = try FieldCase()
            let simulator = try ScenarioSimulator(scenarios: Self.scenarios, own: 0.3)
            let log = try simulator.log(
                rows: [Int](repeating: 1600, count: Self.scenarios), stream: 2)
            try files.write(Self.table(log.dataset) { "s\($0)" })
            let judged = try simulator.log(
                rows: [Int](repeating: 800, count: Self.scenarios), stream: 3)
            try files.write(Self.table(judged.dataset) { "s\($0)" }, as: "seen.csv")
            try files.write(Self.table(judged.dataset) { _ in "new" }, as: "unseen.csv")
            try files.write(Self.table(judged.dataset) { _ in "" }, as: "blank.csv")
        }

        static func table(_ data: Dataset<Float>, _ name: (Int) -> String) throws -> String {
            let clicks = try data.labels("click")
            var text =
                (0..<data.featureCount).map { "x\($0)" }.joined(separator: ",") + ",user,s,click,spend\n"
            for row in 0..<data.rowCount {
                let x = data.features(row: row)
                let scenario = Int(data.scenarios?.base[row] ?? 0)
                let spend = x[0] + 0.5 * x[1] + (clicks[row] == 1 ? 1 : 0)
                text += x.map { "\($0)" }.joined(separator: ",")
                text += ",u\(row % 40),\(name(scenario)),\(clicks[row] == 1 ? 1 : 0),\(spend)\n"
            }
            return text
        }

        func model(_ sharing: SharingSettings, tower: [Int] = [8]) throws -> ModelBundle {
            var experiment = try files.experiment(
                (0..<24).map { "{name: x\($0), type: numeric}" } + [
                    "{name: user, type: categorical, dimension: 4}"
                ],
                roles: "scenario: s", split: "{by: random, validation: 0.1, test: 0}")
            experiment.schema.labels.append(Label("spend", .regression))
            experiment.model.sharing = sharing
            experiment.model.tower = tower
            experiment.training.epochs = 8
            experiment.training.batch = 128
            experiment.training.learningRate = 0.003
            let data = try files.prepared(experiment)
            let run = try TrainingRun(experiment, data)
            return try ModelBundle(data.preprocessor, settings: experiment.model, parameters: run.parameters)
        }

        func judge(_ model: ModelBundle, _ name: String) throws -> (area: Double, error: Double) {
            let found = try model.evaluate(model.open(files.folder.file(name)))
            return (found[0].areaUnderROC ?? 0, found[1].rootMeanSquaredError ?? .infinity)
        }
    }

    private static let architectures: [(SharingType, [String: OptionValue])] = [
        (.scenarioTowers, ["layers": [16]]), (.star, ["layers": [16, 8]]),
        (.sarnet, ["layers": [16]]), (.m3oe, ["layers": [16], "star_width": 16]),
        (.hamur, ["layers": [16]]), (.apg, ["layers": [16]]), (.pepnet, ["personal": ["user"]]),
        (.adaptdhm, ["layers": [16]]), (.hinet, ["layers": [16]]), (.adasparse, ["layers": [16]]),
        (.m2m, ["layers": [16, 8]]),
    ]

    @Test func anUnseenScenarioIsPredictedByWhatAllHaveInCommon() throws {
        let market = try Market()
        for (type, options) in Self.architectures {
            let model = try market.model(SharingSettings(type, options))
            let seen = try market.judge(model, "seen.csv")
            for name in ["unseen.csv", "blank.csv"] {
                let unseen = try market.judge(model, name)
                print(
                    "\(type.rawValue) \(name): AUC \(seen.area) \(unseen.area), RMSE \(seen.error) \(unseen.error)"
                )
                #expect(unseen.area > seen.area - 0.03, "\(type.rawValue), \(name)")
                #expect(unseen.error < 1.3 * seen.error, "\(type.rawValue), \(name)")
            }
        }
    }

    @Test func seenScenariosPredictAsBeforeTheFit() throws {
        let shop = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 2000, in: shop)
        var settings = ModelSettings()
        settings.sharing = SharingSettings(.scenarioTowers, ["layers": [8]])
        let model = try settings.model(data.preprocessor)
        let trainer = try Trainer<Float>(model, batchSize: 128, seed: 1)
        try trainer.fit(data.training, until: StoppingRule(epochs: 2))
        let before = trainer.parameters
        try trainer.completeUnseen(data.training)
        let after = trainer.parameters
        let free = Set(
            (0..<2).flatMap { scenario in
                model.plan.ownRanges(of: scenario).compactMap { $0 }.flatMap { Array($0) }
            })
        for index in 0..<model.layout.denseCount where !free.contains(index) {
            #expect(before[index] == after[index])
        }
        #expect(free.contains { before[$0] != after[$0] })
        // Of tables only the rows that no training row has have changed, each to one mean.
        for (table, place) in zip(model.tables, model.plan.embedding.tables) {
            var changed: [[Float]] = []
            for id in 0..<table.rows {
                let range =
                    place.parameters + id * table.dimension..<place.parameters + (id + 1) * table.dimension
                if before[range] != after[range] { changed.append(Array(after[range])) }
            }
            #expect(!changed.isEmpty && changed.count <= 2 && Set(changed).count == 1, "\(table.name)")
        }
    }

    @Test func anUnseenValueIsPredictedNoWorseThanByAMeanVector() throws {
        let files = try FieldCase()
        var draw = SeededGenerator(seed: 3)
        let tastes = (0..<200).map { _ in draw.normal() }
        func table(_ rows: Int, from first: Int) -> String {
            visits("item,x,click,score", rows: rows) { row in
                let item = first + (row * 7) % 100
                let x = draw.normal()
                let z = tastes[item] + 1.5 * x
                return ["i\(item)", "\(x)", draw.uniform() < 1 / (1 + exp(-z)) ? "1" : "0", "\(z)"]
            }
        }
        try files.write(table(6000, from: 0))
        try files.write(table(2000, from: 100), as: "new.csv")
        var experiment = try files.experiment(
            ["{name: item, type: categorical, dimension: 8}", "{name: x, type: numeric}"])
        experiment.schema.labels.append(Label("score", .regression))
        experiment.model.trunk = [16]
        experiment.training.epochs = 20
        experiment.training.learningRate = 0.01
        let data = try files.prepared(experiment)
        let run = try TrainingRun(experiment, data)
        let model = try ModelBundle(data.preprocessor, settings: experiment.model, parameters: run.parameters)
        func judge(_ parameters: [Float]) throws -> (Double, Double) {
            let model = try ModelBundle(data.preprocessor, settings: experiment.model, parameters: parameters)
            let found = try model.evaluate(model.open(files.folder.file("new.csv")))
            return (found[0].areaUnderROC ?? 0, found[1].rootMeanSquaredError ?? .infinity)
        }
        let fitted = try judge(run.parameters)
        let start = run.model.plan.embedding.tables[0].parameters
        // The mean of the trained vectors, each as often as training rows have it: none of them is unknown.
        let counts = try #require(data.preprocessor.vocabulary(0)).counts
        var means = run.parameters
        for column in 0..<8 {
            var (sum, rows) = (0.0, 0.0)
            for id in 1..<counts.count {
                sum += Double(counts[id]) * Double(run.parameters[start + id * 8 + column])
                rows += Double(counts[id])
            }
            means[start + column] = Float(sum / rows)
        }
        let mean = try judge(means)
        var zeros = run.parameters
        for column in 0..<8 { zeros[start + column] = 0 }
        let zero = try judge(zeros)
        var random: [(Double, Double)] = []
        for seed in 0..<8 {
            var drawn = run.parameters
            var generator = SeededGenerator(seed: UInt64(seed))
            for column in 0..<8 { drawn[start + column] = Float((2 * generator.uniform() - 1) * 0.3) }
            random.append(try judge(drawn))
        }
        let usual = random.map(\.1).sorted()[4]
        print("unseen values: fitted \(fitted), mean \(mean), zero \(zero), as drawn \(random)")
        #expect(fitted.1 <= mean.1 + 0.005 && fitted.1 <= zero.1 + 0.005 && fitted.1 < usual)

        let judged = try model.judge(model.open(files.folder.file("new.csv")))
        let (evaluations, report) = (judged.evaluations, judged.report)
        #expect(evaluations.count == 2 && report.rows == 2000)
        #expect(report.unseen.map(\.name) == ["item"] && report.unseen.map(\.count) == [2000])
        #expect(
            report.notes == [
                "feature \"item\": 2,000 values in 2,000 rows that the training rows did not have, or had too rarely; what stands for such values is used instead"
            ])
    }

    @Test func valuesAndScenariosAreCountedPerColumn() throws {
        let files = try FieldCase()
        try files.write(
            visits("price,country,tags,click") {
                ["\($0 % 50)", ["DE", "FR"][$0 % 2], "a|b", "\($0 % 3 % 2)"]
            })
        var experiment = try files.experiment(
            [
                "{name: price, type: numeric}", "{name: country, type: categorical}",
                "{name: tags, type: tags}",
            ],
            roles: "scenario: country")
        experiment.model.sharing = SharingSettings(.scenarioTowers, ["layers": [4]])
        let model = try files.model(experiment)
        try files.write("price,country,tags\n1,DE,a\n2,US,a|c|d\n3,,b\n", as: "serve.csv")
        let report = try model.predict(model.open(files.folder.file("serve.csv"))) {
            (_, _) throws(InputError) in
        }
        #expect(report.rows == 3)
        #expect(report.unseen.map(\.name) == ["country", "tags", "country"])
        #expect(report.unseen.map(\.count) == [2, 2, 2])
        #expect(report.unseen.map(\.isScenario) == [false, false, true])
    }

    /// A missing value whose vector few or no training rows taught, of an id or of a number with vectors.
    @Test func missingValuesThatFewRowsHadAreCounted() throws {
        func unseen(
            missing rows: Int, _ missing: String = "", encoding: String = "piecewise"
        ) throws -> [String] {
            let files = try FieldCase()
            try files.write(
                visits("age,floor,item,hue,click") { row in
                    let values = ["\(row % 50)", "\(row % 7)", "i\(row % 9)", "h\(row % 3)"]
                    return (row < rows ? ["", "", "", ""] : values) + ["\(row % 2)"]
                })
            let experiment = try files.experiment(
                [
                    "{name: age, type: numeric, encoding: \(encoding)\(missing)}",
                    "{name: floor, type: numeric, buckets: 3\(missing)}",
                    "{name: item, type: categorical}",
                    "{name: hue, type: categorical, encoding: one_hot}",
                ], split: "{by: random, validation: 0, test: 0}")
            let model = try files.model(experiment)
            try files.write("age,floor,item,hue\n,,,\n1,2,i3,h1\n", as: "serve.csv")
            let report = try model.predict(model.open(files.folder.file("serve.csv"))) {
                (_, _) throws(InputError) in
            }
            #expect(report.unseen.allSatisfy { $0.count == 1 })
            return report.unseen.map(\.name)
        }
        // A column of few rows is a column.
        #expect(try unseen(missing: 5) == ["age", "floor", "item"])
        #expect(try unseen(missing: 40) == [])
        for encoding in ["periodic", "autodis"] {
            #expect(try unseen(missing: 5, encoding: encoding) == ["age", "floor", "item"])
            #expect(try unseen(missing: 40, encoding: encoding) == [])
        }
        #expect(try unseen(missing: 5, ", missing: most_frequent") == ["item"])
    }

    /// What stands for an empty bag is no value of a feature that shares the table.
    @Test func aMissingValueBesideBagsThatAreNeverEmptyIsItself() throws {
        let files = try FieldCase()
        try files.write(
            visits("tags,best,click") { ["a|b", $0 % 4 == 0 ? "" : ["a", "b"][$0 % 2], "\($0 % 2)"] })
        let model = try files.model(
            files.experiment([
                "{name: tags, type: tags}", "{name: best, type: categorical, sharing: tags}",
            ]))
        try files.write("tags,best\na,\nb,new\n", as: "serve.csv")
        let report = try model.predict(model.open(files.folder.file("serve.csv"))) {
            (_, _) throws(InputError) in
        }
        #expect(report.unseen.map(\.name) == ["best"] && report.unseen.map(\.count) == [1])
    }

    /// Rows of before are counted once for a table, however many features read it.
    @Test func rowsOfAModelCountOnceForASharedTable() throws {
        let files = try FieldCase()
        try files.write(
            visits("item,other,click", rows: 600) {
                [$0 < 11 ? "" : "i\($0 % 20)", "i\($0 % 7)", "\($0 % 2)"]
            })
        let experiment = try files.experiment(
            [
                "{name: item, type: categorical, dimension: 4}",
                "{name: other, type: categorical, sharing: item}",
            ], split: "{by: random, validation: 0, test: 0}")
        let data = try files.prepared(experiment)
        let trainer = try experiment.training.trainer(
            experiment.model.model(data.preprocessor), seed: 1)
        // 11 rows of before and 11 of these are fewer than 30.
        try trainer.completeUnseen(data.training, continuing: data.preprocessor)
        let vectors = try trainer.parameter("embeddings.item.weight")
        #expect(vectors[0..<4] == vectors[4..<8])
    }
}
