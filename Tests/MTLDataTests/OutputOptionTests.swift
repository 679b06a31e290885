import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing
import Yams

/// What commands say of their options and outputs, and where.
@Suite struct OutputOptionTests {
    // MARK: init

    @Test func labelsMayHoldAnEqualsSign() throws {
        let shop = try SmallShop()
        let rows = (0..<100).map { "\($0 % 40),\($0 % 3 == 0 ? "yes" : "no"),\($0 % 2)\n" }.joined()
        _ = try shop.write("age,a=b,click\n" + rows, "shop.csv")
        for (label, column, positive) in [
            ("a=b=yes", "a=b", "yes"), ("a=b", "a=b", nil), ("click=1", "click", "1"),
        ] as [(String, String, String?)] {
            let result = try shop.mtl("init", "shop.csv", "--label", label)
            try #require(result.status == 0, "\(label): \(result.errors)")
            let experiment = try YAMLDecoder().decode(Experiment.self, from: result.output)
            let labels = experiment.schema.labels
            #expect(labels.map { $0.column ?? $0.name } == [column], "\(label)")
            if let positive { #expect(labels.first?.positive == [positive], "\(label)") }
        }
    }

    @Test func namesOfColumnsAreReadAlikeEverywhere() throws {
        let shop = try SmallShop()
        _ = try shop.write(String(SmallShop.rows(100).drop { $0 != "\n" }.dropFirst()), "bare.csv")
        let good = try shop.mtl("init", "bare.csv", "--columns", "age,city,click", "--label", "click")
        #expect(good.status == 0 && good.output.contains("columns: [age, city, click]"), "\(good.errors)")
        for columns in ["age,,click", "age,city,click,", "age,city,city"] {
            let result = try shop.mtl("init", "bare.csv", "--columns", columns, "--label", "click")
            #expect(result.status == 64 && result.output.isEmpty, "\(columns): \(result.errors)")
            #expect(result.errors.contains("--columns: found"), "\(result.errors)")
        }
        let twice = try shop.mtl("init", "bare.csv", "--columns", "age,city,city", "--label", "age")
        #expect(twice.errors.contains("--columns: found \"city\" twice"), "\(twice.errors)")
    }

    @Test func whatGoesToStandardOutputIsNotMixedWithNotes() throws {
        let shop = try SmallShop(isTrained: true)
        let plain = try shop.mtl("init", "shop.csv", "--label", "click").output
        for path in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
        where path != "/proc/self/fd/1" || Self.hasProc {
            let result = try shop.mtl("init", "shop.csv", "--label", "click", "--output", path)
            #expect(result.status == 0 && result.output == plain, "\(path): \(result.output)")
            #expect(!result.errors.isEmpty)
        }
        let file = try shop.mtl("init", "shop.csv", "--label", "click", "--output", "new.yaml")
        #expect(!file.output.isEmpty && file.errors.isEmpty)
        let picture = try shop.mtl("describe", "shop.safetensors", "--svg", "/dev/stdout")
        #expect(
            picture.output.hasPrefix("<svg") && picture.output.contains("</svg>"),
            "\(picture.output.prefix(99))")
        #expect(picture.errors.contains("FLOPs a row"))
    }

    private static let hasProc = FileManager.default.fileExists(atPath: "/proc/self/fd")

    // MARK: Places

    /// A path may begin like the name of a setting.
    @Test func aFileIsNotTakenForASetting() throws {
        let shop = try SmallShop()
        try FileManager.default.createDirectory(
            atPath: shop.folder.file("data"), withIntermediateDirectories: false)
        for path in ["data/shop.csv", "training.csv", "model-rows.csv", "data", "label.csv"]
        where path != "data" {
            _ = try shop.write(SmallShop.rows(50) + "many,c1,1\n", path)
            _ = try shop.write(SmallShop.experiment.replacing("shop.csv", with: path), "shop.yaml")
            let result = try shop.mtl("check", "shop.yaml")
            #expect(result.errors.hasPrefix("Error: \(path), line 52"), "\(path): \(result.errors)")
        }
        for (old, new, place) in [
            ("epochs: 1", "epochs: 1, learning_rate: 0", "shop.yaml, training, learning_rate"),
            (
                "data: {source: shop.csv}", "data: {source: shop.csv, bad_rows: no}",
                "shop.yaml, data, bad_rows"
            ),
        ] {
            _ = try shop.write(SmallShop.experiment.replacing(old, with: new), "shop.yaml")
            let result = try shop.mtl("check", "shop.yaml")
            #expect(result.errors.contains(place), "\(result.errors)")
        }
    }

