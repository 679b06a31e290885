import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// After training, a task's mean prediction over the training rows is the mean of its labels.
@Suite struct InterceptTests {
    private static let rows = 6000
    private static func label(_ name: String, _ kind: Label.Kind, weight: Double = 1) -> Label {
        var label = Label(name, kind)
        label.weight = weight
        if name == "robust" { label.huberDelta = 0.5 }
        return label
    }
    private static var labels: [Label] {
        [
            label("click", .binary), label("buy", .binary, weight: 0.3), label("spend", .regression),
            label("robust", .regression), label("kind", .multiclass),
        ]
    }

    /// Of buys 2 % happen; robust has a few labels far off.
    private static func table() -> String {
        var noise = SeededGenerator(seed: 4)
        return text("x,w,click,buy,spend,robust,kind", rows: rows) { row in
            let x = noise.normal()
            func happens(_ logit: Double) -> Int { noise.uniform() < 1 / (1 + exp(-logit)) ? 1 : 0 }
            let kind = ["a", "b", "c"][
                min(2, Int(1.2 + noise.normal().magnitude * 0.9 + (x > 0 ? 0.4 : 0)) - 1)]
            let robust = x + (row % 50 == 0 ? 20 : 0.1 * noise.normal())
            return "\(x),\(row % 3 + 1),\(happens(x - 1)),\(happens(x - 4.5)),\(3 + x),\(robust),\(kind)"
        }
    }

    private func trained(
        _ change: (inout Experiment) -> Void = { _ in }
    ) throws -> (run: TrainingRun, data: PreparedData) {
        let files = try FieldCase()
        try files.write(Self.table())
        var experiment = try files.experiment(
            ["{name: x, type: numeric}"], split: "{by: random, validation: 0.1, test: 0}")
        experiment.schema.labels = Self.labels
        experiment.training.epochs = 2
        experiment.training.batch = 64
        experiment.training.learningRate = 0.01
        change(&experiment)
        let data = try files.prepared(experiment)
        return (try TrainingRun(experiment, data), data)
    }

    /// Per task the mean of (prediction - label), over what it may be at most: of several classes per class.
    private func expectCentred(
        _ model: MultiTaskModel, _ parameters: [Float], _ rows: RowCache, but skipped: Set<String> = []
    ) throws {
        let predictor = try Predictor(model, parameters: parameters)
        for (index, task) in model.tasks.enumerated() where !skipped.contains(task.name) {
            var (sum, total) = ([Double](repeating: 0, count: task.kind.outputs), 0.0)
            var positives = sum
            for block in rows.blocks.indices {
                let data = try rows.dataset(block)
                let (found, labels) = (
                    try predictor.predict(data).values(task.name), try data.labels(task.name)
                )
                for (row, label) in labels.enumerated() where !label.isNaN {
                    let width = data.labelNames.count
                    var weight = data.labelWeights.map { Double($0.base[row * width + index]) } ?? 1
                    if label == 0 { weight /= task.negativeRate }
                    total += weight
                    for place in sum.indices {
                        let is1 = task.kind.outputs > 1 ? (Int(label) == place ? 1 : 0) : Double(label)
                        var error = Double(found[row * sum.count + place]) - is1
                        // Its delta is in standard deviations.
                        if case .huber(let delta) = task.kind {
                            error = max(-delta, min(delta, error / task.labelScale.scale))
                        }
                        sum[place] += weight * error
                        positives[place] += weight * is1
                    }
                }
            }
            for place in sum.indices {
                let room = 2e-3 * max(positives[place].magnitude, 0.01 * total)
                #expect(abs(sum[place]) <= room, "\(task.name) \(place): \(sum[place] / total)")
            }
        }
    }

    @Test func meansAreThoseOfTheLabels() throws {
        let (run, data) = try trained()
        try expectCentred(run.model, run.parameters, data.training)
    }

    /// The mean of members' probabilities, whose biases move together.
    @Test func meansOfPackedEnsemblesAreThoseOfTheLabels() throws {
        let (run, data) = try trained { $0.model.ensemble = 4 }
        try expectCentred(run.model, run.parameters, data.training)
        let (funnel, rows) = try trained { experiment in
            experiment.schema.labels = [Self.label("click", .binary), Self.label("buy", .binary)]
            experiment.model.ensemble = 4
            experiment.model.sharing = SharingSettings(
                .resflow, ["layers": [8], "parents": ["buy": "click"]])
        }
        let trainer = try Trainer<Float>(funnel.model, seed: 9)
        let before = trainer.parameters
        try trainer.fitIntercepts(rows.training)
        // The click's bias moves the buy's logits and is left alone.
        let changed = funnel.model.layout.segments.filter { segment in
            (segment.offset..<segment.offset + segment.count).contains {
                trainer.parameters[$0] != before[$0]
            }
        }
        #expect(changed.count == 4)
        #expect(changed.allSatisfy { $0.name.hasPrefix("heads.buy.") && $0.name.hasSuffix("bias") })
    }

