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
        var text = "user,item,country,age,viewed,kinds,kind,click,buy,spend\n"
        for _ in 0..<rows {
            let age = 20 + 50 * draw.uniform()
            let viewed = (0..<draw.below(6)).map { _ in draw.below(30) }
            let click = draw.uniform() < (age > 45 ? 0.7 : 0.2)
            let buy = click && draw.uniform() < 0.5
            let (user, item) = (draw.below(50), draw.below(30))
            text += "u\(user),i\(item),\(["DE", "FR", "IT"][draw.below(3)]),\(age),"
            text += viewed.map { "i\($0)" }.joined(separator: "|") + ","
            text += viewed.map { "k\($0 % 4)" }.joined(separator: "|") + ",k\(item % 4),"
            text += "\(click ? 1 : 0),\(buy ? 1 : 0),\(buy ? "\(10 + draw.below(90))" : "")\n"
        }
        return Array(text.utf8)
    }

    private func prepared(
        in folder: TemporaryFolder, scenario: String? = "country", kinds: Int? = nil, text: [UInt8]? = nil
    ) throws -> PreparedData {
        func id(_ name: String, _ kind: Feature.Kind, sharing: String? = nil) -> Feature {
            var feature = Feature(name, kind)
            feature.dimension = 4
            feature.sharing = sharing
            return feature
        }
        var viewed = id("viewed", .sequence, sharing: "item")
        viewed.length = 4
        viewed.dimension = nil
        var features = [
            Feature("age", .numeric), id("user", .categorical), id("item", .categorical),
            id("country", .categorical), viewed,
        ]
        if let kinds {
            var sequence = id("kinds", .sequence, sharing: "kind")
            sequence.length = kinds
            sequence.dimension = nil
            features += [id("kind", .categorical), sequence]
        }
        let schema = Schema(
            features: features,
            labels: [Label("click", .binary), Label("buy", .binary), Label("spend", .regression)],
            scenario: scenario)
        return try PreparedData(
            TableReader(bytes: text ?? shop(rows: 600, seed: 1), path: "shop.csv"),
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
        case .attentionPooling: layer.options = ["sequence": "viewed"]
        case .transformer: layer.options = ["sequence": "viewed", "candidate": "item", "dropout": 0.1]
        case .interestEvolution: layer.options = ["sequence": "viewed", "candidate": "item", "layers": [6]]
        case .factorizationMachine: layer.options = ["fields": ["viewed", "item"]]
        case .gate: layer.options = ["fields": ["user", "item"]]
        case .cross: layer.options = ["rank": 3, "gated": true]
        case .maskNet: layer.options = ["units": 8, "serial": true]
        case .bilinear: layer.options = ["fields": ["user", "item"], "per_pair": true]
        case .fieldAttention: layer.options = ["fields": ["user", "item"], "heads": 1, "units": 4]
        case .compressedInteraction: layer.options = ["fields": ["user", "item"], "maps": [4, 3]]
        case .finalMLP: layer.options = ["heads": 2, "first_context": "user", "gate_layers": [5]]
        case .wide: layer.options = ["fields": ["user"], "exclusive": true]
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
        let isPlain = [.adaptdhm, .hamur, .apg, .m2m].contains(type)
        settings.normalization = isPlain ? .none : .layer
        settings.dropout = isPlain ? 0 : 0.1
        settings.sharing = sharing(type)
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

    private func sharing(_ type: SharingType) -> SharingSettings {
        var sharing = SharingSettings(type)
        if type == .pepnet { sharing.options["personal"] = ["user"] }
        if type == .home { sharing.options["groups"] = ["visits": ["click"], "orders": ["buy", "spend"]] }
        if [.esmm, .escm2, .aitm, .dbmtl, .resflow, .dc2vr].contains(type) {
            sharing.options["parents"] = ["buy": "click"]
        }
        return sharing
    }

    /// Activations whose units have parameters train in every type, towers and all, or are refused before a step.
    @Test(arguments: SharingType.allCases, [Activation.prelu, .dice])
    func slopesTrainOrAreRefused(type: SharingType, activation: Activation) throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        var settings = ModelSettings()
        settings.activation = activation
        settings.tower = [4]
        settings.sharing = sharing(type)
        let isRefused = [.adaptdhm, .hamur, .apg, .m2m].contains(type)
        let error = failure { _ = try settings.model(data.preprocessor) }
        #expect((error != nil) == isRefused)
        guard !isRefused else {
            #expect(error?.place.hasPrefix("model, sharing, ") == true)
            return
        }
        let trainer = try Trainer<Float>(settings.model(data.preprocessor), batchSize: 64, seed: 3)
        let report = try trainer.fit(data.training, until: StoppingRule(epochs: 1))
        #expect(report.epochs.allSatisfy { $0.trainingLosses.allSatisfy(\.isFinite) })
    }

    private func clicks(_ bundle: ModelBundle, _ text: [UInt8]) throws -> [Float] {
        var all: [Float] = []
        let source = try TableReader(bytes: text, path: "more.csv")
        try bundle.predict(source) { _, values throws(InputError) in all += try values.values("click") }
        return all
    }

    /// Slopes and moving statistics are in a model file, and what predicts.
    @Test(arguments: [Activation.prelu, .dice]) func slopesAreKept(activation: Activation) throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        var settings = ModelSettings()
        (settings.trunk, settings.tower, settings.activation) = ([8], [4], activation)
        let trainer = try Trainer<Float>(settings.model(data.preprocessor), batchSize: 64, seed: 3)
        try trainer.fit(data.training, until: StoppingRule(epochs: 2))
        let bundle = try ModelBundle(data.preprocessor, settings: settings, parameters: trainer.parameters)
        try bundle.write(to: folder.file("model.safetensors"))
        let text = shop(rows: 40, seed: 9)
        let expected = try clicks(bundle, text)
        #expect(Set(expected).count > 10)
        #expect(try clicks(ModelBundle(contentsOf: folder.file("model.safetensors")), text) == expected)
        // A row's batch is itself alone.
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        for row in [0, 7, 39] {
            let alone = Array("\(lines[0])\n\(lines[row + 1])\n".utf8)
            #expect(try clicks(bundle, alone) == [expected[row]])
        }
        let start: [(part: String, value: Float)] =
            activation == .prelu
            ? [("weight", 0.25)] : [("weight", 0), ("running_mean", 0), ("running_var", 1)]
        for (part, value) in start {
            var parameters = bundle.parameters
            let own = bundle.model.layout.segments.filter { $0.name.hasSuffix(".activation.\(part)") }
            #expect(own.count == 4)
            for segment in own {
                for place in segment.offset..<segment.offset + segment.count { parameters[place] = value }
            }
            let reset = try ModelBundle(data.preprocessor, settings: settings, parameters: parameters)
            #expect(try clicks(reset, text) != expected, "\(part)")
        }
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
            (
                #"{"sharing": {"type": "nddr", "fused_activation": "dice"}}"#,
                "model, sharing, fused activation"
            ),
            (#"{"features": [{"type": "gate", "rank": 2}]}"#, "model, features, gate, rank"),
            (#"{"features": [{"type": "attention", "sequence": "views"}]}"#, "model, features.0, sequence"),
            (
                #"{"features": [{"type": "attention", "sequence": "viewed", "candidate": "item", "normalized": "l2"}]}"#,
                "model, features, attention, normalized"
            ),
            (
                #"{"features": [{"type": "transformer", "sequence": {"a": 1}}]}"#,
                "model, features, transformer, sequence"
            ),
            (
                #"{"features": [{"type": "transformer", "sequence": "viewed", "heads": 3}]}"#,
                "model, features.0, heads"
            ),
            (#"{"features": [{"type": "gate", "activation": "tanh"}]}"#, "model, features, gate, activation"),
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

    // MARK: What feature layers were called, and did

    /// An experiment is told the new name; a model file of before opens.
    @Test func selfAttentionIsAttentionPoolingNow() throws {
        let text = #"{"features":[{"sequence":"viewed","type":"self_attention"}]}"#
        let error = failure { _ = try settings(text) }
        #expect(error?.place == "model, features, type")
        #expect(error?.expected == "\"attention_pooling\", as it is called now")
        let old = try settings(ModelBundle.renamed(text))
        #expect(old.features.map(\.type) == [.attentionPooling])
    }

    /// What `normalized` said before there were three.
    @Test(arguments: [
        ("true", TargetAttention.Normalization.softmax), ("false", .none), (#""none""#, .none),
        (#""softmax""#, .softmax), (#""scaled_softmax""#, .scaledSoftmax),
    ])
    func normalizationsOfAttention(text: String, expected: TargetAttention.Normalization) throws {
        let settings = try settings(
            #"{"features": [{"type": "attention", "sequence": "a", "candidate": "b", "normalized": \#(text)}]}"#
        )
        #expect((try settings.features[0].layer() as? TargetAttention)?.normalization == expected)
    }

    /// A file of before gates had a choice is one of the paper's gates, and predicts as it did.
    @Test func gatesOfAnEarlierModelFileStayReLUs() throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        func bundle(_ gate: OptionValue?) throws -> ModelBundle {
            var settings = ModelSettings()
            settings.features = [FeatureLayerSettings(.gate, gate.map { ["activation": $0] } ?? [:])]
            let model = try settings.model(data.preprocessor)
            return try ModelBundle(
                data.preprocessor, settings: settings,
                parameters: Trainer<Float>(model, batchSize: 9, seed: 3).parameters)
        }
        func predictions(_ bundle: ModelBundle) throws -> [Float] {
            try clicks(bundle, shop(rows: 40, seed: 9))
        }
        let path = folder.file("model.safetensors")
        let old = try bundle("relu")
        try old.write(to: path)
        var file = try TensorText(Data(contentsOf: URL(filePath: path)))
        let text = try #require(file.texts["model"])
        file.texts["model"] = text.replacing(#""features":[{"activation":"relu","#, with: #""features":[{"#)
        #expect(file.texts["model"] != text)
        let before = try ModelBundle(bytes: file.file(isSealed: true), path: "model")
        #expect(try predictions(before) == predictions(old))

        let new = try bundle(nil)
        try new.write(to: path)
        let again = try ModelBundle(contentsOf: path)
        #expect(try predictions(again) == predictions(new))
        #expect(again.settings == new.settings)
    }

    /// Models whose files say the same normalisation in other words are the same.
    @Test(arguments: [("true", "softmax"), ("no", "none")])
    func normalizationsOfBeforeAreTheSameModel(old: String, new: String) throws {
        let folder = try TemporaryFolder()
        let data = try prepared(in: folder)
        let path = folder.file("model.safetensors")
        let texts = try [old, new].map { normalized in
            var settings = ModelSettings()
            settings.features = [
                FeatureLayerSettings(
                    .attention,
                    ["sequence": "viewed", "candidate": "item", "normalized": .scalar(normalized)])
            ]
            let model = try settings.model(data.preprocessor)
            try ModelBundle(
                data.preprocessor, settings: settings,
                parameters: Trainer<Float>(model, batchSize: 9, seed: 3).parameters
            ).write(to: path)
            return try TensorText(Data(contentsOf: URL(filePath: path))).texts["model"]
        }
        #expect(texts[0] == texts[1] && texts[0]?.contains("\"normalized\":\"\(new)\"") == true)
    }

    /// Sequences of the same behaviours, from a file; rows in which one has more than the other are refused before training.
    @Test(arguments: [FeatureLayerType.attention, .transformer, .interestEvolution])
    func sequencesSideBySide(type: FeatureLayerType) throws {
        var settings = ModelSettings()
        settings.features = [
            FeatureLayerSettings(type, ["sequence": ["viewed", "kinds"], "candidate": ["item", "kind"]])
        ]
        func train(_ text: [UInt8]?, kinds: Int = 4) throws -> TrainingReport {
            let folder = try TemporaryFolder()
            let data = try prepared(in: folder, kinds: kinds, text: text)
            let trainer = try Trainer<Float>(settings.model(data.preprocessor), batchSize: 64, seed: 3)
            return try trainer.fit(data.training, until: StoppingRule(epochs: 2))
        }
        let report = try train(nil)
        #expect(report.epochs.allSatisfy { $0.trainingLosses.allSatisfy(\.isFinite) })
        #expect(failure { _ = try train(nil, kinds: 3) }?.place == "model, features.0, sequence")
        let uneven = Array(
            String(decoding: shop(rows: 600, seed: 1), as: UTF8.self).replacing("|k1,", with: ",").utf8)
        let error = failure { _ = try train(uneven) }
        #expect(error?.place.contains(/"kinds", row \d+$/) == true)
    }
}
