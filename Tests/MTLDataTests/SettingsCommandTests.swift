import Foundation
import MTLTestSupport
import Testing

/// The command itself: its messages, its outputs and how it ends.
@Suite struct SettingsCommandTests {
    /// A folder with files, in which the command runs.
    struct Shell {
        let files: FieldCase

        init() throws { files = try FieldCase() }

        func run(_ arguments: String...) throws -> Command {
            try Command.run("mtl", arguments, in: files.folder.path)
        }

        func experiment(
            _ more: String = "", source: String = "visits.csv", features: [String]? = nil,
            labels: [String]? = nil,
            model: String = "{trunk: [8]}", training: String = "{epochs: 3, batch: 64, learning_rate: 0.01}"
        ) throws {
            let features = features ?? ["{name: price, type: numeric}", "{name: country, type: categorical}"]
            let labels = labels ?? ["{name: click, type: binary}"]
            try files.write(
                "data: {source: \(source)}\nschema:\n  features:\n"
                    + features.map { "    - \($0)\n" }.joined()
                    + "  labels:\n" + labels.map { "    - \($0)\n" }.joined()
                    + "split: {by: random, validation: 0.1, test: 0.2}\nmodel: \(model)\ntraining: \(training)\n\(more)",
                as: "visits.yaml")
        }

        static func rows(_ count: Int = 400, from first: Int = 0) -> String {
            visits("price,country,user_id,click", rows: count) { row in
                let row = row + first
                return [
                    "\(row * 7 % 50)", ["DE", "FR", "ZA"][row % 3], "u\(row % 20)",
                    row * 7 % 50 > 25 ? "1" : "0",
                ]
            }
        }
    }

