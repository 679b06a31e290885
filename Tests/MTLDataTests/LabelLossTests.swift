import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing
import Yams

/// Labels of any unit and their losses, from the experiment file to what a model predicts.
@Suite struct LabelLossTests {
    private static let x = "{name: x, type: numeric}"

    private func label(_ yaml: String) throws -> Label { try YAMLDecoder().decode(Label.self, from: yaml) }

    /// Visits with a click, an order value in cents (0 of most), a count and a class.
    private static func rows(_ count: Int = 3000) -> String {
        var noise = SeededGenerator(seed: 6)
        return visits("x,click,revenue,spend,visits,plan,w", rows: count) { _ in
            let x = noise.normal()
            let click = noise.uniform() < 1 / (1 + exp(1 - 2 * x)) ? 1 : 0
            let spend = noise.uniform() < 0.3 ? exp(8 + 0.5 * x + 0.8 * noise.normal()) : 0
            let plan = ["free", "plus", "pro"][noise.uniform() < 0.8 ? 0 : noise.uniform() < 0.7 ? 1 : 2]
            let visits = (exp(0.5 + 0.4 * x) * 2 * noise.uniform()).rounded()
            return [
                "\(x)", "\(click)", "\(Int(5_000_000 + 1_000_000 * (x * x + 0.3 * noise.normal())))",
                "\(Int(spend))", "\(Int(visits))", plan, "\(1 + noise.below(3))",
            ]
        }
    }

    private func experiment(_ files: FieldCase, _ labels: [String]) throws -> Experiment {
        var experiment = try files.experiment(
            [Self.x], label: labels.joined(separator: "\n    - "),
            split: "{by: random, validation: 0.1, test: 0.3}")
        experiment.training.epochs = 15
        experiment.training.learningRate = 0.01
        experiment.model.trunk = [16]
        return experiment
    }

    private func trained(
        _ files: FieldCase, _ experiment: Experiment
    ) throws -> (run: TrainingRun, data: PreparedData, model: ModelBundle) {
        let data = try files.prepared(experiment)
        let run = try TrainingRun(experiment, data)
        let path = files.folder.file("model.safetensors")
        try ModelBundle(data.preprocessor, settings: experiment.model, parameters: run.parameters)
            .write(to: path)
        return (run, data, try ModelBundle(contentsOf: path))
    }

    /// t03 of the field cases.
    @Test func aLabelOfTensOfMillionsLeavesTheClickAsItIs() throws {
        let files = try FieldCase()
        try files.write(Self.rows(6000))
        let click = "{name: click, type: binary}"
        let alone = try trained(files, experiment(files, [click])).run.evaluations[0][0]
        let both = try trained(
            files, experiment(files, [click, "{name: revenue, type: regression}"])
        ).run.evaluations[0]
        #expect(
            try abs(#require(both[0].areaUnderROC) - #require(alone.areaUnderROC)) < 0.005,
            "\(both[0].values) \(alone.values)")
        // The noise alone has 300,000.
        let error = try #require(both[1].rootMeanSquaredError)
        #expect(error > 250_000 && error < 450_000, "\(error)")
        #expect(try #require(both[1].constantValues["RMSE"]) > 1_000_000)
    }

