import Foundation
import MTLData
import MTLEngine
import Testing

/// How an experiment's file says what tasks share.
@Suite struct SharingSettingsTests {
    private func settings(_ json: String) throws -> ModelSettings {
        try JSONDecoder().decode(ModelSettings.self, from: Data(json.utf8))
    }

    private func prepared(in folder: TemporaryFolder) throws -> PreparedData {
        try PreparedShop.prepared(rows: 600, in: folder)
    }

    @Test(arguments: SharingType.allCases)
    func everyTypeTrainsAndIsKept(type: SharingType) throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        var settings = ModelSettings()
        settings.tower = [4]
        settings.normalization = .layer
        settings.dropout = 0.1
        settings.sharing = SharingSettings(type)
        let text = try JSONEncoder().encode(settings)
        #expect(try JSONDecoder().decode(ModelSettings.self, from: text) == settings)

        let model = try settings.model(data.preprocessor)
        let trainer = try Trainer<Float>(model, batchSize: 64, seed: 3)
        let report = try trainer.fit(
            data.training, validation: data.validation, until: StoppingRule(epochs: 2))
        #expect(report.epochs.allSatisfy { $0.watchedLoss.isFinite })

        let path = folder.file("model.safetensors")
        let bundle = try ModelBundle(
            data.preprocessor, settings: settings, parameters: trainer.parameters)
        try bundle.write(to: path)
        let again = try ModelBundle(contentsOf: path)
        #expect(again.settings == settings)
        let source = try TableReader(bytes: PreparedShop.text(rows: 40, seed: 9), path: "more.csv")
        var (before, after): ([Float], [Float]) = ([], [])
        try bundle.predict(source) { _, values throws(InputError) in before += try values.values("click") }
        try again.predict(source) { _, values throws(InputError) in after += try values.values("click") }
        #expect(before == after && before.count == 40)
        #expect(Set(before).count > 10)
    }

    @Test func wrongDescriptionsAreRefusedByTheirPlace() throws {
        let cases: [(json: String, place: String)] = [
            (#"{"sharing": {"type": "mmoe", "experts": 0}}"#, "model, sharing, experts"),
            (#"{"sharing": {"type": "mmoe", "layers": []}}"#, "model, sharing, experts"),
            (#"{"sharing": {"type": "mmoe", "temperature": 0}}"#, "model, sharing, temperature"),
            (#"{"sharing": {"type": "mmoe", "rank": 3}}"#, "model, sharing, rank"),
            (#"{"sharing": {"type": "mmoe", "levels": []}}"#, "model, sharing, levels"),
            (#"{"sharing": {"type": "mmoe"}, "trunk": [3]}"#, "model, trunk"),
            (#"{"sharing": {"type": "hard", "layers": [8, 0]}}"#, "model, sharing, trunk, layer 1"),
            (#"{"tower": [0]}"#, "model, task \"click\", tower, layer 0"),
            (#"{"towers": {"clicks": [8]}}"#, "model, towers, \"clicks\""),
        ]
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        for (json, place) in cases {
            let error = #expect(throws: InputError.self, "\(json)") {
                _ = try settings(json).model(data.preprocessor)
            }
            #expect(error?.place == place)
        }
    }

    @Test func aTasksOwnTower() throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        let model = try settings(#"{"tower": [8], "towers": {"spend": [6, 5]}}"#).model(data.preprocessor)
        #expect(model.tasks.map { $0.tower.map(\.units) } == [[8], [6, 5]])
    }
}
