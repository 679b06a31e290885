import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Funnels whose rows without the first event were sampled.
@Suite struct SampledFunnelTests {
    private static let rate = 0.1
    private static let parents = FunnelCases.parents
    private static let names = ["esmm", "dr", "aitm", "resflow"]

    private static func tasks(_ rate: Double) -> [LearningTask] {
        FunnelCases.tasks.map { task in
            guard task.name == "click" else { return task }
            return LearningTask(
                "click", kind: .binary, weight: task.weight, tower: task.tower, negativeRate: rate)
        }
    }

    private func model(_ name: String, rate: Double, ensemble: Int? = nil) throws -> MultiTaskModel {
        let one = try #require(FunnelCases.architectures.first { $0.name == name })
        return try MultiTaskModel(
            inputs: 7, architecture: one.architecture, tasks: Self.tasks(rate), ensemble: ensemble)
    }

    private func data<Scalar: BLASScalar>(_: Scalar.Type, rows: Int = 200) throws -> Dataset<Scalar> {
        try FunnelCases.data(Scalar.self, rows: rows)
    }

    private func parameters<Scalar: BLASScalar>(
        _ model: MultiTaskModel, _: Scalar.Type, scale: Double = 0.7, seed: UInt64 = 3
    ) -> [Scalar] {
        var generator = SeededGenerator(seed: seed)
        return (0..<model.layout.count).map { _ in Scalar(scale * generator.normal()) }
    }

    /// Rows with a click are all there, a share of the others: what is learned of them is P / s, with s the share of such rows.
    @Test(arguments: names) func laterEventsAreCorrectedByTheFirst(name: String) throws {
        let (plain, sampled) = (try model(name, rate: 1), try model(name, rate: Self.rate))
        let data = try data(Double.self)
        let parameters = parameters(plain, Double.self)
        let learned = try Predictor(plain, parameters: parameters).predict(data)
        let found = try Predictor(sampled, parameters: parameters).predict(data)
        let clicks = zip(try learned.values("click"), try found.values("click")).map { kept, all in
            // P = s · P/s, and 1 - P = s / w · (1 - P/s)
            let share = 1 / (kept + (1 - kept) / Self.rate)
            #expect(abs(all - share * kept) < 1e-14)
            return share
        }
        for task in ["cart", "buy"] {
            let expected = zip(try learned.values(task), clicks).map(*)
            expectClose(
                try found.values(task), expected, relative: 1e-12, absolute: 1e-15, "\(name), \(task)")
        }
        #expect(try found.values("spend") == learned.values("spend"))
        guard ["esmm", "dr"].contains(name) else { return }
        for (later, earlier) in [("cart", "click"), ("buy", "cart"), ("buy", "click")] {
            expectClose(
                try found.values(later, given: earlier), try learned.values(later, given: earlier),
                relative: 1e-12, absolute: 1e-15, "\(later) given \(earlier)")
        }
    }

    /// What an epoch is judged by is the log loss of what is predicted.
    @Test(arguments: names) func watchedLossesAreThoseOfPredictions(name: String) throws {
        let model = try model(name, rate: Self.rate)
        let trainer = try Trainer<Double>(model, batchSize: 50)
        trainer.parameters = parameters(model, Double.self)
        let data = try data(Double.self)
        let (losses, evaluations) = (try trainer.losses(data), try trainer.evaluate(data))
        for (index, task) in model.tasks.enumerated() where task.kind == .binary {
            let expected = try #require(evaluations[index].logLoss)
            #expect(abs(losses[index] - expected) < 1e-10, "\(name), \(task.name)")
        }
    }

