import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// `mtl calibrate`, and models that carry what it fitted.
@Suite struct CalibrateCommandTests {
    private let files: FieldCase

    init() throws {
        files = try FieldCase()
        try files.write(Self.rows(3000))
        // Later rows click less.
        try files.write(Self.rows(3000, from: 3000, share: 0.4), as: "later.csv")
        try files.write(Self.rows(3000, from: 6000, share: 0.4), as: "third.csv")
        try files.write(
            """
            data: {source: visits.csv}
            schema:
              scenario: country
              features: [{name: price, type: numeric}, {name: country, type: categorical}]
              labels: [{name: click, type: binary}, {name: spend, type: regression}]
            split: {by: random, validation: 0.3, test: 0.1}
            model: {trunk: [8]}
            training: {epochs: 5, batch: 64, learning_rate: 0.02}

            """, as: "visits.yaml")
        let trained = try run("train", "visits.yaml")
        #expect(trained.status == 0, "\(trained.errors)")
    }

    private static func rows(_ count: Int, from first: Int = 0, share: Double = 1) -> String {
        var random = SeededGenerator(seed: UInt64(first) + 1)
        return visits("price,country,click,spend", rows: count) { row in
            let price = Int.random(in: 0..<50, using: &random)
            let country = row % 3
            let chance = share * (Double(price) / 200 + [0.02, 0.1, 0.3][country])
            return [
                "\(price)", ["DE", "FR", "ZA"][country], random.uniform() < chance ? "1" : "0",
                "\(price * 2)",
            ]
        }
    }

    private func run(_ arguments: String...) throws -> Command {
        try Command.run("mtl", arguments, in: files.folder.path)
    }

    /// A metric of click by its name.
    private func value(_ name: String, _ model: String) throws -> Double {
        let told = try run("evaluate", model, "third.csv", "--all")
        #expect(told.status == 0, "\(told.errors)")
        let line = told.output.split(separator: "\n").first {
            $0.hasPrefix("click") && $0.contains(" \(name) ")
        }
        let cells = try #require(line).split(separator: " ")
        return try #require(Double(cells[cells.count - 2]))
    }

    @Test(arguments: ["platt", "temperature", "beta", "isotonic"])
    func probabilitiesComeTrue(method: String) throws {
        let watched = try run("calibrate", "visits.safetensors", "visits.yaml", "--method", method)
        #expect(
            watched.status == 0 && watched.output.contains("visits.calibrated.safetensors"),
            "\(watched.errors)")
        let told = try run("calibrate", "visits.safetensors", "later.csv", "--method", method)
        #expect(told.status == 0, "\(told.errors)")
        let (before, after) = ("visits.safetensors", "visits.calibrated.safetensors")
        #expect(try value("ECE", before) > 0.1)
        // A temperature cannot move all of them down.
        if method != "temperature" {
            #expect(try value("ECE", after) < 0.05)
            #expect(abs(try value("calibration", after) - 1) < 0.2)
        }
        #expect(try value("log loss", after) < value("log loss", before))
        #expect(abs(try value("AUC", after) - value("AUC", before)) < (method == "isotonic" ? 0.02 : 1e-9))
        // From a file, and of a model that is calibrated already: what it learned is calibrated anew.
        let again = try run(
            "calibrate", after, "later.csv", "--method", method, "--output", "second.safetensors")
        #expect(again.status == 0, "\(again.errors)")
        let first = try run(
            "calibrate", before, "later.csv", "--method", method, "--output", "third.safetensors")
        #expect(first.output.replacing("third", with: "second") == again.output)
        #expect(
            try Data(contentsOf: URL(filePath: files.folder.file("second.safetensors")))
                == Data(contentsOf: URL(filePath: files.folder.file("third.safetensors"))))
    }

    @Test func scenariosHaveTheirOwn() throws {
        let told = try run("calibrate", "visits.safetensors", "later.csv", "--by-scenario")
        #expect(told.status == 0, "\(told.errors)")
        let bundle = try ModelBundle(contentsOf: files.folder.file("visits.calibrated.safetensors"))
        let task = try #require(bundle.calibration?.tasks.first)
        #expect(bundle.calibration?.tasks.count == 1 && task.name == "click")
        #expect(task.scenarios.count == bundle.model.scenarios)
        // The same model is written again to the same bytes.
        try bundle.write(to: files.folder.file("again.safetensors"))
        #expect(
            try Data(contentsOf: URL(filePath: files.folder.file("again.safetensors")))
                == Data(contentsOf: URL(filePath: files.folder.file("visits.calibrated.safetensors"))))
        #expect(try bundle.uncalibrated().calibration == nil)
    }

    @Test func refusals() throws {
        try files.write("price,country,click,spend\n1,DE,0,1\n2,FR,0,2\n", as: "none.csv")
        try files.write(Self.rows(300, from: 9000), as: "other.csv")
        let text = try String(contentsOfFile: files.folder.file("visits.yaml"), encoding: .utf8)
        try files.write(text.replacing("visits.csv", with: "other.csv"), as: "other.yaml")
        try files.write(
            text.replacing("validation: 0.3", with: "validation: 0").replacing(
                "test: 0.1", with: "test: 0.4"),
            as: "unwatched.yaml")
        for (arguments, status, words) in [
            (
                ["visits.safetensors", "none.csv"], 1,
                "task \"click\", calibration: found 0 of 2 labels are 1"
            ),
            (["visits.safetensors", "other.yaml"], 1, "other.yaml: found rows that are not those"),
            (["visits.safetensors", "later.csv", "--method", "best"], 64, "--method: found \"best\""),
            (["visits.safetensors", "later.csv", "--prepared", "x"], 64, "--prepared"),
            (["visits.safetensors", "visits.yaml", "--label", "click"], 64, "--label"),
            (["visits.safetensors", "later.csv", "--label", "buy"], 1, "label \"buy\": found no task"),
            (
                ["visits.safetensors", "later.csv", "--output", "later.csv"], 1,
                "--output: found \"later.csv\""
            ),
            (["visits.safetensors", "later.csv", "--output", "visits.safetensors"], 1, "which is the model"),
            (
                ["visits.safetensors", "visits.yaml", "--output", "visits.csv"], 1,
                "--output: found \"visits.csv\""
            ),
        ] {
            let result = try Command.run("mtl", ["calibrate"] + arguments, in: files.folder.path)
            #expect(
                result.status == status && result.errors.contains(words), "\(arguments): \(result.errors)")
            #expect(
                !FileManager.default.fileExists(atPath: files.folder.file("visits.calibrated.safetensors")))
        }
    }

    /// Numbers that no fit gives, in a file that is whole.
    @Test func damagedNumbersAreRefused() throws {
        #expect(try run("calibrate", "visits.safetensors", "later.csv").status == 0)
        let bundle = try ModelBundle(contentsOf: files.folder.file("visits.calibrated.safetensors"))
        let good = try #require(bundle.calibration)
        let json = String(decoding: try JSONEncoder().encode(good), as: UTF8.self)
        for (from, to) in [("click", "spend"), ("\"slope\":", "\"slope\":-")] {
            let wrong = try JSONDecoder().decode(
                ModelCalibration.self, from: Data(json.replacing(from, with: to).utf8))
            #expect(wrong != good)
            #expect(throws: InputError.self) {
                try ModelBundle(
                    bundle.preprocessor, settings: bundle.settings, members: bundle.members,
                    calibration: wrong)
            }
        }
    }
}
