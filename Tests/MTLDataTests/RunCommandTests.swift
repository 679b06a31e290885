import Foundation
import MTLTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// `mtl train --run`, and what programs read of a training.
@Suite struct RunCommandTests {
    private func endless() throws -> SmallShop {
        let shop = try SmallShop()
        _ = try shop.write(
            SmallShop.experiment.replacing("epochs: 1,", with: "epochs: 100000, patience: 100000,"),
            "shop.yaml")
        return shop
    }

    @Test func signalsEndARunWithACheckpoint() throws {
        let shop = try endless()
        let arguments = ["train", "shop.yaml", "--run", "run", "--checkpoint-every", "1000steps"]
        for (number, status, name) in [(SIGTERM, Int32(143), "SIGTERM"), (SIGINT, 130, "SIGINT")] {
            // Written anew after every epoch: the second time it says that the run has gone on.
            unlink(shop.folder.file("run/history.csv"))
            let result = try Command.run(
                "mtl", arguments + ["--resume"], in: shop.path, signal: (number, 0.2),
                marker: "run/history.csv")
            #expect(!result.isSignalled && result.status == status, "\(result.status) \(result.errors)")
            #expect(result.errors.contains("Interrupted (\(name))") && result.errors.contains("--resume"))
            #expect(shop.bytes("run/checkpoint.safetensors") != nil && shop.partials.isEmpty)
        }
        // It went on, rather than beginning once more.
        let log = String(decoding: shop.bytes("run/log.txt") ?? Data(), as: UTF8.self)
        #expect(log.contains("seed 1 begins") && log.contains("seed 1 goes on at epoch "), "\(log)")
        #expect(log.components(separatedBy: "seed 1 begins").count == 2)
        let again = try Command.run("mtl", arguments, in: shop.path)
        #expect(again.status == 1 && again.errors.contains("expected --resume"), "\(again.errors)")
    }