    @Test func messagesNameFileLineSettingAndWhatIsExpected() throws {
        let shell = try Shell()
        try shell.files.write(Shell.rows())
        for (training, expected) in [
            ("{epochs: two}", "line 10, training.epochs: found \"two\", expected a whole number"),
            ("{epochs: 2.5}", "training.epochs: found \"2.5\", expected a whole number"),
            ("{epochs: [1]}", "training.epochs: found a list, expected a whole number"),
            ("{epochs: }", "training.epochs: found nothing, expected a value"),
            ("{epochs: ~}", "training.epochs: found nothing, expected a value"),
            ("{epochs: null}", "training.epochs: found nothing, expected a value"),
            ("{epochs: 1:30}", "training.epochs: found 1:30, expected a number"),
            ("{learning_rate: fast}", "training.learning_rate: found \"fast\", expected a number"),
            (
                "{optimizer: adm}",
                "training.optimizer: found \"adm\", expected one of adam, adamw, adagrad, sgd"
            ),
            ("{seeds: 3}", "training.seeds: found \"3\", expected a list of whole numbers"),
            ("{seeds: [1, 1]}", "training, seeds: found [1, 1], one of them twice"),
            ("{learning_rate: 0}", "training, learning_rate: found 0.0, expected above 0"),
            ("{epochs: 1, epochs: 2}", "found \"epochs\" twice, expected each setting once"),
            ("[1", "expected YAML"),
        ] {
            try shell.experiment(training: training)
            let result = try shell.run("train", "visits.yaml")
            #expect(result.status == 1 && result.errors.contains(expected), "\(training): \(result.errors)")
            #expect(result.errors.contains("visits.yaml"))
            for raw in [
                "NSCocoa", "Expected to decode", "DecodingError", "Scalar", "codingPath", "typeMismatch",
            ] {
                #expect(!result.errors.contains(raw), "\(result.errors)")
            }
        }
        for (model, expected) in [
            (
                "{sharing: {type: mmoe, experts: 0}}",
                "visits.yaml, model, sharing, experts: found 0, expected at least 1"
            ),
            ("{sharing: {type: mmoe, experts: 9223372036854775807}}", "expected at most 1024"),
            ("{sharing: {type: cross_stitch, own_share: 2}}", "own share: found 2.0, expected 0 to 1"),
            ("{sharing: {type: low_rank, rank: 1000000}}", "rank: found 1000000, expected at most 4096"),
            ("{trunk: [9223372036854775807]}", "expected at most 131072"),
            ("{trunk: [100000, 100000]}", "visits.yaml, model, layer \"trunk.1\""),
        ] {
            try shell.experiment(model: model)
            let result = try shell.run("train", "visits.yaml")
            #expect(result.status == 1 && result.errors.contains(expected), "\(model): \(result.errors)")
        }
        try shell.experiment(features: ["{name: c, type: cross, of: [country, country]}"])
        #expect(try shell.run("train", "visits.yaml").errors.contains("expected two columns that differ"))
        try shell.experiment(features: [
            "{name: user_id, type: categorical, hash_buckets: 1000000000, dimension: 16}"
        ])
        let large = try shell.run("train", "visits.yaml")
        #expect(large.status == 1)
        #expect(
            large.errors.contains(
                "feature \"user_id\", hash_buckets: found 64 GB needed for a table of 1,000,000,000 x 16, expected at most"
            ),
            "\(large.errors)")
        for (name, found) in [("none.yaml", "no such file"), (".", "a folder")] {
            let result = try shell.run("train", name)
            #expect(result.status == 1 && result.errors.contains(found), "\(result.errors)")
        }
        try shell.files.write("", as: "empty.yaml")
        #expect(try shell.run("train", "empty.yaml").errors.contains("found nothing, expected an experiment"))
    }

    @Test func listsOfOptionsAreTakenAtTheirWord() throws {
        let shell = try Shell()
        try shell.files.write(Shell.rows())
        try shell.experiment()
        for seeds in ["1,,2", "1,1", "", "x", "1,"] {
            #expect(try shell.run("train", "visits.yaml", "--seeds", seeds).status != 0, "\(seeds)")
        }
        #expect(try shell.run("train", "visits.yaml").status == 0)
        for keep in ["country,,price", "country,country", "click", ""] {
            let result = try shell.run("predict", "visits.safetensors", "visits.csv", "--keep", keep)
            #expect(result.status != 0 && result.output.isEmpty, "\(keep)")
        }
        let kept = try shell.run("predict", "visits.safetensors", "visits.csv", "--keep", "country,price")
        #expect(kept.status == 0 && kept.output.hasPrefix("country,price,click\nDE,0,"))
    }

    @Test func anEpochIsALineWhereOutputIsPiped() throws {
        let shell = try Shell()
        try shell.files.write(Shell.rows())
        try shell.experiment()
        let result = try shell.run("train", "visits.yaml")
        for epoch in 1...3 { #expect(result.output.contains("seed 1, epoch \(epoch): loss 0.")) }
        #expect(!result.output.contains("\u{1B}"))
    }

    @Test func badRowsAreRefusedWholeOrLeftOutAndCounted() throws {
        let shell = try Shell()
        try shell.files.write(Shell.rows())
        try shell.experiment()
        #expect(try shell.run("train", "visits.yaml").status == 0)
        try shell.files.write(
            Shell.rows(3000) + "many,DE,u1,0\n1e300,DE,u1,0\n1,DE,u1\n"
                + Shell.rows(10).drop { $0 != "\n" }.dropFirst(), as: "bad.csv")
        for command in ["predict", "evaluate"] {
            let refused = try shell.run(command, "visits.safetensors", "bad.csv")
            #expect(refused.status == 1 && refused.output.isEmpty)
            #expect(refused.errors.contains("bad.csv, line 3002, column \"price\": found \"many\""))
            let skipped = try shell.run(command, "visits.safetensors", "bad.csv", "--bad-rows", "skip:1%")
            #expect(skipped.status == 0, "\(skipped.errors)")
            #expect(skipped.errors.contains("bad.csv: 3 bad rows left out, the first: bad.csv, line 300"))
            if command == "predict" { #expect(skipped.output.split(separator: "\n").count == 3011) }
            let few = try shell.run(command, "visits.safetensors", "bad.csv", "--bad-rows", "skip:0.01%")
            #expect(few.status == 1 && few.output.isEmpty)
        }
    }

    @Test func trainingGoesOnFromAModel() throws {
        let shell = try Shell()
        try shell.files.write(Shell.rows())
        try shell.experiment(training: "{epochs: 15, batch: 64, learning_rate: 0.01}")
        #expect(try shell.run("train", "visits.yaml").status == 0)
        try shell.files.write(Shell.rows(300, from: 1000).replacing("ZA", with: "NA2"), as: "later.csv")
        try shell.experiment(source: "later.csv", training: "{epochs: 1, batch: 64, learning_rate: 0.0001}")
        let cold = try shell.run("train", "visits.yaml", "--model", "cold.safetensors")
        let warm = try shell.run(
            "train", "visits.yaml", "--from", "visits.safetensors", "--model", "warm.safetensors")
        #expect(warm.status == 0, "\(warm.errors)")
        func area(_ output: String) -> Double {
            // The last column is a constant's.
            output.split(separator: "\n").last { $0.contains(" AUC ") }?.split(separator: " ").dropLast()
                .last
                .flatMap { Double($0) } ?? 0
        }
        #expect(area(warm.output) > 0.95 && area(warm.output) > area(cold.output))
        // The old vocabulary: the new country is still unseen.
        let notes = try shell.run("predict", "warm.safetensors", "later.csv").errors
        #expect(notes.contains("feature \"country\": 100 values in 300 rows"))
        try shell.experiment(source: "later.csv", features: ["{name: price, type: numeric}"])
        let other = try shell.run("train", "visits.yaml", "--from", "visits.safetensors")
        #expect(other.errors.contains("schema, features: found no feature \"country\""))
        try shell.experiment(source: "later.csv", model: "{trunk: [9]}")
        #expect(
            try shell.run("train", "visits.yaml", "--from", "visits.safetensors").errors.contains(
                "model: found other layers or options than the model's"))
    }

    @Test func areasWithinGroupsAreJudged() throws {
        let shell = try Shell()
        try shell.files.write(Shell.rows())
        try shell.experiment()
        let text = try String(contentsOfFile: shell.files.folder.file("visits.yaml"), encoding: .utf8)
        try shell.files.write(
            text.replacing("schema:\n", with: "schema:\n  group: user_id\n"), as: "visits.yaml")
        let trained = try shell.run("train", "visits.yaml")
        #expect(trained.status == 0 && trained.output.contains("GAUC"), "\(trained.output)")
        #expect(try shell.run("evaluate", "visits.safetensors", "visits.csv").output.contains("GAUC"))
    }

    @Test func labelsWithoutAnythingToLearnEndTheCommand() throws {
        let shell = try Shell()
        try shell.files.write(Shell.rows())
        try shell.experiment()
        #expect(try shell.run("train", "visits.yaml").status == 0)
        let good = try Data(contentsOf: URL(filePath: shell.files.folder.file("visits.safetensors")))
        try shell.files.write(visits("price,country,user_id,click") { ["\($0 % 50)", "DE", "u", "0"] })
        let result = try shell.run("train", "visits.yaml")
        #expect(result.status == 1 && result.errors.contains("found only no in"), "\(result.errors)")
        #expect(try Data(contentsOf: URL(filePath: shell.files.folder.file("visits.safetensors"))) == good)
    }
}
