import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What of a column's values is seen.
@Suite struct ExposureTests {
    private func evaluation(_ values: [Int], _ scores: [Float], _ groups: [Int], first: Int)
        -> ExposureEvaluation
    {
        ExposureEvaluation(
            column: "product", task: "click", scores: scores, groups: groups, values: values, first: first)
    }

    /// Two groups are shown two rows each, which are counted by hand.
    @Test func countsAreThoseByHand() throws {
        // Group 1 is shown values 7 and 8, group 2 twice 7; 9 is never shown, the missing cell is no value.
        let found = evaluation(
            [9, 7, 8, 7, 7, -1], [0.1, 0.9, 0.5, 0.8, 0.8, .nan], [1, 1, 1, 2, 2, 2], first: 2)
        #expect(found.values == 3 && found.shownValues == 2 && abs(found.coverage - 2.0 / 3) < 1e-12)
        #expect(found.diversity == 0.5)
        // Counts 0, 1 and 3: Σ (2i - 4) c / (3 · 4).
        #expect(abs(found.gini - (0 * -2 + 1 * 0 + 3 * 2) / 12.0) < 1e-12)
        let all = evaluation([0, 1, 2, 3], [1, 1, 1, 1], [5, 5, 5, 5], first: 9)
        #expect(all.gini == 0 && all.coverage == 1 && all.diversity == 1)
        // Of equal scores the first row is shown.
        let tied = evaluation([0, 1, 2, 3], [1, 1, 1, 1], [5, 5, 5, 5], first: 1)
        #expect(tied.shownValues == 1 && tied.diversity == nil && abs(tied.gini - 0.75) < 1e-12)
        let none = evaluation([], [], [], first: 1)
        #expect(none.coverage == 0 && none.gini == 0)
    }

    /// The mean difference of all pairs over twice the mean, which defines the coefficient.
    @Test func giniIsThatOfItsDefinition() {
        var random = SeededGenerator(seed: 3)
        let count = 400
        let values = (0..<count).map { _ in Int.random(in: 0..<12, using: &random) }
        let found = evaluation(
            values, (0..<count).map { _ in Float(random.uniform()) }, (0..<count).map { $0 % 40 }, first: 10)
        var shown = [Double](repeating: 0, count: 12)
        for value in values { shown[value] += 1 }
        let differences = shown.reduce(0) { sum, one in sum + shown.reduce(0) { $0 + abs(one - $1) } }
        #expect(abs(found.gini - differences / (2 * 12 * 12 * (Double(count) / 12))) < 1e-12)
    }

    @Test func theCommandTellsIt() throws {
        let files = try FieldCase()
        var random = SeededGenerator(seed: 5)
        try files.write(
            visits("session,product,shelf,click", rows: 600) { row in
                let product = Int.random(in: 0..<8, using: &random)
                return ["s\(row / 6)", "p\(product)", product < 4 ? "a" : "", product == 2 ? "1" : "0"]
            })
        try files.write(
            """
            data: {source: visits.csv}
            schema:
              group: session
              features: [{name: product, type: categorical}]
              labels: [{name: click, type: binary}]
            split: {by: random, validation: 0.2}
            model: {trunk: [4]}
            training: {epochs: 5, learning_rate: 0.02}

            """, as: "visits.yaml")
        func run(_ arguments: String...) throws -> Command {
            try Command.run("mtl", arguments, in: files.folder.path)
        }
        let trained = try run("train", "visits.yaml", "--model", "model.safetensors")
        try #require(trained.status == 0, "\(trained.errors)")
        let told = try run(
            "evaluate", "model.safetensors", "visits.csv", "--exposure", "product", "--exposure", "shelf",
            "--shown",
            "1")
        #expect(told.status == 0, "\(told.errors)")
        let rows = told.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let product = try #require(rows.first { $0.first == "product" && $0.count > 4 })
        #expect(product[1] == "click" && product[2] == "8" && product.last == "-", "\(told.output)")
        let shelf = try #require(rows.first { $0.first == "shelf" })
        #expect(shelf[2] == "1" && shelf[4] == "1.0000", "\(told.output)")
        for (arguments, status, words) in [
            (["--exposure", "color"], 1, "column \"color\": found no column"),
            (["--exposure", "product", "--streamed"], 64, "--exposure: found --streamed too"),
            (["--exposure", "product", "--shown", "0"], 64, "--shown: found 0"),
        ] {
            let result = try Command.run(
                "mtl", ["evaluate", "model.safetensors", "visits.csv"] + arguments, in: files.folder.path)
            #expect(
                result.status == Int32(status) && result.errors.contains(words),
                "\(arguments): \(result.errors)")
        }
    }
}
