import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// `mtl uplift` on rows whose effects are planted.
@Suite struct UpliftCommandTests {
    private let files: FieldCase

    private struct Told: Decodable {
        struct Task: Decodable {
            let task: String
            let treated, untreated: Int
            let averageEffect, qini, auuc, upliftAtTenth: Double?
        }
        let areDifferences: Bool
        let tasks: [Task]
    }

    init() throws {
        files = try FieldCase()
        // The coupon moves the young to buy; the old click more, with or without it.
        func rows(_ count: Int, seed: UInt64) -> String {
            var random = SeededGenerator(seed: seed)
            return visits("age,coupon,buy,click,spend", rows: count) { _ in
                let (age, coupon) = (Int.random(in: 0..<80, using: &random), random.uniform() < 0.5)
                let buys = random.uniform() < (coupon && age < 30 ? 0.7 : 0.2)
                return [
                    "\(age)", coupon ? "1" : "0", buys ? "1" : "0",
                    random.uniform() < Double(age) / 100 ? "1" : "0", "\(age)",
                ]
            }
        }
        try files.write(rows(4000, seed: 1))
        try files.write(rows(3000, seed: 2), as: "later.csv")
        for (name, coupon) in [("with", "\n    - {name: coupon, type: categorical}"), ("without", "")] {
            try files.write(
                """
                data: {source: visits.csv}
                schema:
                  features:
                    - {name: age, type: numeric, encoding: piecewise}\(coupon)
                  labels:
                    - {name: buy, type: binary}
                    - {name: click, type: binary}
                    - {name: spend, type: regression}
                split: {by: random, validation: 0.2}
                model: {trunk: [16, 8]}
                training: {epochs: 15, batch: 64, learning_rate: 0.01}

                """, as: "\(name).yaml")
        }
    }

    private func run(_ arguments: String...) throws -> Command {
        try Command.run("mtl", arguments, in: files.folder.path)
    }

    private func told(_ model: String) throws -> Told {
        let trained = try run("train", "\(model).yaml", "--model", "\(model).safetensors")
        try #require(trained.status == 0, "\(trained.errors)")
        let result = try run("uplift", "\(model).safetensors", "later.csv", "--treatment", "coupon", "--json")
        try #require(result.status == 0, "\(result.errors)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Told.self, from: Data(result.output.utf8))
    }

    @Test func whoIsMovedIsFound() throws {
        let found = try told("with")
        #expect(found.areDifferences && found.tasks.map(\.task) == ["buy", "click"])
        let buy = found.tasks[0]
        #expect(buy.treated + buy.untreated == 3000)
        let (effect, tenth) = (try #require(buy.averageEffect), try #require(buy.upliftAtTenth))
        #expect(effect > 0.12 && effect < 0.25 && tenth > effect + 0.15, "\(found)")
        #expect(try #require(buy.qini) > 0.1 && #require(buy.auuc) > 0.1, "\(found)")
        // Nothing moves clicks.
        #expect(try abs(#require(found.tasks[1].averageEffect)) < 0.06)
    }

    /// Half of a cross cannot be set.
    @Test func crossesOfTheTreatmentAreRefused() throws {
        let text = try String(contentsOfFile: files.folder.file("with.yaml"), encoding: .utf8)
        try files.write(
            text.replacing(
                "{name: coupon, type: categorical}",
                with: "{name: both, type: cross, of: [coupon, age]}"), as: "cross.yaml")
        let trained = try run("train", "cross.yaml", "--model", "cross.safetensors")
        try #require(trained.status == 0, "\(trained.errors)")
        let result = try run("uplift", "cross.safetensors", "later.csv", "--treatment", "coupon")
        #expect(
            result.status == 1 && result.errors.contains("feature \"both\": found a cross with"),
            "\(result.errors)")
    }

    @Test func predictionsAreScoresOfAModelWithoutTheTreatment() throws {
        let found = try told("without")
        #expect(!found.areDifferences)
        // Who buys more at all is young, since half of them had the coupon.
        #expect(try #require(found.tasks[0].qini) > 0.05, "\(found)")
        let table = try run("uplift", "without.safetensors", "later.csv", "--treatment", "coupon")
        #expect(table.output.contains("the model does not read \"coupon\""), "\(table.output)")
        for (arguments, words) in [
            (["--treatment", "voucher"], "column \"voucher\": found no column of that name"),
            (["--treatment", "coupon", "--treated", "yes"], "found no treated row"),
            (["--treatment", "coupon", "--label", "spend"], "found no binary one"),
        ] {
            let result = try Command.run(
                "mtl", ["uplift", "without.safetensors", "later.csv"] + arguments, in: files.folder.path)
            #expect(result.status == 1 && result.errors.contains(words), "\(arguments): \(result.errors)")
        }
    }
}
