import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What the training rows had never, or too rarely, is predicted alike by models of several seeds, near the truth of its neighbours.
@Suite struct UnseenSeedTests {
    private static let items = 40

    /// Clicks that are nine in ten of every other item and one in ten of the others: of a new one they are one half.
    private static func isClicked(_ row: Int) -> Bool {
        row / items % 10 < (row % items % 2 == 0 ? 9 : 1)
    }

    /// As often as they come: how a model bends between them is its seed's own affair.
    private static let numbers = [-1.5, -0.9, -0.5, -0.25, 0, 0.25, 0.5, 0.9, 1.5]

    /// Per seed what is predicted for each of `serve`, the mean over numbers beside it, of models trained on rows of `cells`.
    private func predictions(
        _ feature: String, header: String = "item,x", serve: [String], roles: String = "",
        _ cells: (Int) -> String, change: (inout Experiment) -> Void = { _ in }
    ) throws -> [[Float]] {
        let files = try FieldCase()
        var draw = SeededGenerator(seed: 5)
        try files.write(
            visits("\(header),click", rows: 2000) { row in
                [cells(row), "\(draw.normal())", Self.isClicked(row) ? "1" : "0"]
            })
        var experiment = try files.experiment(
            [feature, "{name: x, type: numeric}"].filter { !$0.isEmpty }, roles: roles,
            split: "{by: random, validation: 0.1, test: 0}")
        experiment.model.trunk = [16]
        experiment.training.epochs = 8
        experiment.training.learningRate = 0.005
        experiment.training.seeds = [1, 2, 3, 4, 5]
        experiment.training.keep = .all
        change(&experiment)
        let data = try files.prepared(experiment)
        let members = try #require(TrainingRun(experiment, data).members)
        let rows = serve.flatMap { cell in Self.numbers.map { "\(cell),\($0)" } }
        try files.write(([header] + rows).joined(separator: "\n") + "\n", as: "serve.csv")
        return try members.vectors.map { parameters in
            let model = try ModelBundle(
                data.preprocessor, settings: experiment.model, parameters: parameters)
            let values = try files.predictions(model, "serve.csv")
            return serve.indices.map { place in
                let own = values[place * Self.numbers.count..<(place + 1) * Self.numbers.count]
                return own.reduce(0, +) / Float(own.count)
            }
        }
    }

    private func expectNeutral(_ values: [[Float]], _ name: String) {
        #expect(values.count == 5)
        for row in values[0].indices {
            let own = values.map { $0[row] }
            let (least, most) = (own.min() ?? 0, own.max() ?? 1)
            #expect(most - least < 0.03, "\(name), row \(row): \(own)")
            #expect(least > 0.45 && most < 0.55, "\(name), row \(row): \(own)")
        }
    }

    private static let item = "{name: item, type: categorical, dimension: 8, minimum_count: 5}"

    @Test func ofAnID() throws {
        // Three rows have values too rare for ids of their own: their common one is no more than drawn by so few.
        let values = try predictions(Self.item, serve: ["new", ""]) { row in
            row % 700 == 8 ? "rare\(row)" : "i\(row % Self.items)"
        }
        expectNeutral(values, "an id")
    }

    @Test func ofAMissingValueThatFewRowsHad() throws {
        let values = try predictions(Self.item, serve: ["", "new"]) { row in
            row % 700 == 8 ? "" : "i\(row % Self.items)"
        }
        expectNeutral(values, "a missing id")
    }

    @Test func ofAPackedEnsemble() throws {
        let values = try predictions(Self.item, serve: ["new"], { "i\($0 % Self.items)" }) {
            $0.model.ensemble = 4
        }
        expectNeutral(values, "an ensemble")
    }

    @Test func ofHashedIDsThatNoBucketHas() throws {
        // Of as many buckets most are empty, and a new value falls into one of them or the bucket of a seen one.
        let values = try predictions(
            "{name: item, type: categorical, dimension: 8, hash_buckets: 100000}", serve: ["new", ""]
        ) { "i\($0 % Self.items)" }
        expectNeutral(values, "a bucket")
    }

    @Test func ofABagsIDsAndOfABagThatIsEmptyForTheFirstTime() throws {
        for kind in ["tags", "sequence"] {
            let values = try predictions(
                "{name: item, type: \(kind), dimension: 8}", serve: ["new", "", "new|newer"]
            ) { row in
                "i\(row % Self.items)|i\((row + 2 * (row / Self.items)) % Self.items)"
            }
            expectNeutral(values, kind)
        }
    }

    @Test func ofANumberThatIsMissingForTheFirstTime() throws {
        // Clicks are most frequent at both ends: the mean number, between them, is no stand-in for one that nobody knows.
        let values = try predictions(
            "{name: item, type: numeric, encoding: piecewise}", serve: [""]
        ) { row in
            let item = row % Self.items
            return item % 2 == 0 ? "\(item < 20 ? item / 2 : 40 + item / 2)" : "\(12 + item / 2)"
        }
        expectNeutral(values, "a number")
    }

    @Test func ofAScenario() throws {
        let values = try predictions(
            "", header: "place,x", serve: ["new", ""], roles: "scenario: place"
        ) { row in
            "s\(row % Self.items % 4)"
        } change: {
            $0.model.sharing = SharingSettings(.scenarioTowers, ["layers": [8]])
        }
        expectNeutral(values, "a scenario")
    }
}
