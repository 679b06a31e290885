import MTLEngine
import MTLTestSupport
import Testing

/// Terms over parameters where tasks take turns: a round of turns has each of them once, as a joint step does.
@Suite struct StructureTurnTests {
    private let layers: [HiddenLayer] = [.dense(8, .tanh)]
    private let rate = 1e-9

    private func trainer(
        _ architecture: some Architecture, _ schedule: Schedule = .joint, rate: Double,
        rates: LayerRates = LayerRates()
    ) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(inputs: 6, architecture: architecture, tasks: SmallProblem.tasks),
            optimizer: .sgd(learningRate: rate), schedule: schedule, layerRates: rates, batchSize: 60, seed: 3
        )
    }

    private func singularValues(_ trainer: Trainer<Double>) throws -> [Double] {
        let w = try ["a", "b", "c"].map { try trainer.parameter("networks.\($0).0.weight") }
        return try SingularValues(Matrix(3, 48, w.flatMap { $0 })).sigma
    }

    /// How much each singular value loses in steps of so many turns; losses move the weights by next to nothing.
    private func shrink(
        _ schedule: Schedule, turns: [Int], every: Int = 3, rates: LayerRates = LayerRates(),
        rateFactors: [Double] = [1]
    ) throws -> [Double] {
        let architecture = TraceNormSharing(layers: layers, weight: 1e7, updateEvery: every)
        let trainer = try trainer(architecture, schedule, rate: rate, rates: rates)
        let before = try singularValues(trainer)
        let source = try BatchSource(SmallProblem.data(Double.self, rows: 60), for: trainer.model)
        for (step, turn) in turns.enumerated() {
            trainer.trainingStep.rateFactor = rateFactors[step % rateFactors.count]
            trainer.trainingStep.step(source.batch(start: 0, rows: 60), turn: turn)
        }
        return zip(before, try singularValues(trainer)).map { $0 - $1 }
    }

    @Test func theTraceNormIsTakenOnceARound() throws {
        let joint = try shrink(.joint, turns: [0, 0, 0])
        let rounds = try shrink(.alternating(.batch), turns: [0, 1, 2, 0, 1, 2, 0, 1, 2])
        for values in [joint, rounds] {
            #expect(values.allSatisfy { abs($0 - 0.03) < 1e-6 }, "\(values)")
        }
        let frozen = try shrink(.joint, turns: [0, 0, 0], rates: LayerRates(["networks.*": 0]))
        #expect(frozen.allSatisfy { abs($0) < 1e-6 }, "\(frozen)")
    }

    @Test func theTraceNormFollowsTheRateOfEveryStep() throws {
        let falling = try shrink(.joint, turns: [0, 0, 0], rateFactors: [1, 0.5, 0.1])
        #expect(falling.allSatisfy { abs($0 - 0.016) < 1e-6 }, "\(falling)")
        let slow = try shrink(.joint, turns: [0, 0, 0], rates: LayerRates(["networks.*": 0.5]))
        #expect(slow.allSatisfy { abs($0 - 0.015) < 1e-6 }, "\(slow)")
    }

    /// Of the gradient in each parameter that a penalty alone gives, a round of turns has as much as a joint step.
    @Test func penaltiesAddUpToThemselvesOverARound() throws {
        let networks: [HiddenLayer] = [.dense(6, .tanh), .dense(6, .gelu)]
        let cases: [(name: String, with: any Architecture, without: any Architecture)] = [
            (
                "sluice", Sluice(layers: networks, orthogonality: 0.5),
                Sluice(layers: networks, orthogonality: 0)
            ),
            (
                "snr", SNR(levels: [SNR.Level(networks: 3, layers: layers)], sparsity: 0.5),
                SNR(levels: [SNR.Level(networks: 3, layers: layers)], sparsity: 0)
            ),
            (
                "soft", SoftSharing(layers: layers, distance: .covariance, weight: 0.5),
                SoftSharing(layers: layers, distance: .covariance, weight: 1e-12)
            ),
            (
                "structure", AlternatingStructure(layers: layers, rank: 2, weight: 0.5),
                AlternatingStructure(layers: layers, rank: 2, weight: 0)
            ),
            ("squared", penalized(0.5), penalized(0)),
        ]
        let data = try SmallProblem.data(Double.self, rows: 60)
        for (name, with, without) in cases {
            func gradients(
                _ architecture: any Architecture, _ schedule: Schedule, turn: Int
            ) throws -> [String: [Double]] {
                func make(_ architecture: some Architecture) throws -> Trainer<Double> {
                    try trainer(architecture, schedule, rate: 1e-3)
                }
                let one = try make(architecture)
                let source = try BatchSource(data, for: one.model)
                one.trainingStep.step(source.batch(start: 0, rows: 60), turn: turn, updates: false)
                let names = one.model.layout.segments.filter(\.isTrained).map(\.name)
                return Dictionary(
                    uniqueKeysWithValues: try names.map { ($0, try one.gradient($0)) })
            }
            func penalty(_ schedule: Schedule, turn: Int) throws -> [String: [Double]] {
                let plain = try gradients(without, schedule, turn: turn)
                return try gradients(with, schedule, turn: turn).merging(plain) {
                    zip($0, $1).map { $0 - $1 }
                }
            }
            let joint = try penalty(.joint, turn: 0)
            let turns = try (0..<3).map { try penalty(.alternating(.batch), turn: $0) }
            #expect(joint.values.contains { $0.contains { abs($0) > 1e-3 } }, "\(name)")
            for (parameter, expected) in joint {
                let sum = expected.indices.map { index in
                    turns.reduce(0) { $0 + ($1[parameter]?[index] ?? 0) }
                }
                expectClose(sum, expected, absolute: 1e-9, "\(name), \(parameter)")
            }
        }
    }

    // MARK: Turns that train a part

    /// a reads the first of two layers, b and c both.
    private func stairs(_ weight: Double) -> Probe {
        Probe { graph in
            let first = graph.dense(graph.features, units: 5, activation: .tanh, name: "trunk.0")
            let second = graph.dense(first, units: 5, activation: .tanh, name: "trunk.1")
            graph.penalize(.squared("trunk.0.weight", weight: weight))
            return graph.heads([first, second, second])
        }
    }

    /// While one level's turns leave a layer frozen, those of the other have all of its penalty.
    @Test func onlyTurnsThatTrainAParameterShareItsPenalty() throws {
        let schedule = Schedule.hierarchical(
            Hierarchy(levels: [["a"], ["b", "c"]], unfreezeEvery: 1))
        let data = try SmallProblem.data(Double.self, rows: 60)
        func gradient(_ weight: Double, _ schedule: Schedule, turn: Int) throws -> [Double] {
            let trainer = try trainer(stairs(weight), schedule, rate: 1e-3)
            let source = try BatchSource(data, for: trainer.model)
            trainer.trainingStep.step(source.batch(start: 0, rows: 60), turn: turn, updates: false)
            return try trainer.gradient("trunk.0.weight")
        }
        func penalty(_ schedule: Schedule, turns: [Int]) throws -> [Double] {
            var sum = [Double](repeating: 0, count: 30)
            for turn in turns {
                let (with, without) = (
                    try gradient(0.5, schedule, turn: turn), try gradient(0, schedule, turn: turn)
                )
                for index in sum.indices { sum[index] += with[index] - without[index] }
            }
            return sum
        }
        let joint = try penalty(.joint, turns: [0])
        #expect(joint.contains { abs($0) > 1e-3 })
        // a's turns thaw in two stages, those of b and c, which share two layers, in three.
        let plan = try SchedulePlan(schedule, model: trainer(stairs(0), rate: 1).model)
        #expect(plan.groups == [0..<3, 3..<6] && plan.turns[1] == plan.turns[2])
        expectClose(try penalty(schedule, turns: [0, 3]), joint.map { _ in 0 }, absolute: 1e-12)
        expectClose(try penalty(schedule, turns: [1, 4]), joint, absolute: 1e-12)
        expectClose(try penalty(schedule, turns: [2, 5]), joint, absolute: 1e-12)
    }

    /// A term tells the same value whatever a turn trains of it.
    @Test func theValueOfATermIsTheSameInEveryTurn() throws {
        let networks: [HiddenLayer] = [.dense(6, .tanh), .dense(6, .gelu)]
        let architectures: [any Architecture] = [
            Sluice(layers: networks, orthogonality: 0.5),
            SNR(levels: [SNR.Level(networks: 3, layers: layers)], sparsity: 0.5),
            SoftSharing(layers: layers, distance: .covariance, weight: 0.5),
        ]
        let data = try SmallProblem.data(Double.self, rows: 60)
        for architecture in architectures {
            func value(_ schedule: Schedule, turn: Int) throws -> Double {
                func make(_ architecture: some Architecture) throws -> Trainer<Double> {
                    try trainer(architecture, schedule, rate: 1e-3)
                }
                let one = try make(architecture)
                let source = try BatchSource(data, for: one.model)
                one.trainingStep.step(source.batch(start: 0, rows: 60), turn: turn, updates: false)
                return one.trainingStep.penalties
            }
            let joint = try value(.joint, turn: 0)
            #expect(joint > 1e-3)
            for schedule in [Schedule.alternating(.batch), .alternating(.batch, trains: .heads)] {
                for turn in 0..<3 {
                    #expect(abs(try value(schedule, turn: turn) - joint) < 1e-9, "\(architecture), \(turn)")
                }
            }
        }
    }

    /// A shared layer, and a head's, with a penalty each.
    private func penalized(_ weight: Double) -> Probe {
        Probe { graph in
            let h = graph.dense(graph.features, units: 5, activation: .tanh, name: "trunk")
            graph.penalize(.squared("trunk.weight", weight: weight))
            graph.penalize(.squared("heads.b.0.weight", weight: weight))
            return graph.heads(graph.tasks.map { _ in h })
        }
    }
}
