import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing
import Yams

/// Experiments whose tasks have files of their own.
@Suite struct TaskSourceTests {
    private let files: FieldCase

    init() throws {
        files = try FieldCase()
        try files.write(Self.clicks(Array(0..<400)), as: "clicks.csv")
        try files.write(Self.churn(Array(0..<150)), as: "churn.csv")
    }

    /// Rows with clicks and spends; what a row says depends on its number alone.
    private static func clicks(_ rows: [Int]) -> String {
        "user,price,country,at,click,spend\n"
            + rows.map { row in
                "u\(row * 7 % 40),\(row * 13 % 50),\(["DE", "FR", "IT"][row % 3]),\(1_600_000_000 + row * 3600),"
                    + "\(row * 13 % 50 > 25 ? 1 : 0),\(10 + row % 7)\n"
            }.joined()
    }

    /// Rows with churn in columns of another order, and with a column that looks like a label of the others.
    private static func churn(_ rows: [Int]) -> String {
        "churn,click,country,user,at,price\n"
            + rows.map { row in
                "\(row * 11 % 30 > 12 ? 1 : 0),maybe,\(["FR", "ES"][row % 2]),u\(row * 3 % 40),"
                    + "\(1_600_000_000 + row * 7200),\(row * 11 % 30)\n"
            }.joined()
    }

    private static let labels =
        "{name: click, type: binary}\n    - {name: churn, type: binary}\n"
        + "    - {name: spend, type: regression, weight: 0.1}"

    private func experiment(
        _ schedule: ScheduleSettings = ScheduleSettings(.alternating, ["turns": ["steps": 1]]),
        sources: String = "{source: FOLDER/churn.csv, labels: [churn], batch: 20}", data: String = "",
        roles: String = "", split: String = "{by: random, validation: 0.1, test: 0.1}"
    ) throws -> Experiment {
        let own = sources.replacing("FOLDER", with: files.folder.path)
        var experiment = try files.experiment(
            ["{name: price, type: numeric}", "{name: country, type: categorical, dimension: 3}"],
            label: Self.labels, data: "task_sources: [\(own)]\(data.isEmpty ? "" : ", \(data)")",
            roles: roles,
            split: split, source: "clicks.csv")
        experiment.training.schedule = schedule
        experiment.training.learningRate = 0.01
        return experiment
    }

    /// All rows of a part, as datasets of the cache's blocks.
    private func datasets(_ cache: RowCache) throws -> [Dataset<Float>] {
        try cache.blocks.indices.map { try cache.dataset($0) }
    }

    private func labelled(_ cache: RowCache) throws -> [[Bool]] {
        try datasets(cache).flatMap { dataset in
            let columns = try ["click", "churn", "spend"].map { try dataset.labels($0) }
            return (0..<dataset.rowCount).map { row in columns.map { !$0[row].isNaN } }
        }
    }

    // MARK: What is read

