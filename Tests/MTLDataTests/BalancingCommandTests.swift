import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Methods that weigh tasks against each other, as an experiment names them.
@Suite struct BalancingCommandTests {
    private let shop: SmallShop

    init() throws {
        shop = try SmallShop(rows: 0)
        var text = "age,city,click,buy\n"
        for row in 0..<300 {
            text +=
                "\(20 + row * 7 % 50),c\(row * 3 % 5),\((row * row + row / 9) % 3 == 0 ? 1 : 0),\(row % 4 == 1 ? 1 : 0)\n"
        }
        _ = try shop.write(text, "shop.csv")
    }

    private func experiment(_ balancing: String, model: String = "{trunk: [4]}", training: String = "") throws
    {
        _ = try shop.write(
            SmallShop.experimentOfTwo(
                model: model, training: "{epochs: 3, batch: 40, balancing: \(balancing)\(training)}"),
            "shop.yaml")
    }

    /// COSMOS needs a model that reads a preference.
    private static let unserved: Set<Balancing.Kind> = [.sdmGrad, .moDo, .moCo, .cosmos]

    @Test(arguments: Balancing.Kind.allCases) func everyMethodTrainsOrSaysWhyNot(_ kind: Balancing.Kind)
        throws
    {
        try experiment(kind.rawValue)
        let result = try shop.mtl("train", "shop.yaml", "--threads", "1")
        let isServed = !Self.unserved.contains(kind)
        #expect((result.status == 0) == isServed, "\(result.errors)")
        if !isServed {
            #expect(result.errors.contains("training, balancing: found \(kind.rawValue)"), "\(result.errors)")
        }
    }

