import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Packed ensembles from the experiment file to the model file and the command line.
@Suite struct EnsembleFileTests {
    private func shop(_ model: String, training: String = "") throws -> SmallShop {
        let shop = try SmallShop()
        _ = try shop.write(
            SmallShop.experiment.replacing("model: {trunk: [4]}", with: "model: \(model)")
                .replacing(
                    "training: {epochs: 1, batch: 16", with: "training: {epochs: 2, batch: 16\(training)"),
            "shop.yaml")
        return shop
    }

    private func trained(_ model: String, training: String = "") throws -> SmallShop {
        let shop = try shop(model, training: training)
        let result = try shop.mtl("train", "shop.yaml", "--threads", "1")
        #expect(result.status == 0, "\(result.errors)")
        return shop
    }

    private func columns(_ csv: String) -> [String: [String]] {
        let lines = csv.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        var columns: [String: [String]] = [:]
        for (place, name) in (lines.first ?? []).enumerated() {
            columns[String(name)] = lines.dropFirst().map { String($0[place]) }
        }
        return columns
    }

    @Test func fromTheExperimentToPredictionsWithSpread() throws {
        let shop = try trained("{trunk: [4], ensemble: 5}")
        let plain = try shop.mtl("predict", "shop.safetensors", "shop.csv")
        let result = try shop.mtl("predict", "shop.safetensors", "shop.csv", "--uncertainty")
        #expect(result.status == 0, "\(result.errors)")
        let found = columns(result.output)
        #expect(Set(found.keys) == ["click", "click_spread"])
        #expect(found["click"] == columns(plain.output)["click"])
        let spreads = try #require(found["click_spread"]).map { Double($0) ?? .nan }
        #expect(spreads.count == 400 && spreads.allSatisfy { $0 > 0 && $0 < 0.5 })
        let taken = try shop.mtl(
            "predict", "shop.safetensors", "shop.csv", "--uncertainty", "--keep", "click_spread")
        #expect(taken.status != 0 && taken.errors.contains("--keep"))
        // What the library says of the same rows.
        let bundle = try ModelBundle(contentsOf: shop.folder.file("shop.safetensors"))
        #expect(bundle.settings.ensemble == 5 && bundle.model.ensemble == 5)
        let described = try shop.mtl("describe", "shop.safetensors")
        #expect(described.output.contains("A packed ensemble of 5 members"), "\(described.output)")
        let evaluated = try shop.mtl("evaluate", "shop.safetensors", "shop.csv")
        #expect(evaluated.status == 0, "\(evaluated.errors)")
    }