    @Test func aRowHasTheLabelsOfItsSourceAlone() throws {
        let data = try files.prepared(experiment())
        let rows = try labelled(data.training)
        #expect(Set(rows) == [[true, false, true], [false, true, false]])
        #expect(data.preprocessor.trainingRows == rows.count)
        let parts = [data.training, data.validation, data.test].compactMap { $0 }
        let all = try parts.flatMap { try labelled($0) }
        #expect(all.count { $0[0] } == 400 && all.count { $0[1] } == 150)
        // What is fitted is fitted on the rows of both: a country that one file alone has, and the mean of all prices.
        let countries = try #require(data.preprocessor.fitted[1].vocabulary)
        #expect(Set((Vocabulary.reserved..<countries.size).map(countries.value)) == ["DE", "FR", "IT", "ES"])
        let notes = try experiment().readingNotes(data)
        #expect(
            notes == [
                "\(files.folder.file("churn.csv")): column \"click\" is not read as label \"click\", which has rows of another source"
            ])
    }

    @Test func batchesOfASourceHaveItsRowsAndItsSize() throws {
        let experiment = try experiment()
        let data = try files.prepared(experiment)
        let model = try experiment.model.model(data.preprocessor)
        let own = try labelled(data.training).count { $0[1] }
        for (source, size) in [(0, 64), (1, 20)] {
            let batches = try CacheBatches(
                data.training, features: model.embedded, tasks: model.tasks.map(\.name), sources: [source],
                batchSize: size, seed: 1, stream: source)
            let rows = source == 1 ? own : data.training.rowCount - own
            #expect(batches.batchCount == (rows + size - 1) / size)
            var seen = 0
            for number in 1...batches.batchCount {
                let batch = try batches.next()
                #expect(number == batches.batchCount || batch.rows == size)
                seen += batch.rows
                for row in 0..<batch.rows {
                    let labels = (0..<3).map { task in
                        !batch.labels[row * batch.labelStride + batch.labelColumns[task]].isNaN
                    }
                    #expect(labels == (source == 1 ? [false, true, false] : [true, false, true]))
                }
            }
            #expect(seen == rows)
        }
    }

    /// Whatever threads read the files, the rows are prepared and learned to the same bits.
    @Test func threadsChangeNothing() throws {
        var found: [[UInt32]] = []
        for threads in [1, 2, 3] {
            let experiment = try experiment()
            let data = try experiment.prepare(in: files.folder.file("prepared \(threads)"), threads: threads)
            let run = try TrainingRun(experiment, data, compute: ComputeOptions(threads: threads))
            found.append(run.parameters.map(\.bitPattern))
        }
        #expect(found[1] == found[0] && found[2] == found[0])
    }

    /// Weights that one source's label has are 1 for those of another.
    @Test func weightsOfALabelAreThoseOfItsSource() throws {
        var experiment = try experiment()
        experiment.schema.labels[2].weightColumn = "price"
        let data = try files.prepared(experiment)
        let blocks = try datasets(data.training)
        #expect(blocks.count == 2)
        for (source, dataset) in blocks.enumerated() {
            let weights = try #require(dataset.labelWeights)
            let all = Set((0..<dataset.rowCount).map { weights.base[$0 * 3 + 2] })
            #expect(source == 0 ? all.count > 20 : all == [1])
        }
        _ = try TrainingRun(experiment, data)
    }

    @Test func aModelIsJudgedByTheLabelsOfAFile() throws {
        var experiment = try experiment()
        experiment.training.epochs = 1
        let model = try files.model(experiment)
        let path = try files.write(Self.churn(Array(0..<50)).replacing("maybe", with: "0"), as: "july.csv")
        let judged = try model.judge(model.open(path), labels: ["churn"]).evaluations
        #expect(judged.map(\.task) == ["churn"] && judged[0].labelledRows == 50)
        #expect(failure { _ = try model.judge(model.open(path)) }?.description.contains("spend") == true)
        let unknown = failure { _ = try model.judge(model.open(path), labels: ["tag"]) }
        #expect(unknown?.place == "label \"tag\"")
    }

    // MARK: Splits

    @Test func groupsAreTogetherInAllSources() throws {
        let data = try files.prepared(
            experiment(roles: "group: user", split: "{by: group, validation: 0.2, test: 0.2}"))
        let format = data.preprocessor.format
        var parts: [String: Set<Part>] = [:]
        var sources: [String: Set<String>] = [:]
        let experiment = try experiment(
            roles: "group: user", split: "{by: group, validation: 0.2, test: 0.2}")
        let source = try experiment.openRows(format: format)
        let splitter = try Splitter(experiment.split, source, experiment.schema)
        let plans = try ColumnPlans(experiment.schema, of: source, withLabels: true)
        try source.read { (block, _) throws(InputError) in
            let parsed = ParsedBlock(block, plans[block], classes: [nil, nil, nil])
            guard let column = block.columns.firstIndex(of: "user") else { return }
            for row in parsed.rows {
                let user = block.string(row, column)
                parts[user, default: []].insert(splitter.part(parsed, row))
                sources[user, default: []].insert(block.columns[0])
            }
        }
        #expect(parts.count == 40 && sources.values.allSatisfy { $0.count == 2 })
        #expect(parts.values.allSatisfy { $0.count == 1 })
        #expect(Set(parts.values.flatMap { $0 }) == [.training, .validation, .test])
        // Users without a group column are no rows to keep together.
        try files.write("churn,country,at,price\n1,DE,1600000000,3\n0,FR,1600000000,4\n", as: "churn.csv")
        let refused = files.refusal(experiment)
        #expect(refused?.place.contains("churn.csv") == true && refused?.description.contains("user") == true)
    }

    /// The cuts in time are those of all rows together: nothing is learned of a time that is judged, in whichever file.
    @Test func cutsInTimeAreTheSameForAllSources() throws {
        let experiment = try experiment(
            roles: "time: at", split: "{by: time, validation: 0.2, test: 0.2}")
        let source = try experiment.openRows()
        let splitter = try Splitter(experiment.split, source, experiment.schema)
        let plans = try ColumnPlans(experiment.schema, of: source, withLabels: true)
        var times: [Part: ClosedRange<Int>] = [:]
        var sources: [Part: Set<String>] = [:]
        try source.read { (block, _) throws(InputError) in
            let parsed = ParsedBlock(block, plans[block], classes: [nil, nil, nil])
            guard let column = block.columns.firstIndex(of: "at") else { return }
            for row in parsed.rows {
                let (part, time) = (splitter.part(parsed, row), Int(block.string(row, column)) ?? 0)
                let known = times[part] ?? time...time
                times[part] = min(known.lowerBound, time)...max(known.upperBound, time)
                sources[part, default: []].insert(block.columns[0])
            }
        }
        let (training, validation, test) = (
            try #require(times[.training]), try #require(times[.validation]), try #require(times[.test])
        )
        #expect(
            training.upperBound < validation.lowerBound && validation.upperBound < test.lowerBound)
        #expect(sources[.training]?.count == 2)
    }

    @Test func recordsAreCountedThroughAllSources() throws {
        let source = try experiment().openRows()
        var records: [Int] = []
        var blocks: [Int] = []
        try source.read { (block, _) throws(InputError) in
            blocks.append(block.index)
            records += (0..<block.rowCount).map { block.record($0) }
        }
        #expect(records == Array(0..<550) && blocks == Array(0..<blocks.count))
    }

    // MARK: Training

    /// Batches as large as a source: each turn's step is one over all of its rows, made by hand.
    @Test func turnsLearnFromTheirOwnFile() throws {
        var experiment = try experiment(sources: "{source: FOLDER/churn.csv, labels: [churn], batch: 200}")
        experiment.training.batch = 400
        experiment.training.epochs = 1
        let data = try files.prepared(experiment)
        let run = try experiment.model.model(data.preprocessor)
        let schedule = try experiment.training.schedule.schedule().schedule
        func trainer() throws -> Trainer<Float> {
            try Trainer(
                run, optimizer: .sgd(learningRate: 0.05), schedule: schedule, batchSize: 400, seed: 3)
        }
        let (fitted, stepped) = (try trainer(), try trainer())
        var rule = StoppingRule(epochs: 3, patience: nil)
        rule.watch = .loss(task: "churn")
        let report = try fitted.fit(data.training, batches: [400, 200], until: rule)
        #expect(report.epochs.map(\.steps) == [2, 4, 6])
        let blocks = try datasets(data.training)
        #expect(blocks.count == 2)
        for task in [0, 1, 2, 0, 1, 2] {
            let dataset = blocks[task == 1 ? 1 : 0]
            let source = try BatchSource(dataset, for: run)
            withExtendedLifetime(source) {
                _ = stepped.trainingStep.step(source.batch(start: 0, rows: dataset.rowCount), turn: task)
            }
        }
        try #require(report.bestEpoch == 3)
        expectClose(fitted.parameters, stepped.parameters, relative: 1e-4, absolute: 1e-5, "parameters")
        #expect(report.sources.map(\.tasks) == [["click", "spend"], ["churn"]])
        #expect(report.sources.map(\.rows) == [4 * blocks[0].rowCount, 2 * blocks[1].rowCount])
    }

    /// Two halves of a file are the file where all of their rows are mixed.
    @Test(arguments: [
        ScheduleSettings(.joint), ScheduleSettings(.alternating),
        ScheduleSettings(.alternating, ["turns": ["steps": 2], "trains": "blocks"]),
    ])
    func rowsOfAllSourcesAreMixedWhereTurnsAreOfAll(_ schedule: ScheduleSettings) throws {
        var whole = "price,country,click,churn,spend\n"
        for row in 0..<300 {
            whole += "\(row % 40),\(["DE", "FR"][row % 2]),"
            whole += row < 200 ? "\(row % 3 == 0 ? 1 : 0),,\(row % 9)\n" : ",\(row % 5 == 0 ? 1 : 0),\n"
        }
        let lines = whole.split(separator: "\n")
        try files.write(whole, as: "whole.csv")
        try files.write(lines[0...200].joined(separator: "\n"), as: "clicks.csv")
        try files.write(
            ([lines[0]] + lines[201...]).joined(separator: "\n"), as: "churn.csv")
        var own = try experiment(schedule, sources: "{source: FOLDER/churn.csv, labels: [churn]}")
        var one = own
        one.data = DataSettings(source: files.folder.file("whole.csv"))
        var losses: [[Double]] = []
        for experiment in [own, one] {
            var experiment = experiment
            experiment.split = Split(.random, validation: 0, test: 0)
            experiment.training.batch = 300
            experiment.training.epochs = 1
            let data = try files.prepared(experiment)
            let model = try experiment.model.model(data.preprocessor)
            let trainer = try experiment.training.trainer(model, seed: 1)
            let report = try trainer.fit(
                data.training, until: StoppingRule(epochs: 4, patience: nil))
            #expect(report.sources.map(\.tasks) == [["click", "churn", "spend"]])
            #expect(report.rowsSeen == 1200)
            losses.append(report.epochs.flatMap(\.trainingLosses))
        }
        expectClose(losses[0], losses[1], relative: 1e-4, absolute: 1e-6, "losses")
        own.data.taskSources[0].batch = 32
        one = own
        #expect(
            failure { try one.check() }?.place == "data.task_sources.[0].batch")
    }

    @Test func everySourceMustHaveATrainingRow() throws {
        try files.write(Self.churn([]), as: "churn.csv")
        #expect(try files.refusal(experiment())?.description.contains("churn.csv") == true)
        // None is left of churn before the cut.
        try files.write(Self.churn(Array(300..<310)), as: "churn.csv")
        let late = try experiment(roles: "time: at", split: "{by: time, validation: 0.2, test: 0.2}")
        let refused = files.refusal(late)
        #expect(refused?.place == files.folder.file("churn.csv") && refused?.found == "no training row")
    }

    // MARK: Files

    @Test func aChangeOfAnySourceIsSeen() throws {
        let experiment = try experiment()
        let folder = files.folder.file("prepared")
        #expect(try !experiment.prepare(in: folder).wasCached)
        #expect(try experiment.prepare(in: folder).wasCached)
        try files.write(Self.churn(Array(0..<151)), as: "churn.csv")
        let data = try experiment.prepare(in: folder)
        #expect(!data.wasCached)
        #expect(try labelled(data.training).count { $0[1] } > 100)
        var other = experiment
        other.data.taskSources[0].labels = ["churn", "spend"]
        #expect(failure { _ = try other.prepare(in: folder) }?.place.contains("churn.csv") == true)
    }

    @Test func noSourceIsWrittenOver() throws {
        try files.write(Self.churn(Array(200..<240)), as: "june.csv")
        let experiment = try experiment(
            sources: "{source: FOLDER/churn.csv, labels: [churn], test: FOLDER/june.csv}",
            data: "test: \(files.folder.file("clicks.csv"))")
        for (name, what) in [("churn.csv", "the data of churn"), ("june.csv", "the data to judge churn by")] {
            let refused = failure {
                try experiment.filesInUse.check(output: files.folder.file(name), "--model")
            }
            #expect(refused?.found.hasSuffix("which is \(what)") == true)
        }
    }

    @Test func sourcesHaveRowsToJudgeByOfTheirOwn() throws {
        try files.write(Self.churn(Array(200..<240)), as: "june churn.csv")
        try files.write(Self.clicks(Array(500..<560)), as: "june.csv")
        let experiment = try experiment(
            sources: "{source: FOLDER/churn.csv, labels: [churn], test: FOLDER/june churn.csv}",
            data: "test: \(files.folder.file("june.csv"))", roles: "group: user")
        let data = try files.prepared(experiment)
        let test = try labelled(#require(data.test))
        #expect(test.count { $0[0] } == 60 && test.count { $0[1] } == 40 && test.count == 100)
        let run = try TrainingRun(experiment, data)
        #expect(run.evaluations.first?.map(\.labelledRows) == [60, 40, 60])
        #expect(run.evaluations.first?[1].groupedAreaUnderROC != nil)
        let report = try experiment.report(data)
        let judged = try #require(report.parts.first { $0.name == "test" })
        #expect(judged.rows == 100 && judged.labels.map(\.labelled) == [60, 40, 60])
    }

    @Test func historiesAreJoinedToAllSources() throws {
        try files.write(
            "user,at,amount\n" + (0..<40).map { "u\($0),1590000000,\($0)\n" }.joined(), as: "orders.csv")
        var experiment = try experiment(roles: "group: user\n  time: at")
        var orders = HistorySpec("orders", events: files.folder.file("orders.csv"), user: "user", time: "at")
        (orders.value, orders.windows, orders.aggregates) = ("amount", ["all"], [.sum])
        experiment.histories = [orders]
        experiment.schema.features.append(Feature("orders_sum_amount_all", .numeric))
        let data = try files.prepared(experiment)
        let index = try #require(data.preprocessor.denseNames.firstIndex(of: "orders_sum_amount_all"))
        for dataset in try datasets(data.training) {
            #expect(Set((0..<dataset.rowCount).map { dataset.features(row: $0)[index] }).count > 10)
        }
    }

    // MARK: Refusals

    @Test func whatMakesNoSenseIsNamed() throws {
        func refusal(_ sources: String, data: String = "") throws -> String? {
            failure { try experiment(sources: sources, data: data).check() }?.description
        }
        let churn = "source: FOLDER/churn.csv"
        let cases = [
            ("{\(churn), labels: []}", "data.task_sources.[0].labels: found none"),
            ("{\(churn), labels: [tag]}", "data.task_sources.[0].labels: found no label \"tag\""),
            (
                "{\(churn), labels: [churn]}, {\(churn), labels: [churn]}",
                "data.task_sources.[1].labels: found label \"churn\" again"
            ),
            (
                "{\(churn), labels: [churn, click, spend]}",
                "data.source: found rows of no label: all are named by task_sources"
            ),
            ("{\(churn), labels: [churn], batch: 0}", "data.task_sources.[0].batch: found 0"),
            (
                "{\(churn), labels: [churn], test: june.csv}",
                "data.task_sources.[0].test: found one, and none of the data"
            ),
        ]
        for (sources, expected) in cases {
            let found = try refusal(sources)
            #expect(found?.hasPrefix(expected) == true, "\(found ?? "none")")
        }
        let test = try refusal("{\(churn), labels: [churn]}", data: "test: june.csv")
        #expect(test?.hasPrefix("data.task_sources.[0].test: found none beside that of the data") == true)
        #expect(throws: (any Error).self) { try experiment(sources: "{\(churn), label: [churn]}") }
        #expect(throws: (any Error).self) { try experiment(sources: "{labels: [churn]}") }
    }

    @Test func aFeatureThatASourceLacksIsNamedWithItsFile() throws {
        try files.write("churn,country,user,at\n1,DE,u1,1600000000\n", as: "churn.csv")
        let refused = try files.refusal(experiment())
        #expect(refused?.place.contains("churn.csv") == true)
        #expect(refused?.description.contains("price") == true)
    }

    @Test func settingsAreWrittenAsTheyAreRead() throws {
        let experiment = try experiment(
            sources: "{source: FOLDER/churn.csv, labels: [churn], batch: 20, columns: [a, b]}")
        let written = try JSONEncoder().encode(experiment)
        #expect(try JSONDecoder().decode(Experiment.self, from: written) == experiment)
        #expect(experiment.data.taskSources[0].batch == 20)
        #expect(experiment.data.taskSources[0].columns == ["a", "b"])
    }
}
