import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Funnels from a file to predictions: what their labels have to be, and what becomes of sampled rows.
@Suite struct FunnelExperimentTests {
    private static let types: [SharingType] = [.esmm, .escm2, .aitm, .resflow]

    /// The later event comes first among the labels.
    private func experiment(
        _ files: FieldCase, _ type: SharingType, split: String = "{by: random, validation: 0.1, test: 0.1}"
    ) throws -> Experiment {
        var experiment = try files.experiment(["{name: x, type: numeric}"], split: split)
        experiment.schema.labels = ["buy", "click"].map { Label($0, .binary) }
        experiment.model.sharing = SharingSettings(type, ["parents": ["buy": "click"], "layers": [8]])
        return experiment
    }

    private func run(
        _ files: FieldCase, _ experiment: Experiment
    ) throws -> (error: InputError?, notes: [String]) {
        let data = try files.prepared(experiment)
        var notes: [String] = []
        let error = failure { () throws(InputError) in
            _ = try TrainingRun(experiment, data) { event in
                if case .note(let text) = event { notes.append(text) }
            }
        }
        return (error, notes)
    }

    // MARK: Labels

    /// Blank cells without a click are as good as a condition.
    @Test(arguments: types) func laterEventsOfClickedRowsAloneAreRefused(type: SharingType) throws {
        let files = try FieldCase()
        func run(_ buy: (Int) -> String) throws -> (error: InputError?, notes: [String]) {
            try files.write(
                text("x,click,buy", rows: 600) { "\($0 % 50),\($0 % 4 == 0 ? 1 : 0),\(buy($0))" })
            return try self.run(files, experiment(files, type))
        }
        let blank = try run { $0 % 4 == 0 ? "\($0 % 8 == 0 ? 1 : 0)" : "" }
        #expect(blank.error?.place == "label \"buy\", training rows", "\(type)")
        #expect(blank.error?.found.hasSuffix("where \"click\" is no") == true)
        let whole = try run { $0 % 8 == 0 ? "1" : "0" }
        #expect(whole.error == nil && !whole.notes.contains { $0.hasPrefix("label \"buy\"") })
        let odd = try run { $0 % 8 == 0 || $0 == 3 ? "1" : "0" }
        #expect(odd.error == nil && odd.notes.contains { $0.hasPrefix("label \"buy\": yes in 1 ") })
        // A single row more is learned from as if it were all of them.
        let scarce = try run { $0 % 4 == 0 || $0 % 100 == 3 ? "\($0 % 8 == 0 ? 1 : 0)" : "" }
        #expect(scarce.error == nil)
        #expect(scarce.notes.contains { $0.hasPrefix("label \"buy\": known in ") }, "\(scarce.notes)")
        let half = try run { $0 % 4 == 0 || $0 % 2 == 1 ? "\($0 % 8 == 0 ? 1 : 0)" : "" }
        #expect(half.error == nil && !half.notes.contains { $0.hasPrefix("label \"buy\"") })
    }

    /// Rows of the clicks' file say nothing of buys that have a file of their own.
    @Test(arguments: types) func laterEventsMayHaveAFileOfTheirOwn(type: SharingType) throws {
        let files = try FieldCase()
        try files.write(text("x,click", rows: 400) { "\($0 % 50),\($0 % 4 == 0 ? 1 : 0)" })
        try files.write(text("x,buy", rows: 300) { "\($0 % 50),\($0 % 8 == 0 ? 1 : 0)" }, as: "buys.csv")
        var experiment = try experiment(files, type)
        experiment.data.taskSources = [TaskSource(source: files.folder.file("buys.csv"), labels: ["buy"])]
        try experiment.check()
        #expect(try run(files, experiment).error == nil, "\(type)")
    }

    /// Where the first event's share leaves no other row, the message says that it was that.
    @Test func labelsThatSamplingLeftAloneAreExplained() throws {
        let files = try FieldCase()
        try files.write(
            text("x,click,buy", rows: 600) { "\($0 % 50),\($0 % 4 == 0 ? 1 : 0),\($0 % 4 == 0 ? 1 : 0)" })
        var experiment = try experiment(files, .esmm)
        experiment.sampling.negatives = ["click": 1e-9]
        let error = try run(files, experiment).error
        #expect(error?.place == "label \"buy\", training rows")
        #expect(error?.found.hasPrefix("only yes in ") == true)
        #expect(error?.found.hasSuffix(", after sampling a share of 1e-09") == true, "\(error?.found ?? "")")
    }

