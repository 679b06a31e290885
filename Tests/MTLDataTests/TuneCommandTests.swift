import Foundation
import MTLData
import MTLTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `mtl tune` as a shell runs it.
@Suite struct TuneCommandTests {
    /// A shop with validation and test rows, and a tuning of it.
    private func shop(_ tuning: String, epochs: Int = 4) throws -> SmallShop {
        let shop = try SmallShop(rows: 600)
        _ = try shop.write(
            SmallShop.experiment.replacing("model:", with: "split: {validation: 0.2, test: 0.2}\nmodel:")
                .replacing(
                    "epochs: 1,", with: "epochs: \(epochs), patience: 100000, learning_rate: 0.01,"),
            "shop.yaml")
        _ = try shop.write("experiment: shop.yaml\n" + tuning, "tune.yaml")
        return shop
    }

    private static let grid = """
        search: {type: grid}
        metrics: [{task: click, metric: log loss}]
        space: {training.batch: [32, 64], model.dropout: [0, 0.2]}

        """

    private func tune(_ shop: SmallShop, _ options: String...) throws -> Command {
        try Command.run("mtl", ["tune", "tune.yaml", "--folder", "out"] + options, in: shop.path)
    }

    @Test func aFileThatIsNoTuningIsSaidToBeNone() throws {
        let shop = try shop(Self.grid)
        for (text, found) in [
            ("a: " + String(repeating: "[", count: 200) + String(repeating: "]", count: 200), "too deep"),
            ("a: [" + String(repeating: "1,", count: 2_100_000) + "1]", "too many settings"),
        ] {
            _ = try shop.write(text, "tune.yaml")
            let result = try tune(shop)
            #expect(result.status == 1 && result.errors.contains(found), "\(result.errors.prefix(300))")
            #expect(result.errors.contains("expected a tuning"), "\(result.errors.prefix(300))")
        }
        let none = try Command.run("mtl", ["tune", "nothing.yaml", "--folder", "out"], in: shop.path)
        #expect(none.errors.contains("found no such file, expected a tuning file"), "\(none.errors)")
    }

