import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct SamplingTests {
    private static let rows = 12_000
    private let schema = Schema(
        features: [Feature("x", .numeric)],
        labels: [Label("click", .binary), Label("buy", .binary), Label("amount", .regression)],
        scenario: "s")
    /// Every fourth row is a click, every eighth of a visitor who may buy, and amounts are of few.
    private let lines = text("x,click,buy,amount,s", rows: rows) { row in
        let scenario = ["de", "fr", "it"][row % 3]
        if row % 100 == 99 { return "\(row),,,,\(scenario)" }
        return "\(row),\(row % 4 == 0 ? 1 : 0),\(row % 8 == 0 ? "\(row / 8 % 2)" : ""),"
            + "\(row % 16 == 0 ? "2.5" : ""),\(scenario)"
    }

    private func sample(
        _ sampling: Sampling, threads: Int = 1, blockBytes: Int = 1 << 20
    ) throws -> [Int: [Double]] {
        try sampled(table(lines, threads: threads, blockBytes: blockBytes), schema, sampling)
    }

    private func hasLabel(_ row: Int) -> Bool { row % 100 != 99 }

    @Test func allIsKeptByDefaultButRowsWithoutLabels() throws {
        #expect(Set(try sample(Sampling()).keys) == Set((0..<Self.rows).filter(hasLabel)))
    }

    @Test func negativesAreKeptInTheirShareAndPositivesAll() throws {
        var sampling = Sampling()
        sampling.negatives = ["click": 0.2]
        let found = try sample(sampling)
        let labelled = (0..<Self.rows).filter(hasLabel)
        #expect(labelled.allSatisfy { $0 % 4 != 0 || found[$0]?[0] == 1 })
        #expect(isShare(found.values.count { $0[0] == 0 }, of: labelled.count { $0 % 4 != 0 }, 0.2))
        // Other labels are all there.
        #expect(found.values.count { !$0[1].isNaN } == labelled.count { $0 % 8 == 0 })
        #expect(found.values.count { !$0[2].isNaN } == labelled.count { $0 % 16 == 0 })
        #expect(found.values.allSatisfy { !$0.allSatisfy(\.isNaN) }, "a row without a label")
    }

    @Test func tasksAreKeptInTheirShare() throws {
        var sampling = Sampling()
        sampling.tasks = ["buy": 0.5, "amount": 0.25]
        sampling.negatives = ["buy": 0.5]
        let found = try sample(sampling)
        let buyers = (0..<Self.rows).filter { hasLabel($0) && $0 % 8 == 0 }
        let positive = buyers.count { $0 / 8 % 2 == 1 }
        #expect(isShare(found.values.count { $0[1] == 1 }, of: positive, 0.5))
        #expect(isShare(found.values.count { $0[1] == 0 }, of: buyers.count - positive, 0.25))
        #expect(isShare(found.values.count { !$0[2].isNaN }, of: buyers.count { $0 % 16 == 0 }, 0.25))
        #expect(found.count == (0..<Self.rows).count(where: hasLabel), "all rows have a click label")
    }

    @Test func scenariosAreKeptInTheirShare() throws {
        var sampling = Sampling()
        sampling.scenarios = ["fr": 0.3]
        let found = try sample(sampling)
        for scenario in 0..<3 {
            let all = (0..<Self.rows).filter { hasLabel($0) && $0 % 3 == scenario }
            let kept = all.count { found[$0] != nil }
            #expect(scenario == 1 ? isShare(kept, of: all.count, 0.3) : kept == all.count)
        }
    }

    @Test func theSeedDecidesAndNotTheThreads() throws {
        var sampling = Sampling()
        sampling.negatives = ["click": 0.2]
        sampling.tasks = ["buy": 0.4]
        sampling.scenarios = ["it": 0.5]
        func bits(_ rows: [Int: [Double]]) -> [Int: [UInt64]] { rows.mapValues { $0.map(\.bitPattern) } }
        let plain = bits(try sample(sampling))
        for (threads, blockBytes) in [(1, 1000), (2, 5000), (3, 777)] {
            #expect(bits(try sample(sampling, threads: threads, blockBytes: blockBytes)) == plain)
        }
        sampling.seed = 2
        #expect(bits(try sample(sampling)) != plain)
    }

    @Test func samplingThatCannotBeIsNamed() throws {
        func place(_ change: (inout Sampling) -> Void) throws -> String? {
            var sampling = Sampling()
            change(&sampling)
            return #expect(throws: InputError.self) { try sample(sampling) }?.place
        }
        #expect(try place { $0.negatives = ["click": 0] } == "sampling, negatives, \"click\"")
        #expect(try place { $0.negatives = ["click": 1.5] } == "sampling, negatives, \"click\"")
        #expect(try place { $0.negatives = ["amount": 0.5] } == "sampling, negatives, \"amount\"")
        #expect(try place { $0.tasks = ["clicks": 0.5] } == "sampling, tasks, \"clicks\"")
        #expect(try place { $0.scenarios = ["uk": 0.5] } == "sampling, scenarios, \"uk\"")
    }

    // MARK: Prepared rows

    private func prepared<Result>(
        _ text: String, _ plan: PreparedData.Plan, threads: Int = 1, _ body: (PreparedData) throws -> Result
    ) throws -> Result {
        let folder = try TemporaryFolder()
        return try body(
            PreparedData(
                table(text, threads: threads, blockBytes: 1 << 16), plan: plan, folder: folder.path,
                fingerprint: "test"))
    }

    @Test func otherPartsAreNotSampled() throws {
        var plan = PreparedData.Plan(schema: schema)
        plan.split = Split(.random, validation: 0.2, test: 0.2)
        let all = try prepared(lines, plan) {
            ($0.training.rowCount, $0.validation?.rowCount, $0.test?.rowCount)
        }
        #expect(all.0 + (all.1 ?? 0) + (all.2 ?? 0) == Self.rows)
        plan.sampling.scenarios = ["fr": 0.1]
        plan.sampling.negatives = ["click": 0.1]
        let some = try prepared(lines, plan) {
            ($0.training.rowCount, $0.validation?.rowCount, $0.test?.rowCount)
        }
        #expect(some.0 < all.0 / 2 && some.1 == all.1 && some.2 == all.2)
    }

    /// Of every kind of model, the watched loss too: early stopping must not judge by another base rate.
    @Test(arguments: ["plain", "norm", "mmoe"])
    func aModelOfSampledNegativesPredictsTheTrueRate(kind: String) throws {
        let rows = 40_000
        var generator = SeededGenerator(seed: 21)
        let x = (0..<rows).map { _ in generator.normal() }
        let labels = x.map { generator.uniform() < 1 / (1 + exp(1.6 - 0.8 * $0)) ? 1.0 : 0 }
        let lines = text("x,y", rows: rows) { "\(x[$0]),\(Int(labels[$0]))" }
        let schema = Schema(features: [Feature("x", .numeric)], labels: [Label("y", .binary)])
        var plan = PreparedData.Plan(schema: schema)
        plan.split = Split(.random, validation: 0.2, test: 0)
        plan.sampling.negatives = ["y": 0.4]
        var settings = ModelSettings()
        settings.trunk = kind == "norm" ? [8] : []
        settings.normalization = kind == "norm" ? .layer : .none
        if kind == "mmoe" {
            let text = #"{"type": "mmoe", "experts": 2, "layers": [8]}"#
            settings.sharing = try JSONDecoder().decode(SharingSettings.self, from: Data(text.utf8))
        }
        try prepared(lines, plan) { prepared in
            let model = try settings.model(prepared.preprocessor, sampling: plan.sampling)
            let trainer = try Trainer<Float>(
                model, optimizer: .adam(learningRate: 0.03), batchSize: 500, seed: 1)
            try trainer.fit(
                prepared.training, validation: prepared.validation, until: StoppingRule(epochs: 15))
            let bundle = try ModelBundle(
                prepared.preprocessor, settings: settings, sampling: plan.sampling,
                parameters: trainer.parameters)
            var predictions: [Double] = []
            try bundle.predict(table(lines)) { (_, found) throws(InputError) in
                predictions += try found.values("y").map(Double.init)
            }
            let rate = labels.reduce(0, +) / Double(rows)
            let predicted = predictions.reduce(0, +) / Double(rows)
            // A constant rate leaves the last step's noise: 2 to 3 % of the mean; uncorrected it would be 1.8 times the rate.
            #expect(abs(predicted / rate - 1) < 0.05, "\(predicted), not \(rate)")

            let source = try table(lines)
            let watched = try parts(Splitter(plan.split, source, schema), source, schema)
            var sum = 0.0
            for (row, part) in watched.enumerated() where part == .validation {
                sum -= log(labels[row] == 1 ? predictions[row] : 1 - predictions[row])
            }
            let validation = try #require(prepared.validation)
            let loss = sum / Double(validation.rowCount)
            #expect(abs(try trainer.losses(validation)[0] / loss - 1) < 1e-4)
            let logLoss = try #require(trainer.evaluate(validation)[0].logLoss)
            #expect(abs(logLoss / loss - 1) < 1e-5)
        }
    }
}