    @Test func fileIsReadAgainAsItWas() throws {
        let shop = try trained("{trunk: [4], ensemble: 3}")
        let bundle = try ModelBundle(contentsOf: shop.folder.file("shop.safetensors"))
        try bundle.write(to: shop.folder.file("again.safetensors"))
        #expect(shop.bytes("again.safetensors") == shop.bytes("shop.safetensors"))
        let names = Set(try TensorText(#require(shop.bytes("shop.safetensors"))).names)
        for member in 0..<3 {
            #expect(names.contains("ensemble.\(member).scale"))
            #expect(names.contains("heads.click.0.members.\(member).weight"))
        }
        // A model without says nothing of it, so that files stay as they were.
        let plain = try SmallShop(isTrained: true)
        let text = try TensorText(#require(plain.bytes("shop.safetensors")))
        #expect(text.texts["model"]?.contains("ensemble") == false)
    }

    /// What a file says of its members is compared with its tensors before memory is taken.
    @Test func claimedMembersAreNotBelieved() throws {
        let shop = try trained("{trunk: [4], ensemble: 3}")
        let whole = try TensorText(#require(shop.bytes("shop.safetensors")))
        let settings = try #require(whole.texts["model"])
        #expect(settings.contains(#""ensemble":3"#))
        for claim in ["4", "1024", "1000000000", "0", "-1", "9223372036854775807", "\"x\""] {
            var copy = whole
            copy.texts["model"] = settings.replacing(#""ensemble":3"#, with: "\"ensemble\":\(claim)")
            let bytes = try copy.file(isSealed: true)
            let error = failure { _ = try ModelBundle(bytes: bytes, path: "model") }
            #expect(error?.place.hasPrefix("model") == true, "\(claim): \(error?.place ?? "accepted")")
        }
    }

    /// Last layers of every scenario are counted too.
    @Test func claimedLastLayersOfScenariosAreNotBelieved() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 500, in: folder)
        var settings = ModelSettings()
        settings.sharing = SharingSettings(.m3oe, ["layers": [6], "star_width": 0])
        settings.ensemble = 2
        let model = try settings.model(data.preprocessor)
        let path = folder.file("model.safetensors")
        try ModelBundle(
            data.preprocessor, settings: settings,
            parameters: Trainer<Float>(model, batchSize: 9, seed: 3).parameters
        ).write(to: path)
        var text = try TensorText(Data(contentsOf: URL(filePath: path)))
        // One scenario's alone would be there.
        let claim = model.layout.count / (2 * model.tasks.count)
        #expect(model.scenarios > 2 && claim <= 1024)
        text.texts["model"] = text.texts["model"]?.replacing(
            #""ensemble":2"#, with: "\"ensemble\":\(claim)")
        let bytes = try text.file(isSealed: true)
        let error = failure { _ = try ModelBundle(bytes: bytes, path: "model") }
        #expect(error?.place == "model, model.ensemble")
    }

    @Test func seedsOfEnsemblesAreAveragedTogether() throws {
        let shop = try trained("{trunk: [4], ensemble: 3}", training: ", seeds: [1, 2], keep: all")
        let bundle = try ModelBundle(contentsOf: shop.folder.file("shop.safetensors"))
        #expect(bundle.members.vectors.count == 2)
        var means: [Float] = []
        var spreads: [Float] = []
        _ = try bundle.predictRowsWithSpread(bundle.open(shop.folder.file("shop.csv"))) {
            (_, predicted, apart) throws(InputError) in
            means += try predicted.values("click")
            spreads += try apart.values("click")
        }
        // Six networks, one after the other.
        var networks: [[(Double, Double)]] = []
        for vector in bundle.members.vectors {
            let one = try ModelBundle(
                bundle.preprocessor, settings: bundle.settings, sampling: bundle.sampling, parameters: vector)
            var own: [(Double, Double)] = []
            _ = try one.predictRowsWithSpread(one.open(shop.folder.file("shop.csv"))) {
                (_, predicted, apart) throws(InputError) in
                own += zip(try predicted.values("click"), try apart.values("click")).map {
                    (Double($0), Double($1))
                }
            }
            networks.append(own)
        }
        for row in means.indices {
            let (a, b) = (networks[0][row], networks[1][row])
            let mean = (a.0 + b.0) / 2
            let square = (a.0 * a.0 + a.1 * a.1 + b.0 * b.0 + b.1 * b.1) / 2
            #expect(abs(Double(means[row]) - mean) < 1e-6)
            #expect(abs(Double(spreads[row]) - max(0, square - mean * mean).squareRoot()) < 1e-4)
        }
    }

    @Test func whatCannotBeIsRefusedByItsPlace() throws {
        for (model, place) in [
            ("{trunk: [4], ensemble: 0}", "model, ensemble"),
            ("{trunk: [4], ensemble: 1000000000}", "model, ensemble"),
            ("{trunk: [4], ensemble: some}", "ensemble"),
            ("{trunk: [4], ensemble: 4, normalization: batch}", "model, ensemble"),
        ] {
            let shop = try shop(model)
            let result = try shop.mtl("train", "shop.yaml", "--threads", "1")
            #expect(
                result.status != 0 && !result.isSignalled && result.errors.contains(place), "\(result.errors)"
            )
        }
        let plain = try SmallShop(isTrained: true)
        let result = try plain.mtl("predict", "shop.safetensors", "shop.csv", "--uncertainty")
        #expect(result.status != 0 && result.errors.contains("ensemble: 16"), "\(result.errors)")
    }
}