    // MARK: Predictions

    /// From a file through the sample and a model's file: means are those of all rows, of clicks and of buys.
    @Test(arguments: types) func aSampledFunnelPredictsTheRatesOfAllRows(type: SharingType) throws {
        let files = try FieldCase()
        var draw = SeededGenerator(seed: 12)
        var (clicks, buys) = (0.0, 0.0)
        let rows = 20_000
        try files.write(
            text("x,click,buy", rows: rows) { _ in
                let x = draw.normal()
                let click = draw.uniform() < 1 / (1 + exp(2 - x))
                let buy = click && draw.uniform() < 1 / (1 + exp(-x))
                clicks += click ? 1 : 0
                buys += buy ? 1 : 0
                return "\(x),\(click ? 1 : 0),\(buy ? 1 : 0)"
            })
        var experiment = try experiment(files, type, split: "{by: random, validation: 0, test: 0}")
        experiment.sampling.negatives = ["click": 0.1]
        experiment.training.epochs = 8
        experiment.training.learningRate = 0.01
        let data = try files.prepared(experiment)
        #expect(data.training.rowCount < rows / 2)
        let run = try TrainingRun(experiment, data)
        let path = files.folder.file("model.safetensors")
        try ModelBundle(
            data.preprocessor, settings: experiment.model, sampling: experiment.sampling,
            parameters: run.parameters
        ).write(to: path)
        let model = try ModelBundle(contentsOf: path)
        var sums = [0.0, 0.0]
        try model.predict(model.open(files.folder.file("visits.csv"))) { (_, found) throws(InputError) in
            sums[0] += try found.values("click").reduce(0) { $0 + Double($1) }
            sums[1] += try found.values("buy").reduce(0) { $0 + Double($1) }
        }
        // As learned of the rows that were kept they would be about three times as many.
        #expect(abs(sums[0] / clicks - 1) < 0.1, "\(type), clicks: \(sums[0]) of \(clicks)")
        #expect(abs(sums[1] / buys - 1) < 0.1, "\(type), buys: \(sums[1]) of \(buys)")
    }

    // MARK: Files

    /// A file of before had all rows of the later events: today's prediction would correct them for a sample that was none.
    @Test(arguments: types) func filesOfRowsThatWereSampledApartAreRefused(type: SharingType) throws {
        let files = try FieldCase()
        try files.write(
            text("x,click,buy", rows: 400) { "\($0 % 50),\($0 % 4 == 0 ? 1 : 0),\($0 % 8 == 0 ? 1 : 0)" })
        for share in [0.1, 1] {
            var experiment = try experiment(files, type)
            experiment.sampling.negatives = ["click": share]
            let data = try files.prepared(experiment)
            let model = try experiment.model.model(data.preprocessor, sampling: experiment.sampling)
            let trainer = try Trainer<Float>(model, seed: 5)
            let path = files.folder.file("model.safetensors")
            try ModelBundle(
                data.preprocessor, settings: experiment.model, sampling: experiment.sampling,
                parameters: trainer.parameters
            ).write(to: path)
            #expect(try ModelBundle(contentsOf: path).parameters == trainer.parameters)
            var text = try TensorText(Data(contentsOf: URL(filePath: path)))
            #expect((text.texts["definition"] != nil) == (share < 1))
            text.texts["definition"] = nil
            let bytes = try text.file(isSealed: true)
            let error = failure { () throws(InputError) in
                _ = try ModelBundle(bytes: bytes, path: "old")
            }
            guard share < 1 else {
                #expect(error == nil, "\(type)")
                continue
            }
            #expect(error?.place == "old, model, sharing, type")
            #expect(error?.found == "\(type.rawValue) as it was before its rows were sampled together")
            #expect(error?.expected == "definition 2; train the model anew")
        }
    }
}
