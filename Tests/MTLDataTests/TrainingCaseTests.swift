import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Training and serving as people meet them, after public reports. One test a case, by its number.
@Suite struct TrainingCaseTests {
    private static let price = "{name: price, type: numeric}"
    private static let country = "{name: country, type: categorical}"

    private func trained(
        _ files: FieldCase, _ experiment: Experiment
    ) throws -> (run: TrainingRun, data: PreparedData, model: ModelBundle) {
        let data = try files.prepared(experiment)
        let run = try TrainingRun(experiment, data)
        return (
            run, data,
            try ModelBundle(data.preprocessor, settings: experiment.model, parameters: run.parameters)
        )
    }

    /// Whether a price is above the middle, in no order.
    private static func click(_ row: Int) -> Int { row * 7 % 50 > 25 ? 1 : 0 }
    private static func price(_ row: Int) -> String { "\(row * 7 % 50)" }

    @Test("t01: labels of some tasks are missing, as ? or as -1 with a word or a condition") func t01() throws
    {
        let files = try FieldCase()
        for (missing, data, when) in [
            ("?", "", ""), ("-1", "missing_words: [usual, \"-1\"]", ""), ("-1", "", ", when: click >= 0"),
        ] {
            try files.write(
                visits("price,click") { [Self.price($0), $0 % 3 == 0 ? missing : "\(Self.click($0))"] })
            let experiment = try files.experiment(
                [Self.price], label: "{name: click, type: binary\(when)}", data: data)
            let audit = try LabelAudit(files.prepared(experiment).training, experiment.schema)
            #expect(audit.problems.isEmpty && audit.labels[0].labelled > 80 && audit.labels[0].labelled < 140)
            #expect(audit.labels[0].least == 0 && audit.labels[0].greatest == 1)
        }
        let plain = try files.experiment([Self.price])
        #expect(
            files.refusal(plain)?.expected.contains("missing_words: [usual, \"-1\"] if it means unknown")
                == true)
    }

    @Test("t02: a label of one class is told once, with advice that fits, and not trained") func t02() throws
    {
        let files = try FieldCase()
        try files.write(visits("price,click,refund") { [Self.price($0), "\(Self.click($0))", "0"] })
        var experiment = try files.experiment([Self.price])
        experiment.schema.labels.append(Label("refund", .binary))
        let report = try experiment.report(files.prepared(experiment))
        let told = report.findings.filter { $0.place.contains("refund") }
        #expect(told.count == 1 && told[0].advice.contains("no split finds any"))
        let error = failure { _ = try trained(files, experiment) }
        #expect(
            error?.place == "label \"refund\", training rows"
                && error?.expected.contains("leave the label out") == true)
    }

    @Test("t03: a label of millions is learned, and leaves the click beside it as it is") func t03() throws {
        let files = try FieldCase()
        try files.write(
            visits("price,click,revenue", rows: 600) {
                [Self.price($0), "\(Self.click($0))", "\(5_000_000 + $0 * 7 % 50)"]
            })
        var experiment = try files.experiment([Self.price], label: "{name: revenue, type: regression}")
        experiment.training.epochs = 40
        experiment.training.learningRate = 0.02
        experiment.schema.labels.append(Label("click", .binary))
        let evaluations = try trained(files, experiment).run.evaluations[0]
        #expect(try #require(evaluations[0].rootMeanSquaredError) < 4)
        #expect(try #require(evaluations[1].areaUnderROC) > 0.99)
    }

    @Test("t03: a task that learned nothing of its label beside others is told") func t03Nothing() throws {
        let files = try FieldCase()
        // What later rows have is nothing that earlier ones tell of.
        try files.write(
            visits("price,click,revenue,at", rows: 600) { row in
                [
                    Self.price(row), "\(Self.click(row))", "\(row * 7 % 50 + (row < 480 ? 0 : 25))",
                    String(format: "2026-01-%02d %02d:00:00", row / 24 + 1, row % 24),
                ]
            })
        var experiment = try files.experiment(
            [Self.price], label: "{name: revenue, type: regression}", roles: "time: at",
            split: "{by: time, validation: 0.1, test: 0.1}")
        experiment.schema.labels.append(Label("click", .binary))
        let data = try files.prepared(experiment)
        var notes: [String] = []
        _ = try TrainingRun(experiment, data) { if case .note(let text) = $0 { notes.append(text) } }
        #expect(
            notes.contains { $0.contains("task \"revenue\"") && $0.contains("learned nothing of its label") },
            "\(notes)")
    }

    @Test("t04: 1e15 among stocks trains, and check names its line") func t04() throws {
        let files = try FieldCase()
        try files.write(
            visits("stock,price,click", rows: 300) {
                [$0 == 99 ? "1e15" : "\(100 + $0)", Self.price($0), "\(Self.click($0))"]
            })
        let experiment = try files.experiment(["{name: stock, type: numeric}", Self.price])
        _ = try trained(files, experiment)
        let report = try experiment.report(files.prepared(experiment))
        #expect(report.findings.contains { $0.check == .outlier && $0.found.contains("in line 101") })
    }

    @Test("t05: a weight column of one task, and a wrong one in plain words") func t05() throws {
        let files = try FieldCase()
        try files.write(
            visits("price,click,w_buy") { [Self.price($0), "\(Self.click($0))", "\(0.5 + Double($0 % 3))"] })
        _ = try trained(
            files, files.experiment([Self.price], label: "{name: click, type: binary, weight: w_buy}"))
        let wrong = try files.experiment([Self.price], label: "{name: click, type: binary, weight: w_buys}")
        let refused = files.refusal(wrong)
        #expect(refused?.place.hasPrefix("label \"click\", weight, a number or a column: ") == true)
        #expect(refused?.found == "no such column")
    }

    @Test("t07: training goes on with a model's vocabularies and weights") func t07() throws {
        let files = try FieldCase()
        try files.write(visits { [Self.price($0), ["DE", "FR"][$0 % 2], "\(Self.click($0))"] })
        var experiment = try files.experiment([Self.price, Self.country])
        experiment.training.epochs = 40
        experiment.training.learningRate = 0.02
        let first = try trained(files, experiment)
        try files.write(
            visits(rows: 100) { [Self.price($0), ["FR", "IT"][$0 % 2], "\(Self.click($0))"] }, as: "later.csv"
        )
        var later = experiment
        later.data.source = files.folder.file("later.csv")
        later.training.epochs = 1
        later.training.learningRate = 1e-6
        try first.model.check(continuing: later)
        let data = try later.prepare(
            in: files.folder.file("later"), threads: 1, encodedBy: first.model.preprocessor)
        #expect(data.preprocessor == first.model.preprocessor)
        let run = try TrainingRun(later, data, from: first.model.parameters)
        let layers = run.model.layout.denseCount
        // The head's bias is fitted to the later rows.
        let bias = try run.model.layout.segment("heads.click.0.bias")
        let others = (0..<layers).filter { $0 < bias.offset || $0 >= bias.offset + bias.count }
        let moved = others.map { abs(run.parameters[$0] - first.model.parameters[$0]) }.max() ?? 1
        #expect(moved < 1e-3 && run.parameters.prefix(layers) != first.model.parameters.prefix(layers))
        // The later rows have no DE: what was learned of it stays.
        let table = run.model.plan.embedding.tables[0]
        let countries = try #require(data.preprocessor.vocabulary(1))
        let germany = try #require((0..<countries.size).first { countries.value($0) == "DE" })
        let place = table.parameters + germany * table.width
        #expect(
            run.parameters[place..<place + table.width]
                .elementsEqual(first.model.parameters[place..<place + table.width]))
        #expect(try #require(run.evaluations[0][0].areaUnderROC) > 0.9)
        later.schema.features.removeLast()
        #expect(failure { try first.model.check(continuing: later) }?.found == "no feature \"country\"")
    }

    @Test("t10: tables beyond the memory are refused before any row is read") func t10() throws {
        let files = try FieldCase()
        let experiment = try files.experiment(
            ["{name: user, type: categorical, hash_buckets: 1000000000, dimension: 4096}"],
            source: "not-there.csv")
        let refused = files.refusal(experiment)
        #expect(refused?.place == "feature \"user\", hash_buckets")
        #expect(refused?.found.contains("a table of 1,000,000,000 x 4,096") == true)
        #expect(refused?.expected.contains("which are free") == true)
    }

    @Test("t11: a class that training did not have is named with its line") func t11() throws {
        let files = try FieldCase()
        try files.write(visits("price,plan") { [Self.price($0), ["a", "b", "c"][$0 % 3]] })
        try files.write(
            visits("price,plan", rows: 30) { [Self.price($0), $0 == 9 ? "d" : "a"] }, as: "test.csv")
        let experiment = try files.experiment(
            [Self.price], label: "{name: plan, type: multiclass}",
            data: "test: \(files.folder.file("test.csv"))")
        let refused = files.refusal(experiment)
        #expect(
            refused?.place.hasSuffix("test.csv, line 11, column \"plan\"") == true
                && refused?.found == "\"d\"")
    }

    @Test("t12: of entire-space models every probability has a name, and conditions are refused") func t12()
        throws
    {
        let files = try FieldCase()
        try files.write(
            visits("price,click,buy", rows: 600) {
                [Self.price($0), "\(Self.click($0))", "\($0 % 2 * Self.click($0))"]
            })
        var experiment = try files.experiment([Self.price])
        experiment.schema.labels.append(Label("buy", .binary))
        for type in [SharingType.esmm, .escm2] {
            experiment.model.sharing = SharingSettings(type, ["parents": ["buy": "click"], "layers": [4]])
            let model = try trained(files, experiment).model
            #expect(model.predictionNames == ["click", "click&buy", "buy given click"])
            try model.predict(model.open(files.folder.file("visits.csv"))) {
                (_, predictions) throws(InputError) in
                let values = [try predictions.values("click"), try predictions.values("buy")]
                let cells = model.cells(model.predictionColumns, values, row: 0).map { Double($0) ?? -1 }
                #expect(abs(cells[0] * cells[2] - cells[1]) < 1e-6 && cells[1] <= cells[0])
            }
            experiment.schema.labels[1].when = "click = 1"
            #expect(files.refusal(experiment)?.place == "label \"buy\", when")
            experiment.schema.labels[1].when = nil
        }
    }

    @Test("s01: unseen values are an average and counted; a name in other capitals is hinted at") func s01()
        throws
    {
        let files = try FieldCase()
        try files.write(visits { [Self.price($0), ["DE", "FR", "ZA"][$0 % 3], "\(Self.click($0))"] })
        let model = try trained(files, files.experiment([Self.price, Self.country])).model
        try files.write("price,country\n20,XX\n20,\n20,DE\n", as: "serve.csv")
        var values: [Float] = []
        let report = try model.predict(model.open(files.folder.file("serve.csv"))) {
            (_, predictions) throws(InputError) in
            values += try predictions.values("click")
        }
        #expect(values[0] == values[1] && values[0] != values[2])
        #expect(report.unseen.map(\.count) == [2])
        try files.write("Price,country\n20,DE\n", as: "capitals.csv")
        let refused = failure {
            try model.predict(model.open(files.folder.file("capitals.csv"))) { (_, _) throws(InputError) in }
        }
        #expect(refused?.expected.contains("\"Price\" differs in capitals only") == true)
    }
}
