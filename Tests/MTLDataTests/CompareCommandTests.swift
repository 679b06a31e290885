import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// `mtl compare` as a shell runs it, on rows whose truth is planted.
@Suite struct CompareCommandTests {
    /// What of a second task's logit is as the first one's.
    enum World: String, CaseIterable {
        /// Each task reads a feature of its own, and what they share has room for one.
        case hurts
        /// Both tasks read the same, and the second has few labels.
        case helps
        /// Each task reads a feature of its own, and there is room for both.
        case neither
    }

    struct Shop {
        let files: SmallShop

        init(_ world: World, rows: Int = 1200) throws {
            files = try SmallShop(rows: 40)
            var generator = SeededGenerator(seed: 8)
            let features = world == .helps ? 24 : 6
            let names = (0..<features).map { "x\($0)" }
            func text(_ count: Int, known: Double) -> String {
                var lines = (["site", "user"] + names + ["first", "second"]).joined(separator: ",") + "\n"
                for row in 0..<count {
                    let x = (0..<features).map { _ in generator.normal() }
                    let first = world == .helps ? 0.7 * x.reduce(0, +) : 3 * x[0]
                    let second = world == .helps ? first : 3 * x[1]
                    func label(_ logit: Double) -> String {
                        generator.uniform() < 1 / (1 + exp(-logit)) ? "1" : "0"
                    }
                    let (one, two) = (label(first), label(second))
                    let isKnown = generator.uniform() < known
                    let numbers = x.map { "\(Float($0))" }
                    lines +=
                        (["s\(row % 2)", "u\(row / 3)"] + numbers + [one, isKnown ? two : ""])
                        .joined(separator: ",") + "\n"
                }
                return lines
            }
            _ = try files.write(text(rows, known: world == .helps ? 0.05 : 1), "rows.csv")
            _ = try files.write(text(2 * rows, known: 1), "test.csv")
            _ = try files.write(
                """
                data: {source: rows.csv, test: test.csv}
                schema:
                  features:
                \(names.map { "    - {name: \($0), type: numeric}" }.joined(separator: "\n"))
                  labels:
                    - {name: first, type: binary}
                    - {name: second, type: binary}
                split: {validation: 0.2}
                model: {trunk: [\(world == .hurts ? 1 : 8)], activation: \(world == .hurts ? "tanh" : "relu")}
                training: {epochs: 12, patience: 3, batch: 64, learning_rate: 0.02, averaging: 0.9}

                """, "shop.yaml")
        }

        func compare(_ options: String...) throws -> Command {
            try Command.run("mtl", ["compare", "shop.yaml"] + options, in: files.path)
        }
    }

    private struct Result: Decodable {
        struct Bounds: Decodable { let lower, upper: Double }
        struct Difference: Decodable {
            let mean: Double
            let interval: Bounds?
            let ofSeeds: Bounds?
            let ofRows: Bounds?
            let verdict: String
            let delongP: Double?
        }
        struct Measure: Decodable {
            let task, metric: String
            let scenario: String?
            let isPrimary: Bool
            let values: [String: Double]
            let differences: [String: Difference]
        }
        struct Side: Decodable {
            let name: String
            let parameters: Int
            let seconds: Double?
        }
        let sides: [Side]
        let measures: [Measure]
        let relative: [String: Difference]
        let drawn: String
        let sentences: [String]

