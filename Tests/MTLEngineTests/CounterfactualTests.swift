import MTLEngine
import MTLTestSupport
import Testing

/// The losses of ESCM² that correct for which rows could be observed.
@Suite struct CounterfactualTests {
    /// The counterfactual losses behind a stop: their propensity is a value that no parameter moves. In the square of the doubly
    /// robust one the loss is a constant, which differences see move: there the imputation's parameters alone are looked at.
    @Test func counterfactualGradients() throws {
        func probe(_ isRobust: Bool) throws -> MultiTaskModel {
            try MultiTaskModel(
                inputs: 6,
                architecture: Probe { graph in
                    let x = graph.dense(graph.denseFeatures, units: 8, activation: .tanh, name: "h")
                    let z = graph.heads([x, x])
                    let y = graph.dense(graph.denseFeatures, units: 8, activation: .tanh, name: "guess.0")
                    let u = graph.dense(y, units: 1, activation: .identity, name: "guess.1")
                    graph.penalizeCounterfactual(
                        conditional: z[1], propensity: graph.denseFeatures.columns(1..<2),
                        imputed: isRobust ? u : nil, outcome: 1, observed: 0, maximumWeight: 3, weight: 0.7)
                    return [z[0], graph.logitProduct(z[0], z[1])]
                }, tasks: [.binary("click"), .binary("buy", weight: 0.5)])
        }
        for (number, compute) in ComputeOptions.various.enumerated() {
            for isRobust in [false, true] {
                try GradientCheck.expectAgreement(
                    of: probe(isRobust), rows: 37, compute: compute, gathered: number % 2 == 1,
                    weighted: number == 0, skips: { isRobust && !$0.hasPrefix("guess") })
            }
        }
    }

    /// The conditional probability learns by the same gradient with an imputation as without: an estimate of its loss moves it no
    /// more than a constant would.
    @Test func theImputationDoesNotPullTheConditional() throws {
        func gradient(_ isRobust: Bool) throws -> [Double] {
            let model = try MultiTaskModel(
                inputs: 7, architecture: ESCM2(parents: ["buy": "click"], isDoublyRobust: isRobust),
                tasks: [.binary("click"), .binary("buy")])
            let trainer = try Trainer<Double>(model, batchSize: 100, seed: 8)
            try trainer.stepWithoutUpdate(try FunnelCases.data(Double.self, rows: 100), rows: 0..<100)
            return try ["heads.buy.0.weight", "heads.buy.0.bias"].flatMap { name in
                let segment = try #require(model.layout.segments.first { $0.name == name })
                return trainer.trainingStep.gradient(segment)
            }
        }
        expectClose(try gradient(true), try gradient(false), relative: 1e-12, absolute: 1e-15)
    }

    /// Clicked rows whose later label is missing say nothing of what follows a click, and do not thin the mean.
    @Test func rowsThatSayNothingDoNotCount() throws {
        for isRobust in [false, true] {
            let model = try MultiTaskModel(
                inputs: 7, architecture: ESCM2(parents: ["buy": "click"], isDoublyRobust: isRobust),
                tasks: [.binary("click"), .binary("buy")])
            func penalty(_ rows: [Int]) throws -> Double {
                var generator = SeededGenerator(seed: 9)
                let x = (0..<60 * 7).map { _ in generator.normal() }
                let data = try Dataset<Double>(
                    featureNames: (0..<7).map { "x\($0)" },
                    features: rows.flatMap { x[$0 * 7..<$0 * 7 + 7] },
                    labels: [
                        ("click", rows.map { $0 % 2 == 0 || $0 % 3 == 0 ? 1 : 0 }),
                        ("buy", rows.map { $0 % 3 == 0 ? .nan : $0 % 4 == 0 ? 1 : 0 }),
                    ])
                let trainer = try Trainer<Double>(model, batchSize: 60, seed: 4)
                try trainer.stepWithoutUpdate(data, rows: 0..<rows.count)
                return trainer.trainingStep.penalties
            }
            let (all, known) = (
                try penalty(Array(0..<60)), try penalty((0..<60).filter { $0 % 3 != 0 })
            )
            #expect(known > 0 && abs(all / known - 1) < 1e-12, "\(all), \(known)")
        }
    }

    /// With one expert, whose mixture is itself, a funnel is one over a longer trunk; imputations have mixtures of their own.
    @Test func oneExpertIsATrunk() throws {
        let one = MMoE(experts: 1, layers: [.dense(5, .tanh)])
        let trunk: [HiddenLayer] = [.dense(6, .tanh)]
        for isRobust in [false, true] {
            let (mixed, plain) = (
                ESCM2(parents: FunnelCases.parents, trunk: trunk, experts: one, isDoublyRobust: isRobust),
                ESCM2(parents: FunnelCases.parents, trunk: trunk + one.layers, isDoublyRobust: isRobust)
            )
            let trainers = try [mixed, plain].map {
                try Trainer<Double>(
                    MultiTaskModel(inputs: 7, architecture: $0, tasks: FunnelCases.tasks), batchSize: 100,
                    seed: 4)
            }
            for segment in trainers[1].model.layout.segments {
                let name = segment.name.replacing("trunk.1", with: "experts.0.0")
                try trainers[1].setParameter(segment.name, to: trainers[0].parameter(name))
            }
            let gates = trainers[0].model.layout.segments.map(\.name).filter { $0.hasPrefix("gates.") }
            #expect(gates.contains("gates.imputations.buy.0.weight") == isRobust)
            let data = try FunnelCases.data(Double.self, rows: 100)
            expectClose(
                try trainers[0].stepWithoutUpdate(data, rows: 0..<100),
                try trainers[1].stepWithoutUpdate(data, rows: 0..<100), relative: 1e-12, absolute: 1e-14)
            let penalties = trainers.map(\.trainingStep.penalties)
            #expect(penalties[0] > 0 && abs(penalties[0] / penalties[1] - 1) < 1e-12)
        }
    }
}
