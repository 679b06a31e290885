import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What `mtl report` and `mtl explain` tell.
@Suite struct ReportCommandTests {
    private let files: FieldCase

    init() throws { try self.init(attention: Self.attention) }

    private static let attention =
        "features: [{type: attention, sequence: [item, shelf], candidate: [seen_item, seen_shelf]}], "

    private init(attention: String) throws {
        files = try FieldCase()
        try files.write(Self.rows(600))
        try files.write(Self.rows(300, from: 600), as: "later.csv")
        try files.write(
            """
            data: {source: visits.csv}
            schema:
              scenario: country
              features:
                - {name: price, type: numeric}
                - {name: noise, type: numeric, encoding: piecewise}
                - {name: country, type: categorical}
                - {name: tags, type: tags}
                - {name: item, type: sequence, dimension: 4}
                - {name: shelf, type: sequence, dimension: 4}
                - {name: seen_item, type: categorical, dimension: 4}
                - {name: seen_shelf, type: categorical, dimension: 4}
              labels:
                - {name: click, type: binary}
                - {name: spend, type: regression}
            split: {by: random, validation: 0.2, test: 0.2}
            model: {\(attention)sharing: {type: mmoe, experts: 2, layers: [8]}}
            training: {epochs: 4, batch: 64, learning_rate: 0.02, seeds: [1, 2], balancing: {type: metabalance, relaxation: 0}}

            """, as: "visits.yaml")
    }

    /// Clicks follow the price, spending the tags; the noise is worth nothing.
    private static func rows(_ count: Int, from first: Int = 0) -> String {
        var random = SeededGenerator(seed: UInt64(first) + 1)
        return visits("price,noise,country,tags,item,shelf,seen_item,seen_shelf,click,spend", rows: count) {
            _ in
            let price = Int.random(in: 0..<50, using: &random)
            let tag = Int.random(in: 0..<3, using: &random)
            let behaviours = Int.random(in: 0..<4, using: &random)
            func several(_ letter: String) -> String {
                (0..<behaviours).map { _ in "\(letter)\(Int.random(in: 0..<5, using: &random))" }.joined(
                    separator: "|")
            }
            return [
                "\(price)", "\(Int.random(in: 0..<1000, using: &random))",
                ["DE", "FR"][Int.random(in: 0..<2, using: &random)], "t\(tag)|all", several("i"),
                several("s"), "i\(Int.random(in: 0..<5, using: &random))",
                "s\(Int.random(in: 0..<5, using: &random))",
                price + Int.random(in: 0..<10, using: &random) > 28 ? "1" : "0", "\(tag * 10)",
            ]
        }
    }

    private func run(_ arguments: String...) throws -> Command {
        try Command.run("mtl", arguments, in: files.folder.path)
    }

    @Test func aRunBecomesAPage() throws {
        let trained = try run("train", "visits.yaml", "--run", "first")
        #expect(trained.status == 0, "\(trained.errors)")
        let plain = try run("report", "first", "--output", "plain.html")
        #expect(plain.status == 0 && plain.output.contains("plain.md"), "\(plain.errors)")
        let short = try text("plain.html")
        for word in [
            "Metrics on the test rows", "Watched loss, per seed", "click: AUC", "Balancing", "Experiment",
            "the run has come to its end", "Mean cosine",
        ] {
            #expect(short.contains(word), "\(word)")
        }
        #expect(!short.contains("What features are worth"))

        let whole = try run("report", "first", "later.csv", "--repeats", "3")
        #expect(whole.status == 0, "\(whole.errors)")
        let (html, markdown) = (try text("first/report.html"), try text("first/report.md"))
        for word in [
            "ROC, area", "Precision over recall", "predicted and observed", "Scores of yes and of no",
            "Predicted and observed, twentieths", "Scenarios", "Experts", "What features are worth",
        ] {
            #expect(html.contains(word), "\(word)")
        }
        for word in ["src=", "href=", "url(", "nan", "undefined"] { #expect(!html.contains(word), "\(word)") }
        // The test metrics are those that training printed.
        for line in trained.output.split(separator: "\n") where line.hasPrefix("click") {
            let cells = line.split(separator: " ").map(String.init)
            guard cells.count > 3, cells[2] == "AUC" else { continue }
            #expect(markdown.contains("AUC | \(cells[3]) |"), "\(line)")
        }
        let table = try run("evaluate", "first/model.safetensors", "later.csv", "--all").output
        let area = try #require(
            table.split(separator: "\n").first { $0.contains(" AUC ") }?.split(separator: " "))
        #expect(markdown.contains("| AUC | \(area[3]) (0.5000) | - |"), "\(area)")
        // A finished run is as it was: the page is no part of it.
        let again = try run("train", "visits.yaml", "--run", "first", "--resume")
        #expect(again.status == 0, "\(again.errors)")
    }

