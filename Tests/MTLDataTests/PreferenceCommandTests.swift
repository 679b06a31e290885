import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// A dial between tasks, from the experiment to what is predicted.
@Suite struct PreferenceCommandTests {
    private let shop: SmallShop

    init() throws {
        shop = try SmallShop(rows: 0)
        var text = "age,city,click,buy\n"
        for row in 0..<400 {
            text +=
                "\(20 + row * 7 % 50),c\(row * 3 % 5),\(row * 7 % 50 < 25 ? 1 : 0),\(row * 7 % 50 < 25 ? 0 : 1)\n"
        }
        _ = try shop.write(text, "shop.csv")
        let experiment = SmallShop.experimentOfTwo(
            model: "{trunk: [4], preference: {click: 2, buy: 2}}",
            training: "{epochs: 2, batch: 16, balancing: {type: cosmos, alpha: 0.7, penalty: 0.2}}")
        _ = try shop.write(experiment, "shop.yaml")
        let result = try shop.mtl("train", "shop.yaml", "--threads", "1", "--model", "dial.safetensors")
        if result.status != 0 { throw Safetensors.Failure(text: result.errors) }
    }

    private func output(_ command: String, _ preference: String?) throws -> String {
        let result =
            try preference.map { try shop.mtl(command, "dial.safetensors", "shop.csv", "--preference", $0) }
            ?? shop.mtl(command, "dial.safetensors", "shop.csv")
        #expect(result.status == 0, "\(result.errors)")
        return result.output
    }

    @Test(arguments: ["predict", "evaluate"]) func theDialTurns(command: String) throws {
        let usual = try output(command, nil)
        for same in ["click=.5,buy=.5", "buy=3,click=3"] { #expect(try output(command, same) == usual) }
        let ends = try ["click=1", "buy=1,click=0"].map { try output(command, $0) }
        #expect(Set(ends + [usual]).count == 3)
    }

    /// The library answers as the command does.
    @Test func theLibraryAsksToo() throws {
        let bundle = try ModelBundle(contentsOf: shop.folder.file("dial.safetensors"))
        #expect(
            bundle.settings.preference == ["click": 2, "buy": 2] && bundle.model.preference == [0.5, 0.5])
        func losses(_ preference: [String: Double]?) throws -> [Double?] {
            try bundle.evaluate(
                bundle.open(shop.folder.file("shop.csv")), preference: preference
            ).map(\.logLoss)
        }
        let (usual, clicks) = (try losses(nil), try losses(["click": 1]))
        #expect(usual != clicks && usual.allSatisfy { $0 != nil })
        #expect(try losses(["click": 1, "buy": 1]) == usual)
        var rows = 0
        try bundle.predict(bundle.open(shop.folder.file("shop.csv")), preference: ["buy": 1]) {
            (_, predictions) throws(InputError) in rows += try predictions.values("buy").count
        }
        #expect(rows == 400)
    }

    @Test(
        arguments: [
            ("bye=1", "--preference: found \"bye\", which is no task, expected one of click, buy"),
            ("click=-1", "--preference, click: found -1.0, expected at least 0"),
            ("click=0,buy=0", "--preference: found 0 for every task"),
            ("click=nan", "--preference, click: found nan"), ("click", "--preference: found \"click\""),
            ("click=much", "--preference: found \"click=much\", expected TASK=SHARE"),
            ("click=1,click=2", "once per task"), ("", "--preference: found \"\""),
        ])
    func badPreferencesAreRefused(preference: String, message: String) throws {
        for command in ["predict", "evaluate"] {
            let result = try shop.mtl(command, "dial.safetensors", "shop.csv", "--preference", preference)
            #expect(result.status != 0 && result.output.isEmpty)
            #expect(result.errors.contains(message), "\(result.errors)")
        }
    }

    @Test func aModelWithoutADialHasNone() throws {
        let plain = try SmallShop(isTrained: true)
        for command in ["predict", "evaluate"] {
            let result = try plain.mtl(command, "shop.safetensors", "shop.csv", "--preference", "click=1")
            #expect(result.status != 0 && result.errors.contains("found a model that reads none"))
        }
    }
}