    @Test func anExperimentIsReadOnce() throws {
        let shop = try SmallShop()
        let result = try shop.shell(
            "cat shop.yaml | \"$0\" describe /dev/stdin --prepared prepared --svg model.svg")
        #expect(result.status == 0 && result.output.contains("model.svg"), "\(result.errors)")
    }

    // MARK: Strangers' sources

    @Test func rowsToPredictAreReadByOneThreadWhateverIsAsked() throws {
        let shop = try SmallShop(rows: 60_000, isTrained: true)
        let model = try ModelBundle(contentsOf: shop.folder.file("shop.safetensors"))
        func count(_ source: any RowSource) throws -> Int {
            var count = 0
            try model.predict(source) { (block, _) throws(InputError) in count += block.rowCount }
            return count
        }
        let options = ReadingOptions(threads: 3)
        #expect(try count(model.open(shop.folder.file("shop.csv"), options: options)) == 60_000)
        let error = failure { () in
            _ = try count(TableReader(path: shop.folder.file("shop.csv"), options: options))
        }
        #expect(error?.found == "a source that 3 threads read")
    }

    // MARK: mtl-bench

    /// What turns back along a number is learned from its vectors; of its places among bins two units learn little.
    @Test func theBenchReadsNumbersAsInitProposesThem() throws {
        let shop = try SmallShop()
        var draw = SeededGenerator(seed: 1)
        let rows = (0..<3000).map { _ in
            let x = draw.normal()
            return "\(x),\(abs(x) < 0.6 ? 1 : 0)\n"
        }
        _ = try shop.write("x,click\n" + rows.joined(), "numbers.csv")
        let result = try Command.run(
            "mtl-bench",
            [
                "train", "--data", "numbers.csv", "--label", "click", "--hidden", "2", "--learning-rate",
                "0.01",
                "--epochs", "15", "--seeds", "1,2,3", "--schedule", "joint", "--threads", "1",
            ], in: shop.path)
        let line = try #require(result.output.split(separator: "\n").first { $0.hasPrefix("click AUC") })
        #expect(try #require(Double(line.split(separator: " ").last ?? "")) > 0.98, "\(result.output)")
    }

    @Test func aGeneratedLogHasAnExperimentWhateverItIsCalled() throws {
        let shop = try SmallShop(rows: 10)
        for name in ["plain.csv", "a: b.csv", "# c.csv", "{d}.csv", "é \"q\".csv"] {
            let result = try Command.run("mtl-bench", ["log", name, "--rows", "200"], in: shop.path)
            #expect(result.status == 0, "\(name): \(result.errors)")
            let text = shop.bytes("\(name).yaml").map { String(decoding: $0, as: UTF8.self) } ?? ""
            #expect(try YAMLDecoder().decode(Experiment.self, from: text).data.source == name)
        }
    }

    @Test func outputsAreLookedAtBeforeTheWork() throws {
        let shop = try SmallShop(rows: 10)
        try FileManager.default.createDirectory(
            atPath: shop.folder.file("x.csv.yaml"), withIntermediateDirectories: false)
        for (line, place) in [
            ("log x.csv --rows 100", "a directory"), ("log none/x.csv --rows 100", "none/x.csv"),
            ("compare --rows 200 --epochs 1 --batch 32 --plot none/p.svg", "none/p.svg"),
            ("profile --seconds 0.1 --trace none/t.json", "none/t.json"),
        ] {
            let result = try shop.shell("\"$0\" \(line)", "mtl-bench")
            #expect(result.status == 1 && result.errors.contains(place), "\(line): \(result.errors)")
            #expect(result.output.isEmpty, "\(line): \(result.output)")
        }
        #expect(!FileManager.default.fileExists(atPath: shop.folder.file("x.csv")))
    }
}