    @Test func featuresAreWorthWhatTheyTell() throws {
        #expect(try run("train", "visits.yaml", "--model", "model.safetensors").status == 0)
        let told = try run("explain", "model.safetensors", "later.csv", "--json")
        #expect(told.status == 0, "\(told.errors)")
        struct Told: Decodable {
            struct One: Decodable {
                let feature, task, metric: String
                let loss, margin: Double
            }
            let rows: Int
            let importances: [One]
        }
        let found = try JSONDecoder().decode(Told.self, from: Data(told.output.utf8))
        #expect(found.rows == 300 && found.importances.count == 16)
        func loss(_ feature: String, _ task: String) -> Double {
            found.importances.first { $0.feature == feature && $0.task == task }?.loss ?? .nan
        }
        #expect(loss("price", "click") > 0.3, "\(told.output)")
        #expect(abs(loss("noise", "click")) < 0.05, "\(told.output)")
        #expect(loss("tags", "spend") > 3 && abs(loss("price", "spend")) < 1, "\(told.output)")
        #expect(try run("explain", "model.safetensors", "later.csv", "--json").output == told.output)
    }

    /// A feature that is moved in encoded rows is one whose cells were moved in the file.
    @Test func movedCellsAreMovedRows() throws {
        // One sequence alone may be moved where no layer reads it beside another.
        let whole = try ReportCommandTests(attention: "")
        try whole.checkMoves()
    }

    private func checkMoves() throws {
        #expect(try run("train", "visits.yaml", "--model", "model.safetensors").status == 0)
        let bundle = try ModelBundle(contentsOf: files.folder.file("model.safetensors"))
        func look(_ name: String) throws -> LookedRows {
            try bundle.look(at: bundle.open(files.folder.file(name)), limit: 1000)
        }
        let lines = try text("later.csv").split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let count = lines.count - 1
        let order = (0..<count).map { ($0 * 7 + 3) % count }
        let before = try look("later.csv")
        #expect(before.count == count)
        for (index, feature) in bundle.preprocessor.schema.features.enumerated() {
            var cells = lines
            let column = try #require(lines[0].firstIndex(of: feature.name))
            for row in 0..<count { cells[row + 1][column] = lines[order[row] + 1][column] }
            try files.write(
                cells.map { $0.joined(separator: ",") }.joined(separator: "\n") + "\n", as: "moved.csv")
            var moved = before.encoded
            bundle.preprocessor.move(index, of: &moved, from: before.encoded, order)
            let after = try look("moved.csv").encoded
            #expect(moved.dense == after.dense && moved.ids == after.ids, "\(feature.name)")
            for (one, other) in zip(moved.bags, after.bags) {
                #expect(one.ids == other.ids && one.offsets == other.offsets, "\(feature.name)")
            }
            #expect(
                moved.dense != before.encoded.dense || moved.ids != before.encoded.ids
                    || moved.bags.map(\.ids) != before.encoded.bags.map(\.ids), "\(feature.name)")
        }
    }

    @Test func refusals() throws {
        #expect(try run("train", "visits.yaml", "--run", "first").status == 0)
        for (arguments, status, words) in [
            (["report", "missing"], 1, "missing/run.json: found no such file"),
            (["report", "first", "--output", "page.txt"], 64, "ends with .html"),
            (["report", "first", "--model", "a.safetensors"], 64, "found no file of rows"),
            (["report", "first", "later.csv", "--repeats", "1"], 64, "--repeats: found 1"),
            (["report", "first", "later.csv", "--rows", "0"], 64, "--rows: found 0"),
            (["report", "first", "nothing.csv"], 1, "nothing.csv"),
            (["report", "first", "later.csv", "--label", "buy"], 1, "label \"buy\": found no task"),
            (["explain", "first/model.safetensors", "later.csv", "--repeats", "31"], 64, "2 to 30"),
        ] {
            let result = try Command.run("mtl", arguments, in: files.folder.path)
            #expect(
                result.status == status && result.errors.contains(words), "\(arguments): \(result.errors)")
        }
        try files.write(
            "price,noise,country,tags,item,shelf,seen_item,seen_shelf,click,spend\n", as: "empty.csv")
        let empty = try run("report", "first", "empty.csv")
        #expect(empty.status == 1 && empty.errors.contains("expected at least one row"), "\(empty.errors)")
        let path = files.folder.file("first/experiment.json")
        let settings = try String(contentsOfFile: path, encoding: .utf8)
        try files.write(settings.replacing("click", with: "clack"), as: "first/experiment.json")
        let changed = try run("report", "first")
        #expect(changed.status == 1 && changed.errors.contains("not as it was written"), "\(changed.errors)")
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: files.folder.file(name), encoding: .utf8)
    }
}
