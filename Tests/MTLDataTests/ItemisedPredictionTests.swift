import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Predictions that are taken apart: `mtl explain --row`.
@Suite struct ItemisedPredictionTests {
    private let files: FieldCase
    private static let features = ["price", "country", "tags", "seen"]

    init() throws {
        files = try FieldCase()
        try files.write(Self.rows(400))
        try files.write(Self.rows(8, from: 400), as: "few.csv")
        try files.write(
            """
            data: {source: visits.csv}
            schema:
              features:
                - {name: price, type: numeric}
                - {name: country, type: categorical, encoding: one_hot}
                - {name: tags, type: tags}
                - {name: seen, type: categorical}
              labels:
                - {name: click, type: binary}
                - {name: spend, type: regression}
                - {name: colour, type: multiclass}
            split: {by: random, validation: 0.1, test: 0.1}
            model: {trunk: [8]}
            training: {epochs: 8, batch: 32, learning_rate: 0.02, seeds: [1]}

            """, as: "visits.yaml")
        let trained = try Command.run(
            "mtl", ["train", "visits.yaml", "--model", "model.safetensors"], in: files.folder.path)
        try #require(trained.status == 0, "\(trained.errors)")
    }

    private static func rows(_ count: Int, from first: Int = 0) -> String {
        var random = SeededGenerator(seed: UInt64(first) + 1)
        return visits("price,country,tags,seen,click,spend,colour", rows: count) { _ in
            let price = Int.random(in: 0..<50, using: &random)
            let country = Int.random(in: 0..<3, using: &random)
            let tag = Int.random(in: 0..<3, using: &random)
            let seen = Int.random(in: 0..<4, using: &random)
            return [
                "\(price)", ["DE", "FR", ""][country], "t\(tag)|all", "s\(seen)",
                price + 20 * country > 30 + 5 * tag ? "1" : "0", "\(tag * 10 + price / 10)",
                ["red", "green", "blue"][(seen + tag) % 3],
            ]
        }
    }

    private struct Told: Decodable {
        struct Item: Decodable {
            struct Part: Decodable {
                let features: [String]
                let cells: [String?]
                let amount, margin: Double
            }
            let row: Int
            let task, scale: String
            let `class`: String?
            let prediction, value, base: Double
            let parts: [Part]
        }
        let rows: Int
        let predictions: [Item]
    }

    private func told(_ arguments: String...) throws -> Told {
        let result = try Command.run(
            "mtl", ["explain", "model.safetensors", "few.csv", "--json"] + arguments, in: files.folder.path)
        try #require(result.status == 0, "\(result.errors)")
        return try JSONDecoder().decode(Told.self, from: Data(result.output.utf8))
    }

    /// What a model predicts for rows whose cells are of two rows, from a file with those cells.
    private func predictions(_ lines: [[String]]) throws -> [[Double]] {
        let header = Self.features.joined(separator: ",")
        try files.write(
            ([header] + lines.map { $0.joined(separator: ",") }).joined(separator: "\n") + "\n",
            as: "mixed.csv")
        let bundle = try ModelBundle(contentsOf: files.folder.file("model.safetensors"))
        var found: [[Double]] = []
        try bundle.predict(bundle.open(files.folder.file("mixed.csv"))) {
            (_, predicted) throws(InputError) in
            for task in bundle.model.tasks { found.append(try predicted.values(task.name).map(Double.init)) }
        }
        return found
    }