    @Test func aRunPausesAndGoesOnToTheSameModel() throws {
        let shop = try SmallShop()
        _ = try shop.write(SmallShop.experiment.replacing("epochs: 1,", with: "epochs: 4,"), "shop.yaml")
        let whole = try shop.mtl("train", "shop.yaml", "--quiet")
        let model = shop.bytes("shop.safetensors")
        #expect(whole.status == 0 && model != nil, "\(whole.errors)")
        let arguments = ["train", "shop.yaml", "--run", "run", "--resume"]
        let paused = try Command.run("mtl", arguments + ["--pause-after", "2"], in: shop.path)
        #expect(paused.status == 0 && paused.output.contains("Paused after epoch 2."), "\(paused.errors)")
        #expect(shop.bytes("run/checkpoint.safetensors") != nil && shop.bytes("run/model.safetensors") == nil)
        let again = try Command.run("mtl", arguments + ["--pause-after", "2", "--json"], in: shop.path)
        #expect(
            again.output.contains("{\"epochs\":2,\"event\":\"paused\",\"run\":\"run\"}"), "\(again.output)")
        // Beyond where it is asked to pause: it says where it is.
        let further = try Command.run("mtl", arguments + ["--pause-after", "3"], in: shop.path)
        let back = try Command.run("mtl", arguments + ["--pause-after", "1"], in: shop.path)
        for result in [further, back] {
            #expect(result.status == 0 && result.output.contains("Paused after epoch 3."), "\(result.output)")
        }
        let full = try shop.shell("\"$0\" train shop.yaml --run run --resume --pause-after 2 >/dev/full")
        #expect(full.status == 1 && full.errors.contains("standard output"), "\(full.errors)")
        let ended = try Command.run("mtl", arguments + ["--skip-test"], in: shop.path)
        #expect(ended.status == 0 && shop.bytes("run/model.safetensors") == model, "\(ended.errors)")
    }

    /// The program that holds the other side of the input is gone: the run stops with a checkpoint.
    @Test func aRunEndsWithItsInput() throws {
        let shop = try endless()
        let result = try shop.shell(
            """
            mkfifo input; { while [ ! -e run/history.csv ]; do sleep 0.05; done; } >input &
            "$0" train shop.yaml --run run --ends-with-input <input
            """)
        #expect(result.status == 143 && result.errors.contains("Interrupted (SIGTERM)"), "\(result.errors)")
        #expect(shop.bytes("run/checkpoint.safetensors") != nil)
    }

    @Test func aSecondSignalEndsARunAtOnce() throws {
        let shop = try endless()
        // The first one comes while the process cannot run its steps to their end.
        let result = try Command.shell(
            """
            "$0" train shop.yaml --run run & process=$!
            while [ ! -e run/history.csv ]; do sleep 0.05; done
            kill -STOP $process; kill -TERM $process; kill -INT $process; kill -CONT $process
            wait $process; echo $?
            """, [Command.path("mtl")], in: shop.path)
        #expect(result.output.hasSuffix("130\n") || result.output.hasSuffix("143\n"), "\(result.output)")
    }

    @Test func aRunThatIsOverIsSaidAgain() throws {
        let shop = try SmallShop()
        let first = try shop.mtl("train", "shop.yaml", "--run", "run")
        let model = shop.bytes("run/model.safetensors")
        #expect(first.status == 0 && model != nil, "\(first.errors)")
        #expect(try shop.mtl("train", "shop.yaml", "--run", "run").status == 1)
        let again = try shop.mtl("train", "shop.yaml", "--run", "run", "--resume")
        #expect(again.status == 0 && shop.bytes("run/model.safetensors") == model)
        let file = try shop.mtl("train", "shop.yaml", "--run", "shop.csv")
        #expect(file.status == 1 && file.errors.contains("shop.csv: found a file"), "\(file.errors)")
        let overwriting = try shop.mtl("train", "shop.yaml", "--run", "other", "--model", "shop.csv")
        #expect(overwriting.status == 1 && !FileManager.default.fileExists(atPath: shop.folder.file("other")))
        let other = try shop.mtl("train", "shop.yaml", "--run", "run", "--resume", "--epochs", "2")
        #expect(other.status == 1 && other.errors.contains("training, epochs: found 2, expected 1"))
    }

    @Test func eventsAreObjects() throws {
        let shop = try SmallShop()
        let result = try shop.mtl("train", "shop.yaml", "--seeds", "1,2", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let events = try result.output.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        let names = events.compactMap { $0["event"] as? String }.filter { $0 != "note" }
        #expect(names == ["prepared", "epoch", "seed", "epoch", "seed", "result"], "\(result.output)")
        let epoch = try #require(events.first { $0["event"] as? String == "epoch" })
        #expect((epoch["training"] as? [String: Double])?["click"] ?? 0 > 0)
        #expect(events.last?["model"] as? String == "shop.safetensors")
        let quiet = try shop.mtl("train", "shop.yaml", "--quiet")
        #expect(quiet.status == 0 && quiet.output.isEmpty, "\(quiet.output)")
    }

    @Test func severalMembersAreTold() throws {
        let shop = try SmallShop()
        _ = try shop.write(
            SmallShop.experiment.replacing("epochs: 1,", with: "epochs: 3, seeds: [1, 2], keep: all,"),
            "shop.yaml")
        let lines = try shop.mtl("train", "shop.yaml")
        #expect(lines.output.contains("It averages the predictions of seeds 1, 2."), "\(lines.output)")
        #expect(["seed 1", "seed 2", "averaged"].allSatisfy(lines.output.contains), "\(lines.output)")
        let described = try shop.mtl("describe", "shop.safetensors")
        #expect(described.output.contains("2 members") && described.output.contains("click by 0, 1"))
        #expect(try shop.mtl("predict", "shop.safetensors", "shop.csv").status == 0)
        let evaluated = try shop.mtl("evaluate", "shop.safetensors", "shop.csv")
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        let continued = try shop.mtl("train", "shop.yaml", "--from", "shop.safetensors")
        #expect(continued.status == 1 && continued.errors.contains("2 members"), "\(continued.errors)")
        let events = try shop.mtl("train", "shop.yaml", "--json").output.split(separator: "\n")
        let result = try #require(
            try JSONSerialization.jsonObject(with: Data(events[events.count - 1].utf8)) as? [String: Any])
        #expect(result["seeds"] as? [Int] == [1, 2])
        #expect((result["averaged_metrics"] as? [String: [String: Double]])?["click"]?["AUC"] != nil)
    }

    @Test func tasksThatStopAreTold() throws {
        let shop = try SmallShop()
        _ = try shop.write(
            SmallShop.experiment.replacing(
                "epochs: 1,", with: "epochs: 400, patience: 1, learning_rate: 0.1, stop: each_task,"),
            "shop.yaml")
        let lines = try shop.mtl("train", "shop.yaml", "--run", "run")
        #expect(lines.output.contains("kept are the parameters of click from epoch "), "\(lines.output)")
        let history = String(decoding: shop.bytes("run/history.csv") ?? Data(), as: UTF8.self)
        #expect(history.hasPrefix("seed,") && history.contains("stopped_tasks"))
        #expect(history.contains(",click\n"), "\(history)")
        let events = try shop.mtl("train", "shop.yaml", "--json").output
        #expect(
            events.contains("\"tasks\":{\"click\":{") && events.contains("\"stopped_after\":"), "\(events)")
        #expect(events.contains("\"stopped_tasks\":[\"click\"]"), "\(events)")
    }

    @Test(arguments: [
        (["--resume"], "--run"), (["--run", "r", "--checkpoint-every", "5x"], "30s, 5m, 1h or 1000steps"),
        (["--run", "r", "--checkpoint-every", "1.5steps"], "1000steps"), (["--quiet", "--json"], "--json"),
        (["--run", "r", "--checkpoint-every", "nan s"], "1000steps"),
        (["--pause-after", "2"], "--pause-after"), (["--run", "r", "--pause-after", "0"], "at least 1"),
        (["--skip-test"], "--skip-test"),
    ])
    func wrongOptionsAreNamed(_ options: [String], _ expected: String) throws {
        let shop = try SmallShop()
        let result = try Command.run("mtl", ["train", "shop.yaml"] + options, in: shop.path)
        #expect(result.status == 64 && result.errors.contains(expected), "\(result.errors)")
    }
}
