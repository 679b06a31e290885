import MTLEngine
import MTLTestSupport
import Testing

/// What an optimiser of layers and one of tables may be, and what a factor of the rate does to them.
@Suite struct OptimizerOptionTests {
    private static let rules: [Optimizer] = [
        .sgd(learningRate: 0.1), .adam(learningRate: 0.01), .adamW(learningRate: 0.01, weightDecay: 0.1),
        .adagrad(learningRate: 0.05),
    ]

    private func model(
        _ architecture: some Architecture = SharedBottom(trunk: [.relu(9)]), embeds: Bool
    ) throws -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 6, embedded: embeds ? SmallProblem.embedded : [],
            tables: embeds ? SmallProblem.tables : [], architecture: architecture, tasks: SmallProblem.tasks)
    }

    private func scaled(_ optimizer: Optimizer, by factor: Double) -> Optimizer {
        switch optimizer.rule {
        case .sgd: .sgd(learningRate: optimizer.learningRate * factor)
        case .adam(_, _, _, let isDecoupled):
            isDecoupled
                ? .adamW(
                    learningRate: optimizer.learningRate * factor, weightDecay: optimizer.weightDecay)
                : .adam(learningRate: optimizer.learningRate * factor)
        case .adagrad: .adagrad(learningRate: optimizer.learningRate * factor)
        case .rowAdagrad: .rowAdagrad(learningRate: optimizer.learningRate * factor)
        case .ftrl: optimizer
        }
    }

    private func bits(
        _ model: MultiTaskModel, _ optimizer: Optimizer, tables: Optimizer?, factor: Double
    ) throws -> [UInt64] {
        let trainer = try Trainer<Double>(
            model, optimizer: optimizer, tableOptimizer: tables, batchSize: 20, seed: 3)
        let data = try SmallProblem.data(Double.self, rows: 20, embedded: !model.embedded.isEmpty)
        trainer.trainingStep.rateFactor = factor
        for _ in 0..<4 { try trainer.step(data, rows: 0..<20) }
        return trainer.parameters.map(\.bitPattern)
    }

    /// A quarter of the rate by a factor is a quarter of the rate, of layers, tables and what moves between steps; FTRL has a
    /// rate of its own.
    @Test func factorsAreRates() throws {
        let plain = try model(embeds: true)
        for rule in Self.rules {
            let half = try bits(plain, rule, tables: nil, factor: 0.25)
            #expect(try half == bits(plain, scaled(rule, by: 0.25), tables: nil, factor: 1), "\(rule)")
            #expect(try half != bits(plain, rule, tables: nil, factor: 1), "\(rule)")
        }
        for tables in [Optimizer.rowAdagrad(learningRate: 0.1), .ftrl(alpha: 0.1, l1: 0.01)] {
            let found = try bits(plain, Self.rules[0], tables: tables, factor: 0.25)
            let expected = try bits(
                plain, scaled(Self.rules[0], by: 0.25), tables: scaled(tables, by: 0.25), factor: 1)
            #expect(found == expected, "\(tables)")
        }
        let moved = try model(
            TraceNormSharing(layers: [.relu(9)], weight: 0.5, updateEvery: 1), embeds: false)
        #expect(
            try bits(moved, .sgd(learningRate: 0.4), tables: nil, factor: 0.25)
                == bits(moved, .sgd(learningRate: 0.1), tables: nil, factor: 1))
    }

    /// A rule of the tables that is the layers' own changes nothing.
    @Test func theSameRuleTwiceIsOneRule() throws {
        let plain = try model(embeds: true)
        for rule in Self.rules where rule.weightDecay == 0 {
            #expect(
                try bits(plain, rule, tables: rule, factor: 1) == bits(plain, rule, tables: nil, factor: 1))
        }
        let decayed = Optimizer.adam().withRowDecay(0.1)
        #expect(
            try bits(plain, .adam(), tables: decayed, factor: 1)
                == bits(plain, decayed, tables: nil, factor: 1))
    }

    @Test func wrongPairsAreNamed() throws {
        func place(_ optimizer: Optimizer, _ tables: Optimizer? = nil, embeds: Bool = true) -> String? {
            failure {
                _ = try Trainer<Float>(
                    try model(embeds: embeds), optimizer: optimizer, tableOptimizer: tables)
            }?.place
        }
        #expect(place(.rowAdagrad()) == "optimizer" && place(.ftrl()) == "optimizer")
        #expect(place(.adam(), .adam(), embeds: false) == "table optimizer")
        #expect(place(.adam().withRowDecay(0.1), embeds: false) == "optimizer, row decay")
        #expect(place(.adam().withRowDecay(0.1), .sgd()) == "optimizer, row decay")
        #expect(place(.adam().withRowDecay(-1)) == "optimizer, row decay")
        #expect(place(.adam(), .sgd().withRowDecay(.nan)) == "table optimizer, row decay")
        #expect(place(.adam(), .adamW()) == "table optimizer, weight decay")
        #expect(place(.sgd(momentum: 0.9)) == "optimizer, momentum")
        #expect(place(.adam(), .sgd(momentum: 0.9)) == "table optimizer, momentum")
        #expect(place(.sgd(momentum: 0.9), .sgd()) == nil)
        #expect(place(.adam(), .rowAdagrad(learningRate: -1)) == "table optimizer, learning rate")
        #expect(place(.adam(), .rowAdagrad(epsilon: 0)) == "table optimizer, epsilon")
        #expect(place(.adam(), .ftrl(alpha: 0)) == "table optimizer, alpha")
        #expect(place(.adam(), .ftrl(beta: -1)) == "table optimizer, beta")
        #expect(place(.adam(), .ftrl(l1: .infinity)) == "table optimizer, l1")
        #expect(place(.adam(), .ftrl(l2: -1)) == "table optimizer, l2")
    }

    /// Row-wise Adagrad takes one number a row, an average all parameters once more.
    @Test func memoryIsCountedByTheRule() throws {
        let model = try MultiTaskModel(
            inputs: 1, embedded: [.single("item")],
            tables: [EmbeddingTable("item", rows: 100_000, dimension: 16)], trunk: [.relu(4)],
            tasks: [.binary("a"), .binary("b")])
        func bytes(_ tables: Optimizer, sets: Int = 1, averages: Bool = false) throws -> Double {
            let need = MemoryNeed(
                training: model, batch: 8, workers: 1, stateVectors: 2, rowState: tables.rowState, sets: sets,
                averages: averages, scalarBytes: 4)
            return try #require(need.parts.first { $0.place == "embedding table \"item\"" }).bytes
        }
        let vector = 4.0 * 1_600_000
        #expect(try bytes(.sgd()) == vector && bytes(.adam()) == 3 * vector)
        #expect(try bytes(.adagrad()) == 2 * vector && bytes(.ftrl()) == 3 * vector)
        #expect(try bytes(.rowAdagrad()) == vector + 400_000)
        #expect(try bytes(.adam(), sets: 2) == 5 * vector && bytes(.ftrl(), sets: 2) == 3 * vector)
        #expect(try bytes(.rowAdagrad(), sets: 2) == vector + 800_000)
        #expect(try bytes(.sgd(), averages: true) == 2 * vector + 400_000)
        // The layers' share does not know the tables' rule.
        func layers(_ tables: Optimizer) -> Double {
            MemoryNeed(
                training: model, batch: 8, workers: 1, stateVectors: 2, rowState: tables.rowState, sets: 1,
                scalarBytes: 4
            ).parts.filter { $0.place.hasPrefix("layer") }.reduce(0) { $0 + $1.bytes }
        }
        #expect(layers(.sgd()) == layers(.adam()))
        let trainer = try Trainer<Float>(model, tableOptimizer: .rowAdagrad(), batchSize: 8)
        #expect(trainer.trainingStep.stateVectors == 0)
    }
}
