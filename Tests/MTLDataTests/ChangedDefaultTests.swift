import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Options whose defaults have changed: model files of before mean what they meant.
@Suite struct ChangedDefaultTests {
    private static let cases: [(type: SharingType, option: String, before: OptionValue, now: OptionValue)] = [
        (.star, "star_heads", false, true), (.nddr, "fused_activation", "identity", "relu"),
    ]

    private func bundle(
        _ type: SharingType, _ options: [String: OptionValue], _ data: PreparedData
    ) throws -> ModelBundle {
        var settings = ModelSettings()
        settings.sharing = SharingSettings(type, options.merging(["layers": [6]]) { first, _ in first })
        let trainer = try Trainer<Float>(settings.model(data.preprocessor), batchSize: 64, seed: 5)
        return try ModelBundle(data.preprocessor, settings: settings, parameters: trainer.parameters)
    }

    private func text(_ bundle: ModelBundle, _ folder: TemporaryFolder) throws -> TensorText {
        try bundle.write(to: folder.file("model.safetensors"))
        return try TensorText(Data(contentsOf: URL(filePath: folder.file("model.safetensors"))))
    }

    /// The file as it was before there was the option, and before batches were counted.
    private func old(_ new: TensorText, without option: String) throws -> [UInt8] {
        var text = new
        var model = try #require(
            JSONSerialization.jsonObject(with: Data((new.texts["model"] ?? "").utf8)) as? [String: Any])
        var sharing = try #require(model["sharing"] as? [String: Any])
        #expect(sharing.removeValue(forKey: option) != nil)
        model["sharing"] = sharing
        let json = try JSONSerialization.data(withJSONObject: model, options: .sortedKeys)
        text.texts["model"] = String(decoding: json, as: UTF8.self)
        text.body = Data()
        for name in new.names.sorted(by: { new.entry($0).offsets[0] < new.entry($1).offsets[0] }) {
            if name.hasSuffix("num_batches_tracked") {
                text.header.removeValue(forKey: name)
                continue
            }
            let start = text.body.count
            text.body += new.bytes(name)
            text.set(name, offsets: [start, text.body.count])
        }
        return try text.file(isSealed: true)
    }

    @Test func aFileThatDoesNotSayTheOptionIsOfBefore() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 500, in: folder)
        for (type, option, before, _) in Self.cases {
            let bundle = try bundle(type, [option: before], data)
            let bytes = try old(text(bundle, folder), without: option)
            let read = try ModelBundle(bytes: bytes, path: "old")
            #expect(read.settings == bundle.settings && read.settings.sharing?.options[option] == before)
            #expect(read.model.layout == bundle.model.layout)
            for segment in read.model.layout.segments {
                let range = segment.offset..<segment.offset + segment.count
                let isCount = segment.name.hasSuffix("num_batches_tracked")
                #expect(
                    isCount
                        ? read.parameters[range].allSatisfy { $0 >= 1000 }
                        : read.parameters[range] == bundle.parameters[range], "\(segment.name)")
            }
        }
    }

    @Test func filesOfArchitecturesThatWereOthersAreRefused() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 500, in: folder)
        for type in [SharingType.m3oe, .adaptdhm, .hamur, .apg] {
            let bundle = try bundle(type, [:], data)
            var text = try text(bundle, folder)
            #expect(try ModelBundle(bytes: text.file(), path: "new").parameters == bundle.parameters)
            for definition in [nil, "1"] {
                text.texts["definition"] = definition
                let bytes = try text.file(isSealed: true)
                let error = failure { () throws(InputError) in _ = try ModelBundle(bytes: bytes, path: "old")
                }
                #expect(error?.place == "old, model, sharing, type")
                #expect(error?.expected == "definition 2; train the model anew")
            }
        }
    }

    @Test func aFileSaysWhatItIs() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 500, in: folder)
        for (type, option, _, now) in Self.cases {
            let bundle = try bundle(type, [:], data)
            let text = try text(bundle, folder)
            #expect(text.texts["model"]?.contains("\"\(option)\":") == true)
            let read = try ModelBundle(bytes: text.file(), path: "new")
            #expect(read.settings == bundle.settings && read.parameters == bundle.parameters)
            // Saying the default is no other model.
            let explicit = try self.bundle(type, [option: now], data)
            #expect(try self.text(explicit, folder).texts["model"] == text.texts["model"])
        }
    }
}