    @Test func everyLossIsTrainedStoredAndServedInTheLabelsUnit() throws {
        let files = try FieldCase()
        try files.write(Self.rows())
        let experiment = try experiment(
            files,
            [
                "{name: click, type: binary, positive_weight: balanced}",
                "{name: focal, column: click, type: binary, loss: focal, gamma: 1.5, alpha: 0.7}",
                "{name: revenue, type: regression}",
                "{name: logged, column: revenue, type: regression, log1p: true, loss: huber, weight: w}",
                "{name: high, column: revenue, type: regression, loss: quantile, quantile: 0.9}",
                "{name: spend, type: regression, loss: ziln}",
                "{name: sums, column: spend, type: regression, loss: tweedie, power: 1.4}",
                "{name: visits, type: regression, loss: poisson}",
                "{name: plan, type: multiclass, class_weights: {pro: 5}}",
                "{name: plans, column: plan, type: multiclass, class_weights: balanced}",
                "{name: grade, column: w, type: multiclass, loss: ordinal}",
            ])
        let (run, data, model) = try trained(files, experiment)
        #expect(
            run.model.tasks.last?.kind == .ordinal(classes: 3)
                && model.predictionNames.suffix(3) == ["grade 1", "grade 2", "grade 3"])
        #expect(model.preprocessor == data.preprocessor && model.model.tasks == run.model.tasks)
        let tasks = Dictionary(uniqueKeysWithValues: run.model.tasks.map { ($0.name, $0) })
        func task(_ name: String) throws -> LearningTask { try #require(tasks[name]) }
        #expect(try task("high").kind == .quantile(level: 0.9))
        #expect(try task("spend").kind == .zeroInflatedLognormal)
        #expect(try task("sums").kind == .tweedie(power: 1.4))
        #expect(try task("logged").kind == .huber(delta: 1) && task("logged").labelScale.isLogarithmic)
        #expect(try task("focal").focusing == 1.5)
        #expect(try zip(task("focal").classWeights, [0.3, 0.7]).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(try task("plan").classWeights == [1, 1, 5])
        let balanced = try task("plans").classWeights
        #expect(balanced[0] < 0.6 && balanced[2] > 3 && balanced[2] < 9)
        #expect(try (1.2...2.4).contains(task("click").classWeights[1]))
        #expect(try (5_900_000...6_100_000).contains(task("revenue").labelScale.shift))
        // Means of predictions are those of the labels, weighted classes or not.
        let judged = data.training
        var means: [String: (found: Double, label: Double)] = [:]
        let predictor = try model.predictor()
        var rows = 0.0
        for block in judged.blocks.indices {
            let dataset = try judged.dataset(block)
            let predictions = try predictor.predict(dataset)
            rows += Double(dataset.rowCount)
            for name in ["click", "focal", "revenue", "spend", "sums", "visits"] {
                let (values, labels) = (try predictions.values(name), try dataset.labels(name))
                means[name, default: (0, 0)].found += values.reduce(0) { $0 + Double($1) }
                means[name, default: (0, 0)].label += labels.reduce(0) { $0 + Double($1) }
            }
            #expect(try predictions.values("plan").count == 3 * dataset.rowCount)
        }
        for (name, mean) in means {
            #expect(
                abs(mean.found / mean.label - 1) < 0.15, "\(name) \(mean.found / rows) \(mean.label / rows)")
        }
        for evaluation in run.evaluations[0] {
            let names = Set(evaluation.values.map(\.name))
            switch evaluation.task {
            case "high":
                #expect(
                    try names.contains("pinball loss")
                        && (0.85...0.95).contains(#require(evaluation.coverage)))
            case "visits", "sums": #expect(names.contains("deviance"))
            case "spend": #expect(names.contains("AUC") && names.contains("RMSE"))
            default: break
            }
            for (name, value, higher) in evaluation.values where !["accuracy", "MAE"].contains(name) {
                let constant = try #require(evaluation.constantValues[name])
                let isWorse = higher ? value < constant - 0.08 : value > 1.15 * constant
                #expect(!isWorse, "\(evaluation.task) \(name) \(value) \(constant)")
            }
        }
        #expect(model.predictionNames.filter { $0.hasPrefix("spend") } == ["spend"])
        var served: [[String]] = []
        try model.predict(model.open(files.folder.file("visits.csv"))) {
            (_, predictions) throws(InputError) in
            var values: [[Float]] = []
            for task in model.model.tasks { values.append(try predictions.values(task.name)) }
            if served.isEmpty { served.append(model.cells(model.predictionColumns, values, row: 3)) }
        }
        #expect(served.first?.count == model.predictionNames.count)
        #expect(served.first?.allSatisfy { Double($0) != nil } == true)
    }

