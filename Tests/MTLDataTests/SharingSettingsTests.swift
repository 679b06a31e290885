import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// How an experiment's file says what tasks share.
@Suite struct SharingSettingsTests {
    private func settings(_ json: String) throws -> ModelSettings {
        try JSONDecoder().decode(ModelSettings.self, from: Data(json.utf8))
    }

    private func shop(rows: Int, seed: UInt64) -> [UInt8] {
        var draw = SeededGenerator(seed: seed)
        var text = "user,item,country,age,viewed,click,buy,spend\n"
        for _ in 0..<rows {
            let age = 20 + 50 * draw.uniform()
            let viewed = (0..<draw.below(6)).map { _ in "i\(draw.below(30))" }.joined(separator: "|")
            let click = draw.uniform() < (age > 45 ? 0.7 : 0.2)
            let buy = click && draw.uniform() < 0.5
            text +=
                "u\(draw.below(50)),i\(draw.below(30)),\(["DE", "FR", "IT"][draw.below(3)]),\(age),\(viewed),"
            text += "\(click ? 1 : 0),\(buy ? 1 : 0),\(buy ? "\(10 + draw.below(90))" : "")\n"
        }
        return Array(text.utf8)
    }

    private func prepared(in folder: TemporaryFolder, scenario: String? = "country") throws -> PreparedData {
        func id(_ name: String, _ kind: Feature.Kind, sharing: String? = nil) -> Feature {
            var feature = Feature(name, kind)
            feature.dimension = 4
            feature.sharing = sharing
            return feature
        }
        var viewed = id("viewed", .sequence, sharing: "item")
        viewed.length = 4
        viewed.dimension = nil
        let schema = Schema(
            features: [
                Feature("age", .numeric), id("user", .categorical), id("item", .categorical),
                id("country", .categorical), viewed,
            ],
            labels: [Label("click", .binary), Label("buy", .binary), Label("spend", .regression)],
            scenario: scenario)
        return try PreparedData(
            TableReader(bytes: shop(rows: 600, seed: 1), path: "shop.csv"),
            plan: PreparedData.Plan(schema: schema),
            folder: folder.path, fingerprint: "sharing")
    }

    @Test(arguments: FeatureLayerType.allCases)
    func everyFeatureLayerTrains(type: FeatureLayerType) throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        var layer = FeatureLayerSettings(type)
        switch type {
        case .attention: layer.options = ["sequence": "viewed", "candidate": "item"]
        case .selfAttention: layer.options = ["sequence": "viewed"]
        case .factorizationMachine: layer.options = ["fields": ["viewed", "item"]]
        case .gate: layer.options = ["fields": ["user", "item"]]
        case .cross: layer.options = ["rank": 3]
        }
        var settings = ModelSettings()
        settings.features = [layer]
        let text = try JSONEncoder().encode(settings)
        #expect(try JSONDecoder().decode(ModelSettings.self, from: text) == settings)
        let trainer = try Trainer<Float>(settings.model(data.preprocessor), batchSize: 64, seed: 3)
        let report = try trainer.fit(data.training, until: StoppingRule(epochs: 2))
        #expect(report.epochs.allSatisfy { $0.trainingLosses.allSatisfy(\.isFinite) })
        #expect(
            trainer.model.layout.segments.count > (try plain(data).layout.segments.count)
                || type == .factorizationMachine)
    }

    private func plain(_ data: PreparedData) throws -> MultiTaskModel {
        try ModelSettings().model(data.preprocessor)
    }

    @Test(arguments: SharingType.allCases)
    func everyTypeTrainsAndIsKept(type: SharingType) throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        var settings = ModelSettings()
        settings.tower = [4]
        // Weights that are generated or routed have no norms.
        let isPlain = [.adaptdhm, .hamur, .apg].contains(type)
        settings.normalization = isPlain ? .none : .layer
        settings.dropout = isPlain ? 0 : 0.1
        settings.sharing = SharingSettings(type)
        if type == .pepnet { settings.sharing?.options["personal"] = ["user"] }
        if [.esmm, .escm2, .aitm, .dbmtl, .resflow].contains(type) {
            settings.sharing?.options["parents"] = ["buy": "click"]
        }
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
        let source = try TableReader(bytes: shop(rows: 40, seed: 9), path: "more.csv")
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
            (#"{"sharing": {"type": "shared_bottom", "layers": [8, 0]}}"#, "model, sharing, trunk, layer 1"),
            (
                #"{"sharing": {"type": "esmm", "parents": {"click": "click"}}}"#,
                "model, sharing, funnel, click"
            ),
            (#"{"sharing": {"type": "aitm", "parents": {"buys": "click"}}}"#, "model, sharing, funnel, buys"),
            (#"{"sharing": {"type": "esmm"}}"#, "model, sharing, funnel"),
            (#"{"features": [{"type": "gate", "rank": 2}]}"#, "model, features, gate, rank"),
            (#"{"features": [{"type": "attention", "sequence": "views"}]}"#, "model, features.0, sequence"),
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

    @Test func scenariosThatTheSchemaDoesNotNameAreRefused() throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder, scenario: nil)
        for type in ["star", "scenario_towers", "sarnet", "m3oe"] {
            let json = "{\"sharing\": {\"type\": \"\(type)\", \"layers\": [8]}}"
            let error = #expect(throws: InputError.self) { try settings(json).model(data.preprocessor) }
            #expect(error?.place == "model, sharing, scenario")
        }
        #expect(throws: Never.self) {
            try settings(#"{"sharing": {"type": "mmoe", "layers": [8]}}"#).model(data.preprocessor)
        }
    }

    /// A task that exists in some scenarios only says nothing elsewhere.
    @Test func tasksOfSomeScenarios() throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        let json =
            #"{"sharing": {"type": "scenario_towers", "layers": [8]}, "task_scenarios": {"spend": ["DE", "FR"]}}"#
        let model = try settings(json).model(data.preprocessor)
        #expect(model.tasks[2].scenarios?.count == 2 && model.tasks[0].scenarios == nil)
        for (wrong, place) in [
            (#"{"task_scenarios": {"spend": ["XX"]}}"#, "model, task_scenarios, \"spend\""),
            (#"{"task_scenarios": {"spends": ["DE"]}}"#, "model, task_scenarios, \"spends\""),
        ] {
            let error = #expect(throws: InputError.self) { try settings(wrong).model(data.preprocessor) }
            #expect(error?.place == place)
        }
    }

    @Test func aTasksOwnTower() throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        let model = try settings(#"{"tower": [8], "towers": {"spend": [6, 5]}}"#).model(data.preprocessor)
        #expect(model.tasks.map { $0.tower.map(\.units) } == [[8], [8], [6, 5]])
    }

    /// Files from before the name was one.
    @Test func anEarlierModelFilesHardIsASharedBottom() throws {
        let text = #"{"sharing":{"layers":[64,32],"type":"hard"}}"#
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(ModelSettings.self, from: Data(text.utf8))
        }
        let settings = try JSONDecoder().decode(
            ModelSettings.self, from: Data(ModelBundle.renamed(text).utf8))
        #expect(settings.sharing?.type == .sharedBottom)
    }
}