        init(_ shop: SmallShop, _ file: String) throws {
            try self.init(Data(try #require(shop.bytes(file))))
        }

        init(_ data: Data) throws {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            self = try decoder.decode(Result.self, from: data)
        }

        func primary(_ task: String) throws -> Measure {
            try #require(measures.first { $0.task == task && $0.isPrimary })
        }
    }

    // MARK: Planted truths

    @Test(arguments: World.allCases) func thePlantedTruthIsTold(_ world: World) throws {
        let shop = try Shop(world)
        let found = try shop.compare("--resamples", "200")
        #expect(found.status == 0, "\(found.errors)")
        let last = try #require(found.output.split(separator: "\n").last)
        let result = try Result(shop.files, "shop.compare/comparison.json")
        #expect(result.sentences == [String(last)])
        let verdicts = try ["first", "second"].map {
            try #require(result.primary($0).differences["joint"]?.verdict)
        }
        switch world {
        case .hurts:
            #expect(verdicts.contains("hurt") && !verdicts.contains("helped"), "\(found.output)")
            #expect(last.hasPrefix("Sharing hurts "), "\(last)")
            #expect(try #require(result.relative["joint"]).verdict == "hurt", "\(found.output)")
        case .helps:
            #expect(verdicts[1] == "helped" && verdicts[0] != "hurt", "\(found.output)")
            #expect(last.hasPrefix("Sharing helps ") && last.contains("second (AUC +."), "\(last)")
        case .neither:
            #expect(!verdicts.contains("helped"), "\(found.output)")
            #expect(last.contains("can't be told"), "\(last)")
        }
        for measure in result.measures {
            let difference = try #require(measure.differences["joint"])
            let interval = try #require(difference.interval)
            // A word is said only where seeds and rows, each by themselves and together, say so.
            let all = [interval, try #require(difference.ofSeeds), try #require(difference.ofRows)]
            let isTold = difference.verdict != "can't be told"
            #expect(!isTold || all.allSatisfy { $0.lower > 0 || $0.upper < 0 })
            #expect(isTold == (interval.lower > 0 || interval.upper < 0))
            let (one, two) = (measure.values["joint"] ?? 0, measure.values["separate"] ?? 0)
            #expect(abs(one - two - difference.mean) < 1e-9)
        }
        #expect(result.sides[0].parameters > result.sides[1].parameters)
    }

    /// What a run has on its test rows is what training by itself says, and what is finished is not run again.
    @Test func finishedRunsAreUsedAgain() throws {
        let shop = try Shop(.neither, rows: 400)
        let first = try shop.compare("--seeds", "1,2", "--resamples", "50", "--parallel", "2")
        #expect(first.status == 0, "\(first.errors)")
        let log = "shop.compare/runs/joint-1/log.txt"
        let (before, result) = (shop.files.bytes(log), shop.files.bytes("shop.compare/comparison.json"))
        let again = try shop.compare("--seeds", "1,2", "--resamples", "50")
        #expect(again.status == 0 && again.output.contains("4 of them are over"), "\(again.output)")
        #expect(shop.files.bytes(log) == before)
        #expect(shop.files.bytes("shop.compare/comparison.json") == result)
        // One more seed and schedule: only those are trained.
        let more = try shop.compare(
            "--seeds", "1,2,3", "--schedules", "joint,alternating,hierarchical", "--resamples", "50", "--json"
        )
        #expect(more.status == 0, "\(more.errors)")
        #expect(more.output.contains(#""event":"prepared","over":4,"runs":12"#), "\(more.output)")
        #expect(more.output.split(separator: "\n").count { $0.contains(#""event":"run""#) } == 8)
        #expect(shop.files.bytes(log) == before)
        let line = try #require(more.output.split(separator: "\n").last)
        let found = try Result(Data(line.utf8))
        #expect(found.sides.map(\.name) == ["separate", "joint", "alternating", "hierarchical"])
        #expect(found.sentences.count == 3 && found.sentences[1].hasPrefix("Sharing, alternating,"))
        // Alone, the same experiment is judged alike.
        let alone = try shop.files.mtl(
            "train", "shop.compare/runs/alternating-3.yaml", "--model", "alone.safetensors", "--json")
        #expect(alone.status == 0, "\(alone.errors)")
        // Other settings are another comparison.
        let text = String(decoding: try #require(shop.files.bytes("shop.yaml")), as: UTF8.self)
        _ = try shop.files.write(text.replacing("batch: 64", with: "batch: 32"), "shop.yaml")
        let other = try shop.compare("--seeds", "1,2")
        #expect(
            other.status == 1 && other.errors.contains("training, batch: found 32, expected 64"),
            "\(other.errors)")
    }

    @Test func groupsAreDrawnAndScenariosTold() throws {
        let shop = try Shop(.neither, rows: 400)
        let text = String(decoding: try #require(shop.files.bytes("shop.yaml")), as: UTF8.self)
        _ = try shop.files.write(
            text.replacing("schema:\n", with: "schema:\n  scenario: site\n  group: user\n"), "shop.yaml")
        let found = try shop.compare("--seeds", "1,2", "--resamples", "50")
        #expect(found.status == 0 && found.output.contains("test groups"), "\(found.errors)")
        let result = try Result(shop.files, "shop.compare/comparison.json")
        #expect(result.drawn == "groups")
        #expect(result.measures.contains { $0.metric == "GAUC" && $0.scenario == nil })
        for metric in ["AUC", "GAUC", "log loss", "accuracy"] {
            let own = result.measures.filter { $0.task == "second" && $0.metric == metric }
            #expect(own.map(\.scenario) == [nil, "s0", "s1"], "\(metric)")
        }
    }

    @Test func aRunThatFailsIsNamed() throws {
        let shop = try Shop(.neither, rows: 200)
        let text = String(decoding: try #require(shop.files.bytes("shop.yaml")), as: UTF8.self)
        _ = try shop.files.write(text.replacing("0.02", with: "1e30"), "shop.yaml")
        let found = try shop.compare("--seeds", "1,2")
        #expect(found.status == 1 && found.errors.contains("a run that failed"), "\(found.errors)")
        #expect(shop.files.bytes("shop.compare/comparison.json") == nil)
    }

    /// Ended in the midst and gone on: the numbers of one that was not.
    @Test func anInterruptedComparisonGoesOn() throws {
        let shop = try Shop(.neither, rows: 400)
        let options = ["compare", "shop.yaml", "--seeds", "1,2", "--resamples", "20", "--parallel", "1"]
        let ended = try Command.run(
            "mtl", options, in: shop.files.path, signal: (SIGTERM, 0),
            marker: "shop.compare/runs/separate-2/history.csv")
        #expect(ended.status == 143 || ended.status == 0, "\(ended.errors)")
        #expect(ended.status == 0 || ended.errors.contains("the same command goes on"), "\(ended.errors)")
        let on = try Command.run("mtl", options, in: shop.files.path)
        #expect(on.status == 0, "\(on.errors)")
        let whole = try Command.run("mtl", options + ["--folder", "whole"], in: shop.files.path)
        #expect(whole.status == 0, "\(whole.errors)")
        for run in ["separate-1", "separate-2", "joint-1", "joint-2"] {
            let model = "runs/\(run)/model.safetensors"
            #expect(shop.files.bytes("shop.compare/\(model)") == shop.files.bytes("whole/\(model)"), "\(run)")
        }
    }

    // MARK: Runs

    /// Two runs of the same rows: a good one and one that learned little.
    private func runs() throws -> Shop {
        let shop = try Shop(.neither, rows: 400)
        for (name, epochs) in [("good", "12"), ("poor", "1"), ("again", "12")] {
            let result = try shop.files.mtl(
                "train", "shop.yaml", "--run", name, "--epochs", epochs, "--quiet", "--seeds", "1,2")
            try #require(result.status == 0, "\(result.errors)")
        }
        return shop
    }

    @Test func finishedRunsStandSideBySide() throws {
        let shop = try runs().files
        let metrics = try shop.mtl("compare", "good", "poor", "again")
        #expect(metrics.status == 0 && metrics.output.contains("±"), "\(metrics.errors)")
        #expect(metrics.output.contains("+0.0000 ± 0.0000"), "\(metrics.output)")
        let rows = try shop.mtl("compare", "good", "poor", "--rows", "test.csv", "--json")
        #expect(rows.status == 0, "\(rows.errors)")
        let result = try Result(Data(rows.output.utf8))
        let second = try #require(result.primary("second").differences["poor"])
        #expect(second.verdict == "worse" && (second.delongP ?? 1) < 0.01, "\(rows.output)")
        #expect(second.ofSeeds == nil && second.interval != nil)
        let text = try shop.mtl("compare", "good", "poor", "--rows", "test.csv")
        #expect(
            text.output.contains("DeLong's p") && text.output.contains("poor is worse in"), "\(text.output)")
        // What evaluate says of the model is what is compared.
        let evaluated = try shop.mtl("evaluate", "good/model.safetensors", "test.csv")
        let area = String(format: "%.4f", try result.primary("first").values["good"] ?? 0)
        #expect(evaluated.output.contains(area), "\(evaluated.output)")
    }

    @Test func aBaselineGatesWhatFellBehindIt() throws {
        let shop = try runs().files
        let same = try shop.mtl("compare", "--baseline", "good", "again", "--tolerance", "auc=0")
        #expect(same.status == 0 && same.output.contains("No metric fell"), "\(same.errors)")
        let fell = try shop.mtl("compare", "--baseline", "good", "poor", "--tolerance", "auc=0.002")
        #expect(
            fell.status == 1 && fell.errors.contains("poor, task \"second\", AUC: found 0."), "\(fell.errors)"
        )
        let wide = try shop.mtl(
            "compare", "--baseline", "good", "poor", "--tolerance", "AUC=1", "--tolerance", "log_loss=10")
        #expect(wide.status == 0, "\(wide.errors)")
        // A task's own tolerance goes before that of all.
        let own = try shop.mtl(
            "compare", "--baseline", "good", "poor", "--tolerance", "auc=0", "--tolerance", "first:auc=1",
            "--json")
        #expect(
            own.status == 1 && own.output.contains(#""task":"second""#)
                && !own.output.contains(#""task":"first""#), "\(own.output)")
        let better = try shop.mtl("compare", "--baseline", "poor", "good", "--tolerance", "logloss=0")
        #expect(better.status == 0, "\(better.errors)")
        let unknown = try shop.mtl("compare", "--baseline", "good", "poor", "--tolerance", "rmse=0.1")
        #expect(
            unknown.status == 64 && unknown.errors.contains("rmse, which good has not"), "\(unknown.errors)")
    }

    @Test func otherTestRowsAreNotCompared() throws {
        let shop = try Shop(.neither, rows: 200).files
        #expect(try shop.mtl("train", "shop.yaml", "--run", "one", "--quiet").status == 0)
        let rows = String(decoding: try #require(shop.bytes("test.csv")), as: UTF8.self)
        _ = try shop.write(rows.split(separator: "\n").dropLast().joined(separator: "\n") + "\n", "test.csv")
        #expect(try shop.mtl("train", "shop.yaml", "--run", "two", "--quiet").status == 0)
        for arguments in [["one", "two"], ["--baseline", "one", "two", "--tolerance", "auc=1"]] {
            let found = try Command.run("mtl", ["compare"] + arguments, in: shop.path)
            #expect(
                found.status == 1 && found.errors.contains("test rows with other labels"), "\(found.errors)")
        }
    }

    // MARK: What is wrong

    @Test(arguments: [
        ["shop.yaml", "--seeds", "1"], ["shop.yaml", "--seeds", "1,x"],
        ["shop.yaml", "--schedules", "other"],
        ["shop.yaml", "--schedules", "joint,joint"], ["shop.yaml", "--twin-layers", "0"],
        ["shop.yaml", "--parallel", "0"], ["shop.yaml", "--resamples", "0"],
        ["shop.yaml", "--rows", "a.csv"],
        ["shop.yaml", "--tolerance", "auc=1"], ["--baseline", "a", "b"],
        ["a", "--baseline", "b", "--seeds", "1,2"],
        ["--baseline", "a", "b", "--tolerance", "auc"], ["--baseline", "a", "b", "--tolerance", "auc=-1"],
        ["--baseline", "a", "b", "--tolerance", "auc=1", "--tolerance", "AUC=2"], ["folder"],
        ["folder", "folder", "--seeds", "1,2"], ["folder", "folder"], [],
    ])
    func wrongArgumentsEndWith64(_ arguments: [String]) throws {
        let shop = try SmallShop(rows: 20)
        _ = try FileManager.default.createDirectory(
            atPath: shop.folder.file("folder"), withIntermediateDirectories: true)
        let found = try Command.run("mtl", ["compare"] + arguments, in: shop.path)
        #expect(found.status == 64, "\(found.errors)")
        #expect(shop.bytes("shop.compare/.mtl-compare") == nil)
    }

    @Test func whatIsNoRunIsSaidToBeNone() throws {
        let shop = try SmallShop(rows: 20)
        for name in ["a", "b"] {
            try FileManager.default.createDirectory(
                atPath: shop.folder.file(name), withIntermediateDirectories: true)
        }
        let none = try shop.mtl("compare", "a", "b")
        #expect(none.status == 1 && none.errors.contains("a: found no run"), "\(none.errors)")
        // The folders stay as they were.
        #expect(try FileManager.default.contentsOfDirectory(atPath: shop.folder.file("a")).isEmpty)
        let one = try shop.mtl("compare", "shop.yaml")
        #expect(one.status == 1 && one.errors.contains("found \"click\" alone"), "\(one.errors)")
        #expect(shop.bytes("shop.compare/.mtl-compare") == nil)
    }
}