    /// The sum over all subsets of the other features that defines a Shapley value, with the mean over all rows as the worth of a
    /// subset, of predictions of files.
    @Test func areShapleyValues() throws {
        let lines = try String(contentsOfFile: files.folder.file("few.csv"), encoding: .utf8)
            .split(separator: "\n").dropFirst().map {
                Array($0.split(separator: ",", omittingEmptySubsequences: false).map(String.init).prefix(4))
            }
        let row = lines[2]
        let count = Self.features.count
        var mixed: [[String]] = []
        for subset in 0..<1 << count {
            for other in lines {
                mixed.append(
                    (0..<count).map { (place: Int) -> String in
                        (subset >> place) & 1 == 1 ? row[place] : other[place]
                    })
            }
        }
        let predicted = try predictions(mixed)
        let found = try told("--row", "3", "--draws", "10000")
        #expect(found.rows == 8 && found.predictions.map(\.task) == ["click", "spend", "colour"])
        for (index, item) in found.predictions.enumerated() {
            let width = predicted[index].count / mixed.count
            let own = predicted[index].suffix(width * lines.count).prefix(width)
            let chosen = own.indices.max { own[$0] < own[$1] }.map { $0 - own.startIndex } ?? 0
            let values = mixed.indices.map { place -> Double in
                let p = predicted[index][place * width + chosen]
                return index == 0 ? log(p / (1 - p)) : index == 1 ? p : log(p)
            }
            func worth(_ subset: Int) -> Double {
                values[subset * lines.count..<(subset + 1) * lines.count].reduce(0, +)
                    / Double(lines.count)
            }
            #expect(item.row == 3 && item.scale == ["logit", "label", "log_probability"][index])
            #expect((item.class == nil) == (index != 2))
            #expect(abs(item.value - values[values.count - 1]) < 1e-6)
            var sum = item.base
            for (place, part) in item.parts.enumerated() {
                #expect(part.features == [Self.features[place]])
                #expect(part.cells == [row[place].isEmpty ? nil : row[place]])
                sum += part.amount
                var expected = 0.0
                for subset in 0..<1 << count where subset >> place & 1 == 0 {
                    let size = subset.nonzeroBitCount
                    let orders = [6.0, 2, 2, 6][size] / 24
                    expected += orders * (worth(subset | 1 << place) - worth(subset))
                }
                #expect(
                    abs(part.amount - expected) < 2.5 * part.margin + 1e-5,
                    "\(item.task) \(part.features): \(part.amount) ± \(part.margin), expected \(expected)")
            }
            #expect(abs(sum - item.value) < 1e-9, "\(item.task)")
        }
    }

    /// Few draws sum up, too; the same seed says the same, another one not.
    @Test func sumsAreWhole() throws {
        let (few, again) = (
            try told("--row", "1", "--row", "8", "--draws", "2"),
            try told("--row", "1", "--row", "8", "--draws", "2")
        )
        #expect(few.predictions.map(\.row) == [1, 1, 1, 8, 8, 8])
        for (item, other) in zip(few.predictions, again.predictions) {
            #expect(abs(item.parts.reduce(item.base) { $0 + $1.amount } - item.value) < 1e-9)
            #expect(item.parts.map(\.amount) == other.parts.map(\.amount))
        }
        let other = try told("--row", "1", "--draws", "2", "--seed", "2")
        #expect(other.predictions[0].parts.map(\.amount) != few.predictions[0].parts.map(\.amount))
    }

    /// Not a row more than was asked for, wherever blocks end.
    @Test func rowsAreAsManyAsWereAskedFor() throws {
        let bundle = try ModelBundle(contentsOf: files.folder.file("model.safetensors"))
        for (limit, count, isPart) in [(3, 3, true), (8, 8, false), (9, 8, false)] {
            let looked = try bundle.look(at: bundle.open(files.folder.file("few.csv")), limit: limit)
            #expect(looked.count == count && looked.isPart == isPart, "\(limit)")
        }
        #expect(try told("--row", "2", "--rows", "5").rows == 5)
    }

    @Test func refusals() throws {
        for (arguments, status, words) in [
            (["--row", "9"], 1, "--row: found 9, expected 1 to 8, the rows of few.csv"),
            (["--row", "0"], 64, "--row: found 0"), (["--row", "4", "--rows", "3"], 64, "--row: found 4"),
            (["--row", "1", "--draws", "1"], 64, "--draws: found 1"),
            (["--row", "1", "--label", "click"], 64, "--label"),
        ] {
            let result = try Command.run(
                "mtl", ["explain", "model.safetensors", "few.csv"] + arguments, in: files.folder.path)
            #expect(
                result.status == Int32(status) && result.errors.contains(words),
                "\(arguments): \(result.errors)")
        }
    }
}
