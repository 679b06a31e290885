import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The commands as a shell runs them: their outputs, streams, signals and limits.
@Suite struct CommandTests {
    // MARK: Outputs

    /// In every way that a path can lead to a file that is read.
    @Test func anOutputThatIsAnInputIsRefusedBeforeAnyWork() throws {
        let shop = try SmallShop(isTrained: true)
        let names = ["shop.csv", "shop.yaml", "shop.safetensors"]
        let before = names.map(shop.bytes)
        for name in names {
            try #require(symlink(name, shop.folder.file("soft-\(name)")) == 0)
            try #require(link(shop.folder.file(name), shop.folder.file("hard-\(name)")) == 0)
        }
        func refused(_ arguments: [String], _ option: String) throws {
            let result = try Command.run("mtl", arguments, in: shop.path)
            #expect(result.status == 1 && !result.isSignalled, "\(arguments): \(result.errors)")
            #expect(result.errors.contains(option), "\(arguments): \(result.errors)")
            #expect(names.map(shop.bytes) == before, "\(arguments)")
            #expect(!result.output.contains("prepared"), "\(arguments)")
        }
        for way in ["", "soft-", "hard-", "./"] {
            try refused(
                ["predict", "shop.safetensors", "shop.csv", "--output", "\(way)shop.csv"], "--output")
            try refused(
                ["predict", "shop.safetensors", "shop.csv", "--output", "\(way)shop.safetensors"], "--output")
            try refused(["train", "shop.yaml", "--model", "\(way)shop.csv"], "--model")
            try refused(["train", "shop.yaml", "--model", "\(way)shop.yaml"], "--model")
            try refused(["init", "shop.csv", "--output", "\(way)shop.csv"], "--output")
            try refused(["describe", "shop.safetensors", "--svg", "\(way)shop.safetensors"], "--svg")
            try refused(["describe", "shop.yaml", "--svg", "\(way)shop.csv"], "--svg")
        }
        try refused(["train", "shop.yaml", "--model", "shop.prepared/training.rows"], "--model")
        try refused(["train", "shop.yaml", "--model", "none/m.safetensors"], "none/m.safetensors")
        try refused(["train", "shop.yaml", "--model", "shop.prepared"], "shop.prepared")
        try refused(["train", "shop.yaml", "--model", ""], "no name")
        let appended = try shop.shell("\"$0\" predict shop.safetensors shop.csv >> shop.csv")
        #expect(appended.status == 1 && names.map(shop.bytes) == before)
    }

