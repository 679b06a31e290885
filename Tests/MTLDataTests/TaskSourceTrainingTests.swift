import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What is learned where tasks have files of their own, which files those are, and what is refused.
@Suite struct TaskSourceTrainingTests {
    private let shop: SourceCase

    init() throws { shop = try SourceCase() }

    // MARK: Training

    /// Batches as large as a source: each turn's step is one over all of its rows, made by hand.
    @Test func turnsLearnFromTheirOwnFile() throws {
        var experiment = try shop.experiment(
            sources: "{source: FOLDER/churn.csv, labels: [churn], batch: 200}")
        experiment.training.batch = 400
        experiment.training.epochs = 1
        let data = try shop.files.prepared(experiment)
        let run = try experiment.model.model(data.preprocessor)
        let schedule = try experiment.training.schedule.schedule().schedule
        func trainer() throws -> Trainer<Float> {
            try Trainer(
                run, optimizer: .sgd(learningRate: 0.05), schedule: schedule, batchSize: 400, seed: 3)
        }
        let (fitted, stepped) = (try trainer(), try trainer())
        var latest: [Float] = []
        let report = try fitted.fit(
            data.training, batches: [400, 200], until: StoppingRule(epochs: 3, patience: nil)
        ) { _ in latest = fitted.parameters }
        #expect(report.epochs.map(\.steps) == [2, 4, 6])
        let blocks = try shop.datasets(data.training)
        #expect(blocks.count == 2)
        for task in [0, 1, 2, 0, 1, 2] {
            let dataset = blocks[task == 1 ? 1 : 0]
            let source = try BatchSource(
                dataset, for: run, tasks: task == 1 ? ["churn"] : ["click", "spend"])
            withExtendedLifetime(source) {
                _ = stepped.trainingStep.step(source.batch(start: 0, rows: dataset.rowCount), turn: task)
            }
        }
        expectClose(latest, stepped.parameters, relative: 1e-4, absolute: 1e-5, "parameters")
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
        try shop.files.write(whole, as: "whole.csv")
        try shop.files.write(lines[0...200].joined(separator: "\n"), as: "clicks.csv")
        try shop.files.write(
            ([lines[0]] + lines[201...]).joined(separator: "\n"), as: "churn.csv")
        var own = try shop.experiment(schedule, sources: "{source: FOLDER/churn.csv, labels: [churn]}")
        var one = own
        one.data = DataSettings(source: shop.files.folder.file("whole.csv"))
        var losses: [[Double]] = []
        for experiment in [own, one] {
            var experiment = experiment
            experiment.split = Split(.random, validation: 0, test: 0)
            experiment.training.batch = 300
            experiment.training.epochs = 1
            let data = try shop.files.prepared(experiment)
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

    /// What only another task's file has is as unseen for a task's own tables as in a model of that task alone.
    @Test func valuesOfOtherFilesAreUnseenByATaskOfItsOwn() throws {
        var experiment = try shop.experiment(ScheduleSettings(.alternating, ["turns": ["steps": 1]]))
        experiment.model.sharing = SharingSettings(.separate, ["layers": [8]])
        let data = try shop.files.prepared(experiment)
        let run = try TrainingRun(experiment, data)
        let trainer = try Trainer<Float>(run.model)
        trainer.parameters = run.parameters
        let countries = try #require(data.preprocessor.vocabulary(1))
        let ids = Dictionary(uniqueKeysWithValues: countries.counts.indices.map { (countries.value($0), $0) })
        let rare = try #require(ids["ES"])
        // Whatever no row of clicks has is one vector, that of a value never seen; churn has rows of it.
        let clicks = try trainer.parameter("embeddings.click.country.weight")
        #expect(clicks[rare * 3..<rare * 3 + 3] == clicks[0..<3])
        let churn = try trainer.parameter("embeddings.churn.country.weight")
        #expect(churn[rare * 3..<rare * 3 + 3] != churn[0..<3])
        // Other churn moves no click's vector.
        let lines = SourceCase.churn(Array(0..<150)).split(separator: "\n")
        let other = lines.dropFirst().map { ($0.first == "1" ? "0" : "1") + $0.dropFirst() }
        try shop.files.write(([String(lines[0])] + other).joined(separator: "\n") + "\n", as: "churn.csv")
        trainer.parameters = try TrainingRun(experiment, shop.files.prepared(experiment)).parameters
        #expect(try trainer.parameter("embeddings.click.country.weight") == clicks)
        #expect(try trainer.parameter("embeddings.churn.country.weight") != churn)
    }

    @Test func everySourceMustHaveATrainingRow() throws {
        try shop.files.write(SourceCase.churn([]), as: "churn.csv")
        #expect(try shop.files.refusal(shop.experiment())?.description.contains("churn.csv") == true)
        // None is left of churn before the cut.
        try shop.files.write(SourceCase.churn(Array(300..<310)), as: "churn.csv")
        let late = try shop.experiment(roles: "time: at", split: "{by: time, validation: 0.2, test: 0.2}")
        let refused = shop.files.refusal(late)
        #expect(refused?.place == shop.files.folder.file("churn.csv") && refused?.found == "no training row")
    }

    @Test func aNumberFarFromAllOthersIsNamedWithItsFile() throws {
        var lines = SourceCase.churn(Array(0..<150)).split(separator: "\n").map(String.init)
        let cells = lines[101].split(separator: ",").dropLast()
        lines[101] = (cells + ["1e15"]).joined(separator: ",")
        try shop.files.write(lines.joined(separator: "\n") + "\n", as: "churn.csv")
        let experiment = try shop.experiment()
        let found = try experiment.report(shop.files.prepared(experiment)).findings.filter {
            $0.check == .outlier
        }
        #expect(found.map(\.place) == ["feature \"price\""])
        #expect(found.first?.found.contains("churn.csv, line 102 ") == true, "\(found)")
    }

    // MARK: Files

    @Test func aChangeOfAnySourceIsSeen() throws {
        let experiment = try shop.experiment()
        let folder = shop.files.folder.file("prepared")
        #expect(try !experiment.prepare(in: folder).wasCached)
        #expect(try experiment.prepare(in: folder).wasCached)
        try shop.files.write(SourceCase.churn(Array(0..<151)), as: "churn.csv")
        let data = try experiment.prepare(in: folder)
        #expect(!data.wasCached)
        #expect(try shop.labelled(data.training).count { $0[1] } > 100)
        var other = experiment
        other.data.taskSources[0].labels = ["churn", "spend"]
        #expect(failure { _ = try other.prepare(in: folder) }?.place.contains("churn.csv") == true)
    }

    @Test func noSourceIsWrittenOver() throws {
        try shop.files.write(SourceCase.churn(Array(200..<240)), as: "june.csv")
        let experiment = try shop.experiment(
            sources: "{source: FOLDER/churn.csv, labels: [churn], test: FOLDER/june.csv}",
            data: "test: \(shop.files.folder.file("clicks.csv"))")
        for (name, what) in [("churn.csv", "the data of churn"), ("june.csv", "the data to judge churn by")] {
            let refused = failure {
                try experiment.filesInUse.check(output: shop.files.folder.file(name), "--model")
            }
            #expect(refused?.found.hasSuffix("which is \(what)") == true)
        }
    }

    @Test func sourcesHaveRowsToJudgeByOfTheirOwn() throws {
        try shop.files.write(SourceCase.churn(Array(200..<280)), as: "june churn.csv")
        try shop.files.write(SourceCase.clicks(Array(500..<560)), as: "june.csv")
        let experiment = try shop.experiment(
            sources: "{source: FOLDER/churn.csv, labels: [churn], test: FOLDER/june churn.csv}",
            data: "test: \(shop.files.folder.file("june.csv"))", roles: "group: user")
        let data = try shop.files.prepared(experiment)
        let test = try shop.labelled(#require(data.test))
        #expect(test.count { $0[0] } == 60 && test.count { $0[1] } == 80 && test.count == 140)
        let run = try TrainingRun(experiment, data)
        #expect(run.evaluations.first?.map(\.labelledRows) == [60, 80, 60])
        #expect(run.evaluations.first?[1].groupedAreaUnderROC != nil)
        let report = try experiment.report(data)
        let judged = try #require(report.parts.first { $0.name == "test" })
        #expect(judged.rows == 140 && judged.labels.map(\.labelled) == [60, 80, 60])
    }

    @Test func historiesAreJoinedToAllSources() throws {
        try shop.files.write(
            "user,at,amount\n" + (0..<40).map { "u\($0),1590000000,\($0)\n" }.joined(), as: "orders.csv")
        var experiment = try shop.experiment(roles: "group: user\n  time: at")
        var orders = HistorySpec(
            "orders", events: shop.files.folder.file("orders.csv"), user: "user", time: "at")
        (orders.value, orders.windows, orders.aggregates) = ("amount", ["all"], [.sum])
        experiment.histories = [orders]
        experiment.schema.features.append(Feature("orders_sum_amount_all", .numeric))
        let data = try shop.files.prepared(experiment)
        let index = try #require(data.preprocessor.denseNames.firstIndex(of: "orders_sum_amount_all"))
        for dataset in try shop.datasets(data.training) {
            #expect(Set((0..<dataset.rowCount).map { dataset.features(row: $0)[index] }).count > 10)
        }
    }

    // MARK: Refusals

    @Test func whatMakesNoSenseIsNamed() throws {
        func refusal(_ sources: String, data: String = "") throws -> String? {
            failure { try shop.experiment(sources: sources, data: data).check() }?.description
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
                "data, source: found rows of no label: all are named by task_sources"
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
        #expect(throws: (any Error).self) { try shop.experiment(sources: "{\(churn), label: [churn]}") }
        #expect(throws: (any Error).self) { try shop.experiment(sources: "{labels: [churn]}") }
    }

    @Test func aFeatureThatASourceLacksIsNamedWithItsFile() throws {
        try shop.files.write("churn,country,user,at\n1,DE,u1,1600000000\n", as: "churn.csv")
        let refused = try shop.files.refusal(shop.experiment())
        #expect(refused?.place.contains("churn.csv") == true)
        #expect(refused?.description.contains("price") == true)
    }

    @Test func settingsAreWrittenAsTheyAreRead() throws {
        let experiment = try shop.experiment(
            sources: "{source: FOLDER/churn.csv, labels: [churn], batch: 20, columns: [a, b]}")
        let written = try JSONEncoder().encode(experiment)
        #expect(try JSONDecoder().decode(Experiment.self, from: written) == experiment)
        #expect(experiment.data.taskSources[0].batch == 20)
        #expect(experiment.data.taskSources[0].columns == ["a", "b"])
    }
}
