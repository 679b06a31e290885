import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// A seed that is trained once more, on training and validation rows together.
@Suite struct RefitTests {
    private let files: FieldCase

    init() throws { files = try FieldCase() }

    /// Visits in the order of time: a sixth each, the last to judge by, the one before to watch.
    private func experiment(
        odd: (row: Int, cell: String)? = nil, validation: Double = 1.0 / 6
    ) throws -> Experiment {
        try files.write(
            visits("price,at,click,spend", rows: 600) { row in
                [
                    "\(row * 13 % 50)", "\(1_600_000_000 + row * 3600)", row * 13 % 50 > 25 ? "1" : "0",
                    row == odd?.row ? odd?.cell ?? "" : "\(10 + row * 13 % 50)",
                ]
            })
        var experiment = try files.experiment(
            ["{name: price, type: numeric}"],
            label: "{name: click, type: binary}\n    - {name: spend, type: regression, weight: 0.01}",
            roles: "time: at", split: "{by: time, validation: \(validation), test: \(1.0 / 6)}")
        experiment.training.epochs = 5
        experiment.training.batch = 64
        experiment.training.learningRate = 0.02
        experiment.training.refit = true
        return experiment
    }

    private func best(_ experiment: Experiment, _ data: PreparedData) throws -> Int {
        var report: TrainingReport?
        _ = try TrainingRun(experiment, data) { if case .finished(_, let found) = $0 { report = found } }
        return try #require(report?.bestEpoch)
    }

    /// Batches of all rows: steps by hand over the rows of both parts come to the same parameters.
    @Test func itIsATrainingOnBothPartsForTheBestEpochsNumber() throws {
        var experiment = try experiment()
        experiment.training.batch = 1000
        experiment.training.averaging = 0
        // Falls along all planned epochs: a training that planned the best one's number alone would have other rates.
        experiment.training.rateSchedule = RateScheduleSettings(.cosine)
        experiment.training.epochs = 9
        // The loss of the rows to watch is lowest at a large rate's first epochs.
        experiment.training.learningRate = 0.3
        let data = try files.prepared(experiment)
        let validation = try #require(data.validation)
        let epochs = try best(experiment, data)
        let run = try TrainingRun(experiment, data)
        #expect(run.refitEpochs == [epochs])
        let parts = [try data.training.dataset(0), try validation.dataset(0)]
        let (clicks, spends) = (
            try parts.flatMap { try $0.labels("click") }, try parts.flatMap { try $0.labels("spend") }
        )
        #expect(clicks.count == 500)
        let features = parts.flatMap { part in (0..<part.rowCount).map { part.features.base[$0] } }
        let all = try Dataset<Float>(
            featureNames: ["price"], features: features, labels: [("click", clicks), ("spend", spends)])
        let trainer = try experiment.training.trainer(run.model, seed: 1)
        for step in 0..<epochs {
            trainer.trainingStep.rateFactor = trainer.rateSchedule.factor(step: step, total: 9)
            try trainer.step(all, rows: 0..<500)
        }
        let expected = try trainer.completedMembers(RowCache(data.training, and: validation))
        expectClose(
            try #require(run.members).vectors[0], expected.vectors[0], relative: 1e-3, absolute: 1e-4,
            "parameters")
    }

    @Test func validationRowsAreLearnedFromAndTestRowsAreNot() throws {
        var members: [ModelMembers<Float>?] = []
        for odd in [nil, (420, "90"), (560, "90")] as [(row: Int, cell: String)?] {
            let experiment = try experiment(odd: odd)
            let data = try files.prepared(experiment)
            let run = try TrainingRun(experiment, data)
            let judged = try #require(run.refitEvaluation)
            #expect(judged.map(\.task) == ["click", "spend"] && judged != run.evaluations[0])
            members.append(run.members)
        }
        #expect(members[0] != members[1] && members[0] == members[2])
    }

    @Test func everyKeptSeedIsTrainedOnceMore() throws {
        var experiment = try experiment()
        experiment.training.seeds = [1, 2, 3]
        let data = try files.prepared(experiment)
        let one = try TrainingRun(experiment, data)
        #expect(one.refitEpochs?.count == 1)
        experiment.training.keep = .all
        let all = try TrainingRun(experiment, data)
        let vectors = try #require(all.members).vectors
        #expect(all.refitEpochs?.count == 3 && Set(vectors).count == 3)
        #expect(one.members?.vectors == [vectors[Int(one.seed) - 1]])
    }