    @Test(arguments: [("sluice", true), ("soft", false)])
    func describeSaysWhatMeasurementsSayAgainstAWayOfSharing(type: String, isWarned: Bool) throws {
        let shop = try SmallShop()
        let model = "model: {tower: [4], sharing: {type: \(type), layers: [4]}}"
        _ = try shop.write(SmallShop.experiment.replacing("model: {trunk: [4]}", with: model), "shop.yaml")
        let result = try shop.mtl("describe", "shop.yaml")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("\(type) was never clearly better") == isWarned, "\(result.output)")
    }

    @Test func streamsAreWrittenThrough() throws {
        let shop = try SmallShop(isTrained: true)
        let right = try shop.mtl("predict", "shop.safetensors", "shop.csv").output
        #expect(right.split(separator: "\n").count == 401)
        let toStream = try shop.mtl("predict", "shop.safetensors", "shop.csv", "--output", "/dev/stdout")
        #expect(toStream.status == 0 && toStream.output == right)
        let piped = try shop.shell("\"$0\" predict shop.safetensors shop.csv --output /dev/stdout | cat")
        #expect(piped.output == right)
        let fifo = try shop.shell(
            "mkfifo pipe && { \"$0\" predict shop.safetensors shop.csv --output pipe & cat pipe; wait; test -p pipe; }"
        )
        #expect(fifo.status == 0 && fifo.output == right)
    }

    @Test(.enabled(if: geteuid() == 0, "devices are made by root"))
    func aDeviceStaysOne() throws {
        let shop = try SmallShop(isTrained: true)
        // One of its own, not the machine's.
        let device = try shop.shell(
            "mknod null c 1 3 && \"$0\" predict shop.safetensors shop.csv --output null && test -c null")
        #expect(device.status == 0, "\(device.errors)")
    }

    // MARK: Streams

    private static let printing = [
        "predict shop.safetensors shop.csv", "evaluate shop.safetensors shop.csv", "check shop.yaml",
        "describe shop.safetensors", "init shop.csv", "train shop.yaml --threads 1", "--help", "train --help",
        "help predict", "--generate-completion-script bash",
    ]

    @Test func outputThatCannotBeWrittenIsAnError() throws {
        let shop = try SmallShop(isTrained: true)
        for arguments in Self.printing {
            for way in [">/dev/full", ">&-", "| true"] {
                // What goes before a reader that has gone is its status.
                let line =
                    way == "| true"
                    ? "{ sleep 0.2; \"$0\" \(arguments); echo $? >status; } | true; exit $(cat status || echo 99)"
                    : "\"$0\" \(arguments) \(way)"
                let result = try shop.shell(line)
                #expect(result.status == 1 && !result.isSignalled, "\(arguments) \(way): \(result.status)")
                #expect(result.errors.contains("standard output"), "\(arguments) \(way): \(result.errors)")
            }
        }
        for arguments in ["read shop.csv --repeats 1", "--help"] {
            let result = try shop.shell("\"$0\" \(arguments) >/dev/full", "mtl-bench")
            #expect(result.status == 1 && result.errors.contains("standard output"), "\(arguments)")
        }
        // Ignored as systemd has it, or not: the same.
        let ignored = try shop.shell(
            "trap '' PIPE; { sleep 0.2; \"$0\" --help; echo $? >status; } | true; exit $(cat status || echo 99)"
        )
        #expect(ignored.status == 1)
    }

    // MARK: Signals

    @Test(arguments: [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")])
    func anInterruptSaysSoAndLeavesNothing(number: Int32, name: String) throws {
        let shop = try SmallShop(isTrained: true)
        let before = shop.bytes("shop.safetensors")
        _ = try shop.write(SmallShop.rows(400_000), "shop.csv")
        _ = try shop.write(
            SmallShop.experiment.replacing("epochs: 1,", with: "epochs: 100000, patience: 100000,"),
            "shop.yaml")
        for delay in [0.1, 0.3, 1] {
            try FileManager.default.removeItem(atPath: shop.folder.file("shop.prepared"))
            let result = try Command.run(
                "mtl", ["train", "shop.yaml"], in: shop.path, signal: (number, delay),
                marker: "shop.prepared/.mtl-prepared")
            #expect(result.isSignalled && result.status == number, "\(result.status)")
            #expect(result.errors.contains(name), "\(result.errors)")
            #expect(shop.partials.isEmpty)
            #expect(shop.bytes("shop.safetensors") == before)
        }
    }

    // MARK: Limits

    @Test(
        .enabled(
            if: Command.canBeAnotherUser && Command.exists("prlimit") && Command.exists("timeout"),
            "limits of processes hold for other users than root"))
    func aThreadThatCannotStartIsAnErrorAndNoHang() throws {
        let shop = try SmallShop()
        var refused = 0
        for count in 2...6 {
            let line = """
                chmod 777 . && chmod 666 shop.* && rm -rf out && mkdir -m 777 out
                timeout 60 setpriv --reuid=64123 --clear-groups prlimit --nproc=\(count) \
                "$0" train shop.yaml --threads 2 --prepared out/p --model out/m
                """
            let result = try shop.shell(line)
            #expect(result.status != 124, "hangs with \(count) processes")
            // OpenBLAS interrupts the process where its own threads do not start; the shell needs one to begin with.
            let isOpenBLAS = result.status == 130 && result.errors.contains("OpenBLAS")
            let isShell = result.status == 126
            #expect(
                [0, 1].contains(result.status) || isOpenBLAS || isShell,
                "\(count): \(result.status) \(result.errors)")
            #expect(!result.isSignalled && (result.status == 0 || !result.errors.isEmpty), "\(count)")
            refused += result.status == 1 ? 1 : 0
        }
        #expect(refused > 0, "no limit met a thread of ours")
    }

    /// A thread of OpenBLAS asks again and again for memory that it does not get, and its library's end would wait for it.
    @Test(.enabled(if: Command.exists("timeout"), "needs timeout"))
    func memoryThatIsShortIsNotWaitedForAtTheEnd() throws {
        let shop = try SmallShop()
        for megabytes in [180, 220, 260] {
            let result = try shop.shell(
                "ulimit -v \(megabytes)000; timeout 60 \"$0\" train shop.yaml --threads 2"
            )
            #expect(result.status != 124, "hangs with \(megabytes) MB")
        }
    }

    // MARK: Strangers' models

    @Test func aModelOpensNoFileThatNobodyNamed() throws {
        let shop = try SmallShop()
        let secret = try shop.write("at,user\n1690000000,secret\n", "secret.csv")
        let rows =
            "at,user,age,click\n"
            + (0..<200).map { "\(1_700_000_000 + $0),u\($0 % 9),\($0 % 40),\($0 % 2)\n" }.joined()
        _ = try shop.write(rows, "rows.csv")
        let experiment = """
            data: {source: rows.csv}
            histories:
              - {name: buys, events: secret.csv, user: user, time: at, aggregates: [count], windows: [all]}
            schema:
              features: [{name: buys_count_all, type: numeric}]
              labels: [{name: click, type: binary}]
              group: user
              time: at
            training: {epochs: 1}
            """
        _ = try shop.write(experiment, "h.yaml")
        let trained = try shop.mtl("train", "h.yaml", "--threads", "1")
        try #require(trained.status == 0, "\(trained.errors)")
        try FileManager.default.createDirectory(
            atPath: shop.folder.file("away"), withIntermediateDirectories: false)
        _ = try shop.write(rows, "away/rows.csv")
        // The log is where training had it, and not beside these rows.
        let unnamed = try shop.mtl("predict", "h.safetensors", "away/rows.csv")
        #expect(unnamed.status == 1 && unnamed.errors.contains("--events buys=FILE"), "\(unnamed.errors)")
        let named = try shop.mtl("predict", "h.safetensors", "away/rows.csv", "--events", "buys=\(secret)")
        #expect(named.status == 0, "\(named.errors)")
        let beside = try shop.mtl("predict", "h.safetensors", "rows.csv")
        #expect(beside.status == 0 && beside.output == named.output)
        #expect(try shop.mtl("evaluate", "h.safetensors", "rows.csv").status == 0)
        let wrong = try shop.mtl("predict", "h.safetensors", "rows.csv", "--events", "other=x.csv")
        #expect(wrong.status == 1 && wrong.errors.contains("no history of that name"))
    }

    @Test func messagesObeyNobodysSigns() throws {
        let shop = try SmallShop()
        let evil = "\u{1B}]0;owned\u{07}\u{1B}[2J\u{9B}31m\u{202E}"
        _ = try shop.write("age,city,click\n\(evil),c1,1\n20,c2,0\n", "shop.csv")
        let result = try shop.mtl("train", "shop.yaml")
        #expect(result.status == 1 && result.errors.contains("\\u{1b}"))
        for text in [result.errors, result.output] {
            #expect(
                !text.unicodeScalars.contains {
                    $0.value < 0x20 && $0 != "\n" || "\u{9B}\u{202E}".unicodeScalars.contains($0)
                })
        }
        let long = try shop.mtl("predict", String(repeating: "a/", count: 50_000), "shop.csv")
        #expect(long.status == 1 && long.errors.utf8.count < 2000)
        let option = try shop.mtl("train", "shop.yaml", "--seeds", evil)
        #expect(option.status == 64 && !option.errors.contains("\u{1B}"))
    }
}