    @Test func rowsCountByTheirWeightAndLeftOutNegativesToo() throws {
        let (run, data) = try trained { experiment in
            experiment.schema.weight = "w"
            experiment.sampling.negatives = ["buy": 0.2]
        }
        #expect(run.model.tasks[1].negativeRate == 0.2)
        try expectCentred(run.model, run.parameters, data.training)
    }

    /// The mean losses before and after, of labels that are learned as they are by Huber's loss.
    private func losses(delta: Double, _ label: (Int) -> Double) throws -> (before: Double, after: Double) {
        let files = try FieldCase()
        var noise = SeededGenerator(seed: 7)
        try files.write(text("x,robust", rows: 2000) { "\(noise.normal()),\(label($0))" })
        var experiment = try files.experiment(
            ["{name: x, type: numeric}"], split: "{by: random, validation: 0, test: 0}")
        experiment.schema.labels = [Self.label("robust", .regression)]
        let data = try files.prepared(experiment)
        let model = try MultiTaskModel(
            inputs: 1, trunk: [.relu(8)], tasks: [.regression("robust", huberDelta: delta)])
        let trainer = try Trainer<Float>(model, seed: 9)
        let before = try trainer.losses(data.training)[0]
        try trainer.fitIntercepts(data.training)
        return (before, try trainer.losses(data.training)[0])
    }

    /// Few labels are within δ of what is predicted: a step is no longer than labels are far, and one too far is taken back.
    @Test func labelsFarFromPredictionsAreReached() throws {
        var noise = SeededGenerator(seed: 8)
        let (before, after) = try losses(delta: 0.5) { _ in 900 + 300 * noise.normal() }
        // Of a median: 0.5 (300 √(2/π) - 0.25).
        #expect(before > 440 && after < 125, "\(before) \(after)")
    }

    /// Steps that go too far are taken from the best place there was, and the last one that did is taken back.
    @Test(arguments: [1, 0.1, 0.03]) func noInterceptEndsWorse(delta: Double) throws {
        var noise = SeededGenerator(seed: 8)
        for label in [
            { $0 % 100 < 51 ? 100 : -100 }, { $0 % 5 < 3 ? -0.5 : exp(noise.normal()) },
            { $0 % 5 < 3 ? 0.5 : -exp(noise.normal()) },
        ] as [(Int) -> Double] {
            let (before, after) = try losses(delta: delta, label)
            #expect(after <= before * (1 + 1e-6), "\(before) \(after)")
        }
    }

    /// A bias that moves other tasks' logits is no intercept, and one of a task that learns nothing stays.
    @Test func funnelsAndTasksSwitchedOffAreLeftAlone() throws {
        let (run, data) = try trained { experiment in
            experiment.schema.labels = [
                Self.label("click", .binary), Self.label("buy", .binary),
                Self.label("spend", .regression, weight: 0),
            ]
            experiment.model.sharing = SharingSettings(
                .resflow, ["layers": [8], "parents": ["buy": "click"]])
        }
        let trainer = try Trainer<Float>(run.model, seed: 9)
        let before = trainer.parameters
        try trainer.fitIntercepts(data.training)
        let changed = run.model.layout.segments.filter { segment in
            (segment.offset..<segment.offset + segment.count).contains {
                trainer.parameters[$0] != before[$0]
            }
        }
        #expect(
            changed.count == 1 && changed[0].name.hasPrefix("heads.buy.") && changed[0].name.hasSuffix("bias")
        )
    }

    /// A later event's mean is known of the kept rows alone where rows were left out by the first one.
    @Test(arguments: [SharingType.aitm, .resflow]) func laterEventsOfSampledRowsAreLeftAlone(
        _ type: SharingType
    ) throws {
        for (share, isFitted) in [(1, true), (0.1, false)] {
            let (run, data) = try trained { experiment in
                experiment.schema.labels = [Self.label("click", .binary), Self.label("buy", .binary)]
                experiment.model.sharing = SharingSettings(
                    type, ["layers": [8], "parents": ["buy": "click"]])
                if type == .aitm { experiment.model.sharing?.options["calibration"] = 0 }
                experiment.sampling.negatives = ["click": share]
            }
            #expect(run.model.tasks[0].negativeRate == share)
            let trainer = try Trainer<Float>(run.model, seed: 9)
            // So rare that the bias moves corrected logits as it moves learned ones.
            let bias = try #require(
                run.model.layout.segments.last {
                    $0.name.hasPrefix("heads.buy.") && $0.name.hasSuffix("bias")
                }?.name)
            try trainer.setParameter(bias, to: [-12])
            try trainer.fitIntercepts(data.training)
            #expect(try (trainer.parameter(bias) != [-12]) == isFitted, "\(type), \(share)")
        }
    }

    /// Biases by scenario move together.
    @Test(arguments: [SharingType.scenarioTowers, .star, .mmoe, .hamur]) func ofManyModels(
        _ type: SharingType
    ) throws {
        var options: [String: OptionValue] = ["layers": [8]]
        if type == .mmoe { options["experts"] = 2 }
        let (run, data) = try trained { experiment in
            experiment.schema.scenario = "w"
            experiment.model.sharing = SharingSettings(type, options)
        }
        try expectCentred(run.model, run.parameters, data.training)
    }
}