    /// The label of a row to watch spoils what is learned of all: the model of the training rows alone is kept, and the row named.
    @Test func aTrainingThatRunsAwayIsLeftOut() throws {
        var experiment = try experiment(odd: (450, "1e18"))
        experiment.training.optimizer = .sgd
        experiment.training.learningRate = 0.001
        let data = try files.prepared(experiment)
        var notes: [String] = []
        let run = try TrainingRun(experiment, data) { if case .note(let text) = $0 { notes.append(text) } }
        experiment.training.refit = false
        let plain = try TrainingRun(experiment, data)
        #expect(run.refitEpochs == [0] && run.members == plain.members && plain.refitEpochs == nil)
        #expect(run.refitEvaluation == nil)
        let told = notes.filter { $0.contains("of the training rows alone") }
        #expect(told.count == 1 && told[0].contains("visits.csv, line 452 (a loss of "), "\(notes)")
    }

    /// The rows to watch say the opposite: the first turn's epoch is the best, before every task has had a turn.
    @Test func anEpochOfOneTasksTurnIsEnough() throws {
        var experiment = try experiment()
        try files.write(
            visits("price,at,click,spend", rows: 600) { row in
                let isHigh = (row * 13 % 50 > 25) != (400..<500).contains(row)
                return [
                    "\(row * 13 % 50)", "\(1_600_000_000 + row * 3600)", isHigh ? "1" : "0",
                    isHigh ? "60" : "10",
                ]
            })
        experiment.training.schedule = ScheduleSettings(.alternating, ["turns": "epoch"])
        experiment.training.learningRate = 0.05
        let data = try files.prepared(experiment)
        let epochs = try best(experiment, data)
        let run = try TrainingRun(experiment, data)
        #expect(epochs == 1 && run.refitEpochs == [1])
    }

    @Test func whatHasNoMeaningIsRefusedByItsPlace() throws {
        let whole = try experiment()
        var cases: [Experiment] = []
        for change in [
            { $0.training.stop = .eachTask }, { $0.training.rateSchedule = RateScheduleSettings(.plateau) },
            { $0.sampling.negatives = ["click": 0.5] },
        ] as [(inout Experiment) -> Void] {
            var experiment = whole
            change(&experiment)
            cases.append(experiment)
        }
        for experiment in cases { #expect(failure { try experiment.check() }?.place == "training, refit") }
        let blind = try experiment(validation: 0)
        let data = try files.prepared(blind)
        #expect(failure { _ = try TrainingRun(blind, data) }?.place == "training, refit")
    }

    @Test func theFileSaysWhatItIs() throws {
        var experiment = try experiment()
        experiment.training.seeds = [1, 2]
        experiment.training.keep = .all
        let data = try files.prepared(experiment)
        let run = try TrainingRun(experiment, data)
        let path = files.folder.file("model.safetensors")
        func bundle(_ epochs: [Int]?) throws -> ModelBundle {
            try ModelBundle(
                data.preprocessor, settings: experiment.model, members: try #require(run.members),
                refitEpochs: epochs)
        }
        try bundle(run.refitEpochs).write(to: path)
        #expect(try ModelBundle(contentsOf: path).refitEpochs == run.refitEpochs && run.refitEpochs != nil)
        try bundle(nil).write(to: path)
        #expect(try ModelBundle(contentsOf: path).refitEpochs == nil)
        #expect(failure { _ = try bundle([1]) }?.place == "model bundle, refit")
        #expect(failure { _ = try bundle([1, -1]) }?.place == "model bundle, refit")
    }

    @Test func theCommandSaysWhatTheModelLearnedFrom() throws {
        let shop = try SmallShop(rows: 600)
        _ = try shop.write(
            SmallShop.experiment.replacing("model:", with: "split: {validation: 0.2, test: 0.2}\nmodel:")
                .replacing("epochs: 1,", with: "epochs: 3, refit: true, learning_rate: 0.01,"), "shop.yaml")
        let plain = try shop.mtl("train", "shop.yaml", "--run", "run")
        #expect(
            plain.status == 0 && plain.output.contains("on all rows")
                && plain.output.contains("It learned from training and validation rows together"),
            "\(plain.output)\(plain.errors)")
        let described = try shop.mtl("describe", "run/model.safetensors")
        #expect(
            described.output.contains("It learned from training and validation rows together, "),
            "\(described.output)")
        let history = String(decoding: shop.bytes("run/history.csv") ?? Data(), as: UTF8.self)
        let rows = history.split(separator: "\n").map { $0.split(separator: ",") }
        #expect(rows[0].last == "refit" && rows[1].last == "no" && rows.last?.last == "yes", "\(history)")
        let lines = String(decoding: shop.bytes("run/history.jsonl") ?? Data(), as: UTF8.self)
        #expect(lines.contains("\"refit\":true"))
        let objects = try shop.mtl("train", "shop.yaml", "--json")
        for text in ["\"event\":\"refit\"", "\"refit_epochs\":[", "\"refit_metrics\":{"] {
            #expect(objects.output.contains(text), "\(objects.output)")
        }
    }
}
