import Foundation
import MTLTestSupport
import Testing

/// Commands on an experiment whose labels have files of their own.
@Suite struct TaskSourceCommandTests {
    private let shop: SmallShop

    init() throws {
        shop = try SmallShop()
        _ = try shop.write(
            "buy,city,age,click\n"
                + (0..<150).map { "\($0 * $0 % 5 == 0 ? 1 : 0),c\($0 * 3 % 5),\(20 + $0 * 7 % 50),1\n" }
                .joined(),
            "buys.csv")
        _ = try write(schedule: "{type: alternating, turns: {steps: 1}}")
    }

    private func write(schedule: String) throws {
        let text = SmallShop.experiment
            .replacing(
                "data: {source: shop.csv}\n",
                with: """
                    data:
                      source: shop.csv
                      task_sources:
                        - {source: buys.csv, labels: [buy], batch: 16}

                    """
            )
            .replacing(
                "- {name: click, type: binary}",
                with: "- {name: click, type: binary}\n    - {name: buy, type: binary}"
            )
            .replacing("epochs: 1, batch: 16}", with: "epochs: 6, batch: 64, schedule: \(schedule)}")
        _ = try shop.write(text, "shop.yaml")
    }

    @Test func theyKnowOfAllFiles() throws {
        let note =
            "buys.csv: column \"click\" is not read as label \"click\", which has rows of another source"
        let trained = try shop.mtl("train", "shop.yaml", "--threads", "1")
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.output.contains(note))
        let told = try #require(
            trained.output.firstMatch(of: #/click: (\d+) rows in [\d.]+ passes; buy: (\d+) rows in/#))
        // As many batches of 64 as of 16, which 320 and 120 rows make of an epoch: the last one of a pass may be smaller.
        #expect(try #require(Int(told.1)) > 2 * (try #require(Int(told.2))))
        let checked = try shop.mtl("check", "shop.yaml", "--threads", "1")
        #expect(checked.output.contains(note))
        #expect(try shop.mtl("describe", "shop.yaml", "--threads", "1").status == 0)
        let judged = try shop.mtl("evaluate", "shop.safetensors", "buys.csv", "--label", "buy")
        #expect(
            judged.status == 0 && judged.output.contains(#/buy +150 +AUC/#)
                && !judged.output.contains("click"))
        #expect(try shop.mtl("evaluate", "shop.safetensors", "shop.csv").status != 0)
    }

    @Test func noneIsWrittenOver() throws {
        let before = shop.bytes("buys.csv")
        for arguments in [
            ["train", "shop.yaml", "--model", "buys.csv"], ["describe", "shop.yaml", "--svg", "buys.csv"],
        ] {
            let refused = try Command.run("mtl", arguments, in: shop.path)
            #expect(refused.status != 0 && refused.errors.contains("which is the data of buy"), "\(refused)")
        }
        #expect(shop.bytes("buys.csv") == before)
    }

    @Test func aBatchOfMixedRowsIsRefusedByItsLine() throws {
        try write(schedule: "joint")
        let refused = try shop.mtl("train", "shop.yaml")
        #expect(refused.status != 0)
        #expect(
            refused.errors.contains(
                "shop.yaml, line 4, data.task_sources.[0].batch: found 16, where a turn mixes its rows with those of others"
            ), "\(refused.errors)")
    }
}