    @Test(arguments: [1, 30, 1e4, 1e30]) func laterIsNoMoreLikely(scale: Double) throws {
        for name in ["esmm", "dr"] {
            let model = try model(name, rate: Self.rate)
            let data = try data(Float.self, rows: 3000)
            let predictor = try Predictor(model, parameters: parameters(model, Float.self, scale: scale))
            let (p, z) = (try predictor.predict(data), try predictor.logits(data))
            for (later, earlier) in [("cart", "click"), ("buy", "cart")] {
                for (a, b) in zip(try p.values(later), try p.values(earlier)) {
                    #expect(a <= b && a >= 0 && b <= 1)
                }
                for (a, b) in zip(try z.values(later), try z.values(earlier)) { #expect(a <= b && !a.isNaN) }
            }
        }
    }

    /// A packed ensemble predicts the mean of its members' corrected probabilities.
    @Test(arguments: ["esmm", "aitm"]) func membersAreCorrectedEach(name: String) throws {
        let (model, single) = (
            try model(name, rate: Self.rate, ensemble: 3), try self.model(name, rate: Self.rate, ensemble: 1)
        )
        let (data, all) = (try data(Double.self), try Trainer<Double>(model, batchSize: 50, seed: 4))
        var sums = [[Double]](repeating: [Double](repeating: 0, count: data.rowCount), count: 2)
        for member in 0..<3 {
            let alone = try Trainer<Double>(single, batchSize: 50)
            for segment in single.layout.segments {
                let name = segment.name.replacing("members.0", with: "members.\(member)")
                    .replacing("ensemble.0.", with: "ensemble.\(member).")
                try alone.setParameter(segment.name, to: all.parameter(name))
            }
            let own = try alone.predict(data)
            for (place, task) in ["click", "buy"].enumerated() {
                sums[place] = zip(sums[place], try own.values(task)).map { $0 + $1 / 3 }
            }
        }
        let found = try all.predict(data)
        for (place, task) in ["click", "buy"].enumerated() {
            expectClose(try found.values(task), sums[place], absolute: 1e-12, "\(name), \(task)")
        }
    }

    /// Later events are corrected by the first one's logit, which would not be that of their own epochs.
    @Test(arguments: names) func tasksDoNotStopOneByOne(name: String) throws {
        var rule = StoppingRule(epochs: 1)
        rule.stop = .eachTask
        let data = try data(Double.self)
        func error(rate: Double) throws -> InputError? {
            // Without the losses over several tasks that are refused in any case.
            let architecture: any Architecture =
                switch name {
                case "dr": ESMM(parents: Self.parents)
                case "aitm": AITM(parents: Self.parents, layers: FunnelCases.layers, calibration: 0)
                default: try #require(FunnelCases.architectures.first { $0.name == name }).architecture
                }
            let model = try MultiTaskModel(
                inputs: 7, architecture: architecture, tasks: Self.tasks(rate))
            let trainer = try Trainer<Double>(model, batchSize: 50)
            return failure { () throws(InputError) in
                try trainer.fit(data, validation: data, until: rule)
            }
        }
        #expect(try error(rate: 1) == nil)
        let sampled = try error(rate: Self.rate)
        #expect(sampled?.place == "stopping rule, stop", "\(name)")
        #expect(sampled?.found == "each_task, and a funnel whose rows were sampled by click")
    }

    /// What later events are corrected by is learned, and is a probability.
    @Test func aSampledFirstEventIsLearnedAsItIs() throws {
        func found(_ rate: Double, weight: Double = 1, smoothing: Double = 0) -> String? {
            let click = LearningTask(
                "click", kind: .binary, weight: weight, negativeRate: rate, smoothing: smoothing)
            let error = failure {
                _ = try MultiTaskModel(
                    inputs: 7, architecture: ResFlow(parents: ["buy": "click"], layers: FunnelCases.layers),
                    tasks: [click, .binary("buy")])
            }
            #expect(error == nil || error?.place == "funnel, click")
            return error?.found
        }
        #expect(found(0.5, weight: 0) == "negative rate 0.5 of a task of weight 0")
        #expect(found(0.5, smoothing: 0.1) == "negative rate 0.5 and smoothing 0.1")
        #expect(found(0.5) == nil && found(1, weight: 0) == nil && found(1, smoothing: 0.1) == nil)
    }

    @Test func theFirstEventAloneHasARate() throws {
        func error(_ architecture: some Architecture, _ rates: [String: Double]) -> InputError? {
            failure {
                _ = try MultiTaskModel(
                    inputs: 7, architecture: architecture,
                    tasks: FunnelCases.tasks.map {
                        LearningTask($0.name, kind: $0.kind, negativeRate: rates[$0.name] ?? 1)
                    })
            }
        }
        let layers = FunnelCases.layers
        for (name, architecture) in FunnelCases.architectures where !name.hasPrefix("dbmtl") {
            let later = error(architecture, ["click": 0.5, "buy": 0.5])
            #expect(later?.place == "funnel, buy" && later?.found == "negative rate 0.5", "\(name)")
            #expect(later?.expected.contains("\"click\" alone") == true, "\(name)")
            #expect(error(architecture, ["cart": 0.5])?.place == "funnel, cart", "\(name)")
            #expect(error(architecture, ["click": 0.5]) == nil, "\(name)")
        }
        // A task that no funnel has is sampled by itself, and so are those that only depend on each other.
        let two = AITM(parents: ["buy": "click"], layers: layers)
        #expect(error(two, ["click": 0.5, "cart": 0.5]) == nil)
        let bayesian = DBMTL(parents: ["buy": ["click"]], layers: layers)
        #expect(error(bayesian, ["click": 0.5, "buy": 0.5]) == nil)
    }

    // MARK: Conditional probabilities

    @Test func aLaterEventGivenAnEarlierOne() throws {
        let model = try model("esmm", rate: 1)
        let parameters = parameters(model, Double.self)
        let predictor = try Predictor(model, parameters: parameters)
        let data = try data(Double.self)
        let found = try predictor.predict(data)
        // The head alone is the conditional probability.
        let trainer = try Trainer<Double>(model, batchSize: 50)
        trainer.parameters = parameters
        for segment in model.layout.segments where segment.name.hasPrefix("heads.click") {
            try trainer.setParameter(
                segment.name,
                to: [Double](
                    repeating: segment.name == "heads.click.1.bias" ? 1e3 : 0, count: segment.count))
        }
        expectClose(
            try found.values("cart", given: "click"), try trainer.predict(data).values("cart"),
            relative: 1e-12, absolute: 1e-15)
        let chain = zip(
            try found.values("buy", given: "cart"), try found.values("cart", given: "click")
        ).map(*)
        expectClose(try found.values("buy", given: "click"), chain, relative: 1e-12, absolute: 1e-15)

        func error(_ body: () throws -> Void) -> InputError? { failure { try body() } }
        #expect(error { _ = try found.values("buy", given: "visit") }?.place == "task \"visit\"")
        let reversed = error { _ = try found.values("click", given: "buy") }
        #expect(reversed?.place == "click given buy" && reversed?.expected.contains("buy given cart") == true)
        #expect(error { _ = try found.values("spend", given: "click") }?.place == "spend given click")
        let logits = try predictor.logits(data)
        #expect(error { _ = try logits.values("buy", given: "cart") }?.found == "logits or spreads")
        let other = try self.model("aitm", rate: 1)
        let attentive = try Predictor(other, parameters: self.parameters(other, Double.self)).predict(data)
        #expect(error { _ = try attentive.values("buy", given: "cart") }?.expected.contains("ESMM") == true)
    }

    /// Rows where the earlier event did not happen, or is not known, say nothing of the later one given it.
    @Test func conditionalEvaluationsAreOfRowsWithTheEarlierEvent() throws {
        let model = try MultiTaskModel(
            inputs: 1, architecture: ESMM(parents: ["buy": "click"]),
            tasks: [.binary("click"), .binary("buy")])
        let labels: [[Double]] = [[1, 1, 0, .nan, 1, 1], [1, 0, 0, 1, .nan, 1]]
        let predictions: [[Double]] = [[0.5, 0.4, 0.5, 0.5, 0.5, 0], [0.4, 0.1, 0.2, 0.2, 0.2, 0]]
        let found = model.conditionalEvaluations(predictions: predictions, labels: labels, judged: [0, 1])
        #expect(found.map(\.task) == ["buy given click"])
        let one = try #require(found.first)
        #expect(one.labelledRows == 2 && one.areaUnderROC == 1)
        #expect(abs(try #require(one.logLoss) + (log(0.8) + log(0.75)) / 2) < 1e-12)
        #expect(
            model.conditionalEvaluations(predictions: predictions, labels: labels, judged: [1]).isEmpty)
    }
}