    @Test func momentsAreThoseOfTheTrainingRows() throws {
        let source = try table("x,y,c,w\n1,2,1,1\n1,4,0,3\n1,,0,5\n1,10,0,\n1,5,,0\n")
        var weighted = Label("y", .regression)
        weighted.weightColumn = "w"
        var logged = Label("l", .regression, column: "y")
        logged.isLogarithmic = true
        let schema = Schema(
            features: [Feature("x", .numeric)], labels: [weighted, logged, Label("c", .binary)])
        let found = try #require(Preprocessor(fitting: source, schema: schema).labelMoments)
        let mean = (2.0 + 12 + 10) / 5
        #expect(abs(found[0].mean - mean) < 1e-12)
        let square = (4.0 + 48 + 100) / 5 - mean * mean
        #expect(abs(found[0].deviation - square.squareRoot()) < 1e-12)
        let logs = [2.0, 4, 10, 5].map { log1p($0) }
        #expect(abs(found[1].mean - logs.reduce(0, +) / 4) < 1e-12)
        #expect(found[2].classes == [3, 1])
        // Far from 0 the deviation is still that of the labels, whatever workers counted them.
        let far = "x,y\n" + (0..<999).map { "1,\(1_000_000_000 + $0 % 3)\n" }.joined()
        let own = Schema(features: [Feature("x", .numeric)], labels: [Label("y", .regression)])
        let all = try [1, 3].map { threads in
            try #require(
                Preprocessor(fitting: table(far, threads: threads, blockBytes: 64), schema: own).labelMoments)
        }
        #expect(all[0] == all[1] && abs(all[0][0].deviation - (2.0 / 3).squareRoot()) < 1e-9)
    }

    @Test(arguments: ["loss: poisson", "loss: tweedie", "loss: ziln", "log1p: true"])
    func labelsBelowZeroAreRefusedByTheirLine(setting: String) throws {
        let files = try FieldCase()
        try files.write("x,y\n1,0\n2,3.5\n3,-0.5\n")
        let refused = try files.refusal(
            files.experiment([Self.x], label: "{name: y, type: regression, \(setting)}"))
        #expect(refused?.place.hasSuffix("visits.csv, line 4, column \"y\"") == true)
        #expect(refused?.expected == "a number, 0 or above, for \(setting)")
    }

    @Test(arguments: [
        ("type: binary, loss: poisson", "loss"), ("type: regression, loss: focal", "loss"),
        ("type: regression, loss: quantile", "quantile"),
        ("type: regression, loss: quantile, quantile: 1", "quantile"),
        ("type: regression, quantile: 0.5", "quantile"),
        ("type: regression, loss: tweedie, power: 2", "power"), ("type: regression, power: 1.5", "power"),
        ("type: regression, loss: squared, huber_delta: 1", "huber_delta"),
        ("type: binary, gamma: 2", "gamma"), ("type: binary, loss: focal, gamma: 0", "gamma"),
        ("type: binary, loss: focal, alpha: 1", "alpha"),
        ("type: binary, loss: f1, beta: 0", "beta"), ("type: binary, beta: 1", "beta"),
        ("type: multiclass, loss: f1", "loss"),
        ("type: binary, loss: f1, positive_weight: 2", "positive_weight"),
        ("type: binary, loss: f1, smoothing: 0.1", "smoothing"),
        ("type: binary, loss: f1, ranking: jrc", "ranking"),
        ("type: binary, loss: f1, teacher: t", "teacher"),
        ("type: binary, loss: focal, alpha: 0.5, positive_weight: 2", "alpha"),
        ("type: multiclass, loss: focal, alpha: 0.5", "alpha"),
        ("type: binary, log1p: true", "log1p"), ("type: regression, loss: ziln, log1p: true", "log1p"),
        ("type: regression, positive_weight: 2", "positive_weight"),
        ("type: multiclass, positive_weight: 2", "positive_weight"),
        ("type: multiclass, positive_weight: balanced", "positive_weight"),
        ("type: binary, class_weights: {a: 1}", "class_weights"),
        ("type: binary, positive_weight: 0", "positive_weight"),
        ("type: multiclass, class_weights: {a: -1}", "class_weights, \"a\""),
        ("type: binary, positive_weight: 2, smoothing: 0.1", "smoothing"),
        ("type: binary, loss: focal, smoothing: 0.1", "smoothing"),
        ("type: binary, loss: ordinal", "loss"),
        ("type: multiclass, loss: ordinal, smoothing: 0.1", "smoothing"),
        ("type: multiclass, loss: ordinal, class_weights: balanced", "class_weights"),
    ])
    func whatIsNoLossIsNamed(settings: String, place: String) throws {
        var error: InputError?
        do {
            try Schema(
                features: [Feature("x", .numeric)], labels: [label("{name: y, \(settings)}")]
            ).check()
        } catch let refused as InputError {
            error = refused
        } catch DecodingError.dataCorrupted(let context) {
            error = context.underlyingError as? InputError
        }
        #expect(error?.place == "label \"y\", \(place)", "\(settings)")
    }

    @Test func settingsAreWrittenAsTheyAreRead() throws {
        for text in [
            "{name: y, type: binary, positive_weight: balanced}",
            "{name: y, type: binary, positive_weight: 4}",
            "{name: y, type: multiclass, class_weights: balanced}",
            "{name: y, type: multiclass, class_weights: {a: 2}}",
            "{name: y, type: binary, loss: focal, gamma: 1, alpha: 0.3}",
            "{name: y, type: binary, loss: f1, beta: 2}",
            "{name: y, type: regression, loss: quantile, quantile: 0.1, log1p: true}",
            "{name: y, type: regression, loss: tweedie, power: 1.1}",
        ] {
            let one = try label(text)
            try one.check()
            #expect(try YAMLDecoder().decode(Label.self, from: YAMLEncoder().encode(one)) == one, "\(text)")
            #expect(one != Label("y", one.kind), "\(text)")
        }
    }

    @Test func aClassThatIsNotThereIsNamed() throws {
        let files = try FieldCase()
        try files.write(Self.rows(300))
        let experiment = try experiment(
            files, ["{name: plan, type: multiclass, class_weights: {gold: 5}}"])
        let data = try files.prepared(experiment)
        let error = failure { _ = try experiment.model.model(data.preprocessor) }
        #expect(error?.place == "label \"plan\", class_weights, \"gold\"")
        var ordered = experiment
        ordered.schema.labels[0].classWeights = nil
        ordered.schema.labels[0].loss = .ordinal
        let again = try files.prepared(ordered)
        let unordered = failure { _ = try ordered.model.model(again.preprocessor) }
        #expect(
            unordered?.place == "label \"plan\", loss" && unordered?.found == "ordinal, and class \"free\"")
    }

    /// Rows are prepared once for losses that refuse the same labels, and a run that goes on keeps the model's numbers.
    @Test func lossesOfTheSameRowsAndRunsThatGoOn() throws {
        let files = try FieldCase()
        try files.write(Self.rows(800))
        var experiment = try experiment(files, ["{name: revenue, type: regression}"])
        experiment.training.epochs = 1
        let folder = files.folder.file("prepared")
        #expect(try !experiment.prepare(in: folder).wasCached)
        experiment.schema.labels[0].loss = .quantile
        experiment.schema.labels[0].quantile = 0.5
        let again = try experiment.prepare(in: folder)
        #expect(again.wasCached)
        #expect(
            try experiment.model.model(again.preprocessor).tasks[0].kind == .quantile(level: 0.5))
        experiment.schema.labels[0].loss = .poisson
        experiment.schema.labels[0].quantile = nil
        #expect(try !experiment.prepare(in: folder).wasCached)
        experiment.schema.labels[0].loss = nil
        let (_, data, model) = try trained(files, experiment)
        // Later rows have labels of twice the size.
        try files.write(
            visits("x,click,revenue,spend,visits,plan,w", rows: 100) {
                ["\($0 % 7)", "0", "\(12_000_000 + $0)", "0", "1", "free", "1"]
            }, as: "later.csv")
        var later = experiment
        later.data.source = files.folder.file("later.csv")
        let next = try later.prepare(
            in: files.folder.file("later"), threads: 1, encodedBy: model.preprocessor)
        #expect(next.preprocessor.labelMoments == data.preprocessor.labelMoments)
        try model.check(continuing: later)
        later.schema.labels[0].loss = .poisson
        #expect(failure { try model.check(continuing: later) }?.place == "label \"revenue\", loss")
        later.schema.labels[0].loss = .quantile
        try model.check(continuing: later)
    }

    /// Files of before have labels as they are, and say no scale.
    @Test func filesWithoutAScaleLearnLabelsAsTheyAre() throws {
        let old = try ModelBundle(contentsOf: fixture("model-1.safetensors").path)
        #expect(old.preprocessor.labelMoments == nil)
        #expect(old.model.tasks.allSatisfy { $0.labelScale == .identity })
    }
}