    /// The table by rows, without the seconds.
    private func table(_ shop: SmallShop, _ folder: String = "out") throws -> [[String]] {
        let text = String(decoding: try #require(shop.bytes("\(folder)/trials.csv")), as: UTF8.self)
        return text.split(separator: "\n").map { line in
            var cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            cells.remove(at: 3)
            return cells
        }
    }

    private func history(_ shop: SmallShop, _ run: String) throws -> [[String: Any]] {
        let text = String(decoding: try #require(shop.bytes("\(run)/history.jsonl")), as: UTF8.self)
        return try text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }

    @Test func aGridFindsTheBestOfItsTrials() throws {
        let shop = try shop(Self.grid)
        let result = try tune(shop, "--jobs", "2")
        #expect(result.status == 0, "\(result.errors)")
        let rows = try table(shop)
        #expect(rows.count == 5 && rows.dropFirst().allSatisfy { $0[1] == "finished" && $0[2] == "4" })
        // What a run of the same experiment by itself has on its validation rows, in its best epoch.
        let alone = try shop.mtl("train", "out/trials/0003.yaml", "--run", "alone", "--quiet")
        #expect(alone.status == 0, "\(alone.errors)")
        let losses = try history(shop, "alone").map { try #require($0["watched_loss"] as? Double) }
        let column = try #require(rows[0].firstIndex(of: "click log loss"))
        #expect(Double(rows[3][column]) == losses.min())
        #expect(shop.bytes("alone/model.safetensors") == shop.bytes("out/trials/0003/model.safetensors"))
        // The best is the one of the least loss; from its file the same model is trained, judged as was said.
        let values = rows.dropFirst().compactMap { Double($0[column]) }
        let best = try #require(values.firstIndex(of: values.min() ?? 0)) + 1
        #expect(rows[best][rows[0].firstIndex(of: "on front") ?? 0] == "yes")
        #expect(result.output.contains("Trial \(best) is chosen"), "\(result.output)")
        let trained = try Command.shell(
            "cd / && \"$0\" train \"$1/out/best.yaml\" --model \"$1/best.safetensors\"",
            [Command.path("mtl"), shop.path], in: "/")
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(shop.bytes("best.safetensors") == shop.bytes("out/trials/000\(best)/model.safetensors"))
        let judged = trained.output.split(separator: "\n").filter { $0.hasPrefix("click ") }
        #expect(judged.count == 3 && judged.allSatisfy { result.output.contains($0) }, "\(trained.output)")
        // No trial has looked at the test rows.
        let record = String(decoding: try #require(shop.bytes("out/trials/0001/run.json")), as: UTF8.self)
        #expect(!record.contains("\"evaluation\""))
    }

    @Test func aTuningThatIsOverIsSaidAgain() throws {
        let shop = try shop(Self.grid, epochs: 1)
        #expect(try tune(shop, "--quiet").status == 0)
        let before = shop.bytes("out/trials.csv")
        #expect(try tune(shop).errors.contains("expected --resume"))
        let again = try tune(shop, "--resume", "--json")
        #expect(again.status == 0 && shop.bytes("out/trials.csv") == before, "\(again.errors)")
        #expect(
            again.output.contains("\"event\":\"result\"") && !again.output.contains("\"event\":\"trial\""))
        _ = try shop.write("experiment: shop.yaml\n" + Self.grid.replacing("32", with: "16"), "tune.yaml")
        let other = try tune(shop, "--resume")
        #expect(other.status == 1 && other.errors.contains("training.batch"), "\(other.errors)")
        _ = try shop.write("experiment: shop.yaml\n" + Self.grid, "tune.yaml")
        _ = try shop.write(SmallShop.rows(601), "shop.csv")
        let rows = try tune(shop, "--resume")
        #expect(rows.status == 1 && rows.errors.contains("the same data"), "\(rows.errors)")
    }

    /// Killed in the midst of a trial, and gone on: the same table, and what was finished is not run again.
    @Test func aKilledTuningGoesOn() throws {
        let text = Self.grid.replacing("model.dropout: [0, 0.2]", with: "training.epochs: [2, 100, 3]")
        let shop = try shop(text)
        let killed = try Command.run(
            "mtl", ["tune", "tune.yaml", "--folder", "out", "--jobs", "1"], in: shop.path,
            signal: (SIGKILL, 0.05),
            marker: "out/trials/0002/history.csv")
        #expect(killed.isSignalled && shop.bytes("out/best.yaml") == nil)
        let log = shop.bytes("out/trials/0001/log.txt")
        let result = try tune(shop, "--jobs", "1", "--resume", "--quiet")
        #expect(result.status == 0, "\(result.errors)")
        #expect(shop.bytes("out/trials/0001/log.txt") == log)
        let second = String(decoding: shop.bytes("out/trials/0002/log.txt") ?? Data(), as: UTF8.self)
        #expect(second.contains("goes on at epoch"), "\(second)")
        let whole = try Command.run(
            "mtl", ["tune", "tune.yaml", "--folder", "whole", "--jobs", "3", "--quiet"], in: shop.path)
        #expect(whole.status == 0, "\(whole.errors)")
        #expect(
            try table(shop) == table(shop, "whole")
                && shop.bytes("out/best.yaml") == shop.bytes("whole/best.yaml"))
    }

    /// What runs side by side ends with the one that began it, and leaves its checkpoint.
    @Test func noTrialOutlivesATuningThatIsKilled() throws {
        let shop = try shop(Self.grid, epochs: 100_000)
        let killed = try Command.run(
            "mtl", ["tune", "tune.yaml", "--folder", "out", "--jobs", "2"], in: shop.path,
            signal: (SIGKILL, 0.2),
            marker: "out/trials/0002/history.csv")
        #expect(killed.isSignalled)
        for trial in ["0001", "0002"] {
            var isFree = false
            for _ in 0..<3000 where !isFree {
                isFree = (try? RunFolder(shop.folder.file("out/trials/\(trial)"))) != nil
                if !isFree { usleep(10_000) }
            }
            #expect(isFree && shop.bytes("out/trials/\(trial)/checkpoint.safetensors") != nil)
        }
    }

    @Test func signalsEndATuningWithItsCheckpoints() throws {
        let shop = try shop(Self.grid, epochs: 100_000)
        let arguments = ["tune", "tune.yaml", "--folder", "out", "--jobs", "2", "--resume"]
        for (number, status, name) in [(SIGTERM, Int32(143), "SIGTERM"), (SIGINT, 130, "SIGINT")] {
            // Written anew after every epoch: the second time it says that the run has gone on.
            unlink(shop.folder.file("out/trials/0002/history.csv"))
            let result = try Command.run(
                "mtl", arguments, in: shop.path, signal: (number, 0.3), marker: "out/trials/0002/history.csv")
            #expect(!result.isSignalled && result.status == status, "\(result.status) \(result.errors)")
            #expect(result.errors.contains("Interrupted (\(name))"), "\(result.errors)")
            #expect(shop.bytes("out/trials/0001/checkpoint.safetensors") != nil && shop.partials.isEmpty)
            // At once: nobody has the runs any more.
            for trial in ["0001", "0002"] {
                #expect((try? RunFolder(shop.folder.file("out/trials/\(trial)"))) != nil)
            }
        }
        #expect(try table(shop).dropFirst().map { $0[1] } == ["running", "running", "waiting", "waiting"])
        let log = String(decoding: shop.bytes("out/trials/0002/log.txt") ?? Data(), as: UTF8.self)
        #expect(log.contains("goes on at epoch"), "\(log)")
    }

    @Test func aTrialThatFailsIsRecorded() throws {
        let shop = try shop(
            Self.grid.replacing("model.dropout: [0, 0.2]", with: "training.learning_rate: [0.01, 1e30]"))
        let result = try tune(shop, "--jobs", "2")
        #expect(result.status == 0, "\(result.errors)")
        let rows = try table(shop)
        #expect(rows.dropFirst().map { $0[1] } == ["finished", "failed", "finished", "failed"])
        #expect(rows[2].joined(separator: ",").contains("smaller learning_rate"), "\(rows[2])")
        _ = try shop.write(
            "experiment: shop.yaml\n"
                + Self.grid.replacing("model.dropout: [0, 0.2]", with: "training.learning_rate: [1e30]"),
            "tune.yaml")
        let none = try Command.run("mtl", ["tune", "tune.yaml", "--folder", "none"], in: shop.path)
        #expect(none.status == 1 && none.errors.contains("no trial that came to its end"), "\(none.errors)")
        #expect(shop.bytes("none/best.yaml") == nil && shop.bytes("none/trials.csv") != nil)
    }

    /// A trial that was promoted is the run that was never paused, to the bit.
    @Test func halvingStopsAndGoesOn() throws {
        let text = """
            search: {type: asha, trials: 9, reduction: 3}
            metrics: [{task: click, metric: log loss}]
            space:
              training.learning_rate: {log: [0.0001, 0.1]}
              training.rate_schedule: [{type: cosine}, {type: one_cycle}]

            """
        let shop = try shop(text, epochs: 9)
        let result = try tune(shop, "--jobs", "1")
        #expect(result.status == 0 && result.output.contains("after 1, 3, 9 epochs"), "\(result.errors)")
        let rows = try table(shop).dropFirst()
        let epochs = rows.compactMap { Int($0[2]) }
        #expect(Set(epochs) == [1, 3, 9] && epochs.count == 9 && epochs.count { $0 > 1 } >= 3)
        #expect(rows.allSatisfy { ($0[1] == "finished") == ($0[2] == "9") })
        for row in rows where row[1] == "finished" {
            let name = "000\(row[0])"
            let alone = try shop.mtl(
                "train", "out/trials/\(name).yaml", "--model", "\(name).safetensors", "--quiet")
            #expect(alone.status == 0, "\(alone.errors)")
            #expect(shop.bytes("\(name).safetensors") == shop.bytes("out/trials/\(name)/model.safetensors"))
        }
        // With one job the same trials go on.
        let again = try Command.run(
            "mtl", ["tune", "tune.yaml", "--folder", "again", "--jobs", "1", "--quiet"], in: shop.path)
        #expect(again.status == 0)
        #expect(try table(shop) == table(shop, "again"))
    }

    @Test func severalMetricsHaveAFrontAndAKnee() throws {
        let text = "metrics: [{task: click, metric: AUC}, {task: click, metric: log loss}]\n"
        let shop = try shop(
            text + Self.grid.replacing("metrics: [{task: click, metric: log loss}]\n", with: ""))
        let result = try tune(shop, "--json")
        #expect(result.status == 0, "\(result.errors)")
        let last = try #require(result.output.split(separator: "\n").last)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any])
        let front = try #require(object["front"] as? [Int])
        let chosen = try #require(object["trial"] as? Int)
        #expect(front.contains(chosen) && (object["test_metrics"] as? [String: Any])?["click"] != nil)
        let rows = try table(shop)
        #expect(front.allSatisfy { rows[$0][rows[0].firstIndex(of: "on front") ?? 0] == "yes" })
    }

    @Test func oneProcessHasATuning() throws {
        let shop = try shop(Self.grid, epochs: 100_000)
        let result = try shop.shell(
            """
            "$0" tune tune.yaml --folder out --jobs 1 & process=$!
            while [ ! -e out/trials/0001/history.csv ]; do sleep 0.05; done
            "$0" tune tune.yaml --folder out --resume; echo $?
            kill -TERM $process; wait $process; echo $?
            """)
        #expect(
            result.output.hasSuffix("1\n143\n") && result.errors.contains("going on in it"),
            "\(result.errors)")
    }

    @Test(arguments: [
        ("space: {training.lerning_rate: [1]}", "tune.yaml, line 4, space.training.lerning_rate"),
        ("space: {model.dropout: [0, 2]}", "dropout"), ("space: {data.source: [a]}", "prepared by"),
        ("space: {training.stop: [together, each_task]}", "space.training.stop"),
    ])
    func whatIsWrongIsNamedAndNothingIsRun(_ space: String, _ expected: String) throws {
        let shop = try shop("search: {type: grid}\nmetrics: [{task: click}]\n\(space)\n")
        let result = try tune(shop)
        #expect(result.status == 1 && result.errors.contains(expected), "\(result.errors)")
        #expect(shop.bytes("out/trials/0001.yaml") == nil)
    }

    @Test func aSearchNeedsRowsToCompareBy() throws {
        let rows = try self.shop(Self.grid)
        _ = try rows.write(
            SmallShop.experiment.replacing("model:", with: "split: {validation: 0}\nmodel:"), "shop.yaml")
        let none = try tune(rows)
        #expect(none.status == 1 && none.errors.contains("no validation rows"), "\(none.errors)")
        let many = try tune(rows, "--jobs", "9223372036854775807", "--threads", "2")
        #expect(many.status == 1 && many.errors.contains("no validation rows"), "\(many.errors)")
    }
}
