import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Labels whose order within a group is learned, from a file to a model.
@Suite struct RankingCommandTests {
    private let shop: SmallShop

    init() throws {
        shop = try SmallShop(rows: 0)
        var text = "visit,age,city,click\n"
        for row in 0..<600 {
            let visit = row % 97 == 3 ? "" : "v\((row * 7 / 5) % 120)"
            text +=
                "\(visit),\(20 + row * 7 % 50),c\(row * 3 % 5),\((row * row + row / 9) % 3 == 0 ? 1 : 0)\n"
        }
        _ = try shop.write(text, "shop.csv")
    }

    private func experiment(_ ranking: String, group: String = "  group: visit\n") throws {
        _ = try shop.write(
            SmallShop.experiment
                .replacingOccurrences(of: "schema:\n", with: "schema:\n" + group)
                .replacingOccurrences(of: "type: binary}", with: "type: binary, ranking: \(ranking)}")
                .replacingOccurrences(of: "epochs: 1, batch: 16", with: "epochs: 3, batch: 40"), "shop.yaml")
    }

    @Test(arguments: ["pairwise", "{type: listwise, share: 0.25}", "jrc", "f1"])
    func trainsTheSameForAnyNumberOfThreads(ranking: String) throws {
        try experiment(ranking == "f1" ? "pairwise" : ranking)
        if ranking == "f1" {
            _ = try shop.write(
                String(decoding: try #require(shop.bytes("shop.yaml")), as: UTF8.self)
                    .replacingOccurrences(of: "ranking: pairwise", with: "loss: f1, beta: 2"), "shop.yaml")
        }
        var models: [Data] = []
        for threads in ["1", "3"] {
            let result = try shop.mtl(
                "train", "shop.yaml", "--threads", threads, "--model", "m\(threads).safetensors")
            #expect(result.status == 0, "\(result.errors)")
            models.append(try #require(shop.bytes("m\(threads).safetensors")))
        }
        #expect(models[0] == models[1])
        let described = try shop.mtl("describe", "shop.yaml").output
        let words = [
            "pairwise": "0.5 pairwise loss of a group", "jrc": "0.5 jrc loss of a group",
            "f1": "weighted for the F-measure, beta 2",
        ]
        #expect(described.contains(words[ranking] ?? "0.25 listwise loss"), "\(described)")
        // The group is no feature: rows to predict need none.
        _ = try shop.write("age,city\n30,c1\n40,c2\n", "new.csv")
        #expect(try shop.mtl("predict", "m1.safetensors", "new.csv").status == 0)
        #expect(try shop.mtl("evaluate", "m1.safetensors", "shop.csv").status == 0)
    }

    /// Without a ranking the model is another one, and prepared rows are not taken for each other.
    @Test func preparedRowsKnowWhetherTheyHaveGroups() throws {
        try experiment("pairwise")
        let ranked = try shop.mtl("train", "shop.yaml", "--threads", "1", "--model", "a.safetensors")
        _ = try shop.write(
            String(decoding: try #require(shop.bytes("shop.yaml")), as: UTF8.self)
                .replacingOccurrences(of: ", ranking: pairwise", with: ""), "shop.yaml")
        let plain = try shop.mtl("train", "shop.yaml", "--threads", "1", "--model", "b.safetensors")
        #expect(ranked.status == 0 && plain.status == 0, "\(ranked.errors)\(plain.errors)")
        #expect(shop.bytes("a.safetensors") != shop.bytes("b.safetensors"))
        try experiment("pairwise")
        let again = try shop.mtl("train", "shop.yaml", "--threads", "1", "--model", "c.safetensors")
        #expect(again.status == 0 && shop.bytes("a.safetensors") == shop.bytes("c.safetensors"))
    }

    /// Every batch of a cache has a group's rows beside each other.
    @Test func batchesKeepGroupsTogether() throws {
        var click = Label("click", .binary)
        click.ranking = LabelRanking(.pairwise)
        var city = Feature("city", .categorical)
        city.dimension = 2
        let schema = Schema(features: [Feature("age", .numeric), city], labels: [click], group: "visit")
        let data = try Experiment(
            data: DataSettings(source: shop.folder.file("shop.csv")), schema: schema
        ).prepare(in: shop.folder.file("prepared"))
        let batches = try CacheBatches(
            data.training, features: data.preprocessor.embedded, tasks: ["click"], batchSize: 50, seed: 3)
        var (seen, latest, count) = (Set<Int32>(), Int32(-1), 0)
        for _ in 0..<batches.batchCount {
            let batch = try batches.next()
            let groups = try #require(batch.groups)
            for row in 0..<batch.rows {
                count += 1
                let group = groups[batch.sourceRow(row)]
                if group >= 0, group != latest {
                    #expect(seen.insert(group).inserted, "group \(group) twice")
                }
                latest = group
            }
        }
        #expect(count == data.training.rowCount && seen.count > 100)
    }

    @Test(arguments: [
        ("pairwise", "", "label \"click\", ranking: found a schema without a group"),
        ("sideways", "  group: visit\n", "found \"sideways\", expected one of pairwise, listwise"),
        ("{type: pairwise, share: 1}", "  group: visit\n", "label \"click\", ranking, share: found 1.0"),
        ("{kind: pairwise}", "  group: visit\n", "kind"),
    ])
    func whatHasNoMeaningIsRefused(ranking: String, group: String, message: String) throws {
        try experiment(ranking, group: group)
        let result = try shop.mtl("train", "shop.yaml")
        #expect(result.status != 0 && result.errors.contains(message), "\(result.errors)")
    }
}