    /// Weights that differ from 1 make another model, the same on any number of threads.
    @Test(arguments: ["uw", "famo", "{type: cagrad, radius: 0.4, smoothing: 0.5}"])
    func theModelIsAnotherOne(balancing: String) throws {
        var models: [Data] = []
        for (name, method, threads) in [("a", "fixed", "1"), ("b", balancing, "1"), ("c", balancing, "3")] {
            try experiment(method)
            let result = try shop.mtl(
                "train", "shop.yaml", "--threads", threads, "--model", "\(name).safetensors")
            #expect(result.status == 0, "\(result.errors)")
            models.append(try #require(shop.bytes("\(name).safetensors")))
        }
        #expect(models[0] != models[1] && models[1] == models[2])
    }

    /// In turns a task's weights are those of its own.
    @Test(arguments: [("uw", "alternating"), ("{type: cagrad}", "{type: alternating, trains: blocks}")])
    func tasksTakeTurns(balancing: String, schedule: String) throws {
        try experiment(balancing, training: ", schedule: \(schedule)")
        let result = try shop.mtl("train", "shop.yaml", "--run", "run", "--threads", "2")
        #expect(result.status == 0, "\(result.errors)")
        let lines = String(decoding: try #require(shop.bytes("run/history.jsonl")), as: UTF8.self)
        #expect(lines.split(separator: "\n").count == 3)
        #expect(lines.split(separator: "\n").allSatisfy { $0.contains("\"weights\":{\"buy\":") }, "\(lines)")
    }

    /// Weights are in the history, and cosines where a method looks at gradients.
    @Test(arguments: [("uw", false), ("mgda", true), ("fixed", false)])
    func historyTellsHowTasksWereWeighed(balancing: String, hasCosines: Bool) throws {
        try experiment(balancing)
        let result = try shop.mtl("train", "shop.yaml", "--run", "run", "--threads", "2")
        #expect(result.status == 0, "\(result.errors)")
        let table = String(decoding: try #require(shop.bytes("run/history.csv")), as: UTF8.self)
        let rows = table.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        func column(_ name: String) -> [Double]? {
            rows[0].firstIndex { $0 == name }.map { place in
                rows.dropFirst().map { Double($0[place]) ?? .nan }
            }
        }
        let weights = ["click", "buy"].map { column("weight_\($0)") }
        if balancing == "fixed" {
            #expect(weights == [nil, nil])
        } else {
            let found = try weights.map { try #require($0) }
            #expect(found.allSatisfy { $0.count == 3 && $0.allSatisfy { $0 > 0 && $0 < 10 } }, "\(found)")
            #expect(found[0] != found[1])
        }
        let cosines = column("cosine_click_buy")
        #expect((cosines != nil) == hasCosines)
        #expect(cosines?.allSatisfy { abs($0) <= 1 + 1e-9 } != false, "\(cosines ?? [])")
        let lines = String(decoding: try #require(shop.bytes("run/history.jsonl")), as: UTF8.self)
        #expect(lines.contains("\"weights\"") == (balancing != "fixed"))
        #expect(lines.contains("\"cosines\"") == hasCosines)
    }

    @Test(arguments: [
        ("sideways", "{trunk: [4]}", "", "training, balancing: found \"sideways\""),
        ("{type: famo, gamma: 1}", "{trunk: [4]}", "", "gamma"),
        (
            "{type: famo, learning_rate: -1}", "{trunk: [4]}", "",
            "training, balancing, learning_rate: found -1"
        ),
        ("{type: metabalance, main: bye}", "{trunk: [4]}", "", "main: found \"bye\""),
        (
            "famo", "{trunk: [4]}", ", schedule: alternating",
            "training, balancing: found famo, which weighs the losses of a batch, beside a turn of click alone"
        ),
        (
            "mgda", "{trunk: [4]}", ", schedule: {type: alternating, trains: heads}",
            "beside turns that train nothing that tasks share"
        ),
        ("{type: fixed, smoothing: 0.5}", "{trunk: [4]}", "", "smoothing"),
        ("{type: db_mtl, momentum: 0.9}", "{trunk: [4]}", "", "expected momentum: 0"),
        ("mgda", "{trunk: [4], ensemble: 2}", "", "packed ensemble"),
        ("moco", "{trunk: [4]}", "", "other rows at every step"),
        (
            "{type: priorities, order: [click]}", "{trunk: [4]}", "",
            "training, balancing, order: found click without buy"
        ),
        (
            "{type: priorities, order: [click, bye]}", "{trunk: [4]}", "",
            "training, balancing, order: found \"bye\""
        ),
        (
            "{type: priorities, tolerance: -1}", "{trunk: [4]}", "",
            "training, balancing, tolerance: found -1"
        ),
        (
            "priorities", "{trunk: [4]}", ", schedule: alternating",
            "found priorities, which weighs the losses of a batch, beside a turn of click alone"
        ),
        ("priorities", "{trunk: [4]}", ", stop: each_task", "found priorities beside stop: each_task"),
        ("{type: autoscale, metric: length}", "{trunk: [4]}", "", "metric"),
        (
            "uw", "{trunk: [4], preference: {click: 1, buy: 1}}", "",
            "model, preference: found one that no training draws"
        ),
        ("cosmos", "{trunk: [4], preference: {bye: 1}}", "", "model, preference: found \"bye\""),
        ("cosmos", "{trunk: [4], preference: {buy: -1}}", "", "model, preference, buy: found -1"),
        ("cosmos", "{trunk: [4], preference: {buy: 0}}", "", "model, preference: found 0 for every task"),
        (
            "cosmos", "{trunk: [4], preference: {buy: 1}}", ", schedule: alternating",
            "cosmos, which weighs the losses of a batch, beside a turn of click alone"
        ),
        ("cosmos", "{trunk: [4], preference: {buy: 1}, ensemble: 2}", "", "packed ensemble"),
        ("{type: cosmos, alpha: 0}", "{trunk: [4], preference: {buy: 1}}", "", "alpha: found 0"),
        ("dtp", "{trunk: [4]}", ", refit: true", "training, balancing: found dtp beside refit: true"),
        ("mgda", "{sharing: {type: separate, layers: [4]}}", "", "tasks that share nothing"),
    ])
    func whatHasNoMeaningIsRefused(balancing: String, model: String, training: String, message: String) throws
    {
        try experiment(balancing, model: model, training: training)
        let result = try shop.mtl("train", "shop.yaml", "--threads", "1")
        #expect(result.status != 0 && result.errors.contains(message), "\(result.errors)")
    }
}
