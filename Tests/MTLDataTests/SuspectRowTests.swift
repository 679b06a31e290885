import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// A loss that runs away is told with the file and line of the rows that may be why.
@Suite struct SuspectRowTests {
    /// As it is: a scale would bring any number near the others.
    private static let features = ["{name: price, type: numeric, scale: none}"]
    private static let spend = "{name: spend, type: regression}"

    private func table(_ rows: Int, odd: Int?, price: String = "3", _ cell: String) -> String {
        visits("price,click,spend", rows: rows) { row in
            [
                row == odd ? price : "\(row % 50)", row % 50 > 25 ? "1" : "0",
                row == odd ? cell : "\(10 + row * 7 % 50)",
            ]
        }
    }

    /// The error of an experiment whose run ended, and the notes along the way.
    private func run(
        _ files: FieldCase, _ experiment: Experiment
    ) throws -> (error: String, notes: [String]) {
        let data = try files.prepared(experiment)
        var notes: [String] = []
        let error = failure {
            _ = try TrainingRun(experiment, data) { if case .note(let text) = $0 { notes.append(text) } }
        }
        return (error?.description ?? "", notes)
    }

    private func experiment(_ files: FieldCase, label: String = spend) throws -> Experiment {
        var experiment = try files.experiment(Self.features, label: label)
        experiment.split = Split(.random, validation: 0, test: 0)
        experiment.training.epochs = 3
        experiment.training.batch = 16
        return experiment
    }

    @Test func theLineOfAnAbsurdNumberIsNamedAndNoOther() throws {
        for (rows, odd) in [(400, 123), (2000, 1999)] {
            let files = try FieldCase()
            try files.write(table(rows, odd: odd, price: "1e30", "20"))
            let found = try run(files, experiment(files)).error
            #expect(found.contains("visits.csv, line \(odd + 2) (a loss of no finite number)"), "\(found)")
            #expect(found.components(separatedBy: ", line ").count == 2, "\(found)")
        }
    }

    /// Its loss is a number, that of the next batch is none.
    @Test func aRowOfTheBatchBeforeIsNamed() throws {
        let files = try FieldCase()
        try files.write(table(400, odd: 77, price: "1e14", "20"))
        var experiment = try experiment(files)
        experiment.training.optimizer = .sgd
        let found = try run(files, experiment).error
        #expect(found.contains("visits.csv, line 79 (a loss of "), "\(found)")
        #expect(found.components(separatedBy: ", line ").count == 2, "\(found)")
    }

    @Test func aGradientThatIsTooLongNamesItsRow() throws {
        let files = try FieldCase()
        try files.write(table(400, odd: 200, price: "1e6", "20"))
        var experiment = try experiment(files)
        experiment.training.gradientLimit = 1e4
        let found = try run(files, experiment).error
        #expect(
            found.contains("gradient of norm") && found.contains("visits.csv, line 202 (a loss of"),
            "\(found)")
    }

    @Test func rowsOfTheValidationPartAreNamed() throws {
        // Which rows the split draws is asked of the message itself: the odd one is in another part of each file.
        var parts: Set<String> = []
        for odd in 0..<12 {
            let files = try FieldCase()
            try files.write(table(400, odd: odd, price: "1e30", "20"))
            var experiment = try experiment(files)
            experiment.split = Split(.random, validation: 0.4, test: 0)
            let found = try run(files, experiment).error
            #expect(found.contains("visits.csv, line \(odd + 2) (a loss of no finite number)"), "\(found)")
            parts.insert(found.contains("of validation rows") ? "validation" : "training")
        }
        #expect(parts.count == 2)
    }

    @Test(arguments: [
        ScheduleSettings(.joint), ScheduleSettings(.alternating, ["turns": ["steps": 2]]),
    ])
    func theFileOfATaskOfItsOwnIsNamed(_ schedule: ScheduleSettings) throws {
        let files = try FieldCase()
        try files.write(table(300, odd: nil, ""))
        try files.write(table(200, odd: 150, price: "1e30", "20"), as: "spends.csv")
        var experiment = try experiment(
            files, label: "{name: click, type: binary}\n    - \(Self.spend)")
        experiment.training.schedule = schedule
        experiment.data.taskSources = [
            TaskSource(source: files.folder.file("spends.csv"), labels: ["spend"])
        ]
        let found = try run(files, experiment).error
        #expect(found.contains("spends.csv, line 152 (a loss of no finite number)"), "\(found)")
        #expect(found.components(separatedBy: ", line ").count == 2, "\(found)")
    }

    @Test func sampledRowsAndBadRowsAreCounted() throws {
        let files = try FieldCase()
        try files.write(
            visits("price,click,spend", rows: 2000) { row in
                [
                    row % 100 == 5 ? "much" : row == 1500 ? "1e30" : "\(row % 50)", "1",
                    "\(10 + row * 7 % 50)",
                ]
            })
        var experiment = try experiment(files)
        experiment.data.badRows = "skip:5%"
        var share = Sampling()
        share.tasks = ["spend": 0.9]
        experiment.sampling = share
        for seed in 0..<9 as Range<UInt64> {
            experiment.sampling.seed = seed
            let found = try run(files, experiment).error
            // A sample may lack the row: then nothing runs away.
            guard !found.isEmpty else { continue }
            #expect(found.contains("visits.csv, line 1502 (a loss of no finite number)"), "\(found)")
            return
        }
        Issue.record("no sample has the row")
    }

    @Test func goingBackIsToldWithTheRows() throws {
        let files = try FieldCase()
        try files.write(table(400, odd: 123, price: "1e30", "20"))
        var experiment = try experiment(files)
        experiment.training.onDivergence = .rollBack
        let found = try run(files, experiment)
        let told = found.notes.filter { $0.contains("went back from epoch") }
        #expect(told.count == 5, "\(found.notes)")
        #expect(
            told.allSatisfy { $0.contains("visits.csv, line 125 (a loss of no finite number)") }, "\(told)")
    }

    /// Rows that were handed in from Swift are named by their places.
    @Test func rowsOfADatasetAreNamedByTheirPlace() throws {
        let labels = (0..<200).map { Float($0 == 140 ? 1e30 : Float($0 % 9)) }
        let data = try Dataset<Float>(
            featureNames: ["x"], features: (0..<200).map { Float($0 % 7) }, labels: [("y", labels)])
        let model = try MultiTaskModel(inputs: 1, trunk: [.relu(4)], tasks: [.regression("y")])
        for epochs in [1, 4] {
            let trainer = try Trainer<Float>(model, batchSize: 16, seed: 2)
            let report = try trainer.fit(data, until: StoppingRule(epochs: epochs))
            let rows = try #require(report.divergence?.rows)
            #expect(rows.map(\.row) == [140] && rows[0].loss == nil && !rows[0].isValidation)
        }
    }
}
