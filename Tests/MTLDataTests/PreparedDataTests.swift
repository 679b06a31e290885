import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct PreparedDataTests {
    private func experiment(_ source: String) throws -> Experiment {
        var experiment = Experiment(data: DataSettings(source: source), schema: PreparedShop.schema)
        experiment.model.trunk = [8]
        experiment.training.epochs = 1
        return experiment
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(filePath: path))
    }

    @Test func preparedRowsAreUsedAgainUntilSomethingChanges() throws {
        let folder = try TemporaryFolder()
        try write(PreparedShop.text(rows: 2_000), to: folder.file("shop.csv"))
        var settings = try experiment(folder.file("shop.csv"))
        let first = try settings.prepare(in: folder.file("prepared"))
        #expect(!first.wasCached)
        let second = try settings.prepare(in: folder.file("prepared"), threads: 2)
        #expect(second.wasCached)
        #expect(second.preprocessor.denseNames == first.preprocessor.denseNames)
        settings.split.seed = 9
        #expect(try !settings.prepare(in: folder.file("prepared")).wasCached)
        try write(PreparedShop.text(rows: 2_001), to: folder.file("shop.csv"))
        #expect(try !settings.prepare(in: folder.file("prepared")).wasCached)
        // Rows that were being written when everything stopped count for nothing.
        try FileManager.default.removeItem(atPath: folder.file("prepared/fitted.safetensors"))
        #expect(try !settings.prepare(in: folder.file("prepared")).wasCached)
    }

    @Test func aTestFileOfItsOwnIsTheTestPart() throws {
        let folder = try TemporaryFolder()
        try write(PreparedShop.text(rows: 1_000), to: folder.file("shop.csv"))
        try write(PreparedShop.text(rows: 300, seed: 2), to: folder.file("test.csv"))
        var settings = try experiment(folder.file("shop.csv"))
        settings.data.test = folder.file("test.csv")
        let data = try settings.prepare(in: folder.file("prepared"))
        #expect(data.test?.rowCount == 300)
        #expect(data.training.rowCount + (data.validation?.rowCount ?? 0) == 1_000)
    }

    @Test func badRowsAreRefusedOrCounted() throws {
        let folder = try TemporaryFolder()
        var text = String(decoding: PreparedShop.text(rows: 1_000), as: UTF8.self)
        text += "1000,u1,DE,old,,,1,1,5\n1001,u1,DE,30,,,1,maybe,\n1002,u1\n"
        try write(Array(text.utf8), to: folder.file("shop.csv"))
        var settings = try experiment(folder.file("shop.csv"))
        let place = "\(folder.file("shop.csv")), line"
        let refused = #expect(throws: InputError.self) { try settings.prepare(in: folder.file("a")) }
        #expect(refused?.place.hasPrefix(place) == true)
        settings.data.badRows = "skip:1%"
        let data = try settings.prepare(in: folder.file("b"))
        #expect(data.badRows.count == 3)
        #expect(
            data.badRows.examples.contains {
                $0.contains("line 1002, column \"age\"") && $0.contains("\"old\"")
            })
        #expect(data.badRows.examples.contains { $0.contains("line 1003, column \"click\"") })
        #expect(data.badRows.examples.contains { $0.contains("line 1004") })
        let rows = data.training.rowCount + (data.validation?.rowCount ?? 0) + (data.test?.rowCount ?? 0)
        #expect(rows == 1_000)
        settings.data.badRows = "skip:0.1%"
        #expect(throws: InputError.self) { try settings.prepare(in: folder.file("c")) }
        #expect(!FileManager.default.fileExists(atPath: folder.file("c/fitted.safetensors")))
    }

    @Test func aModelAnswersFromItsFileAsItDidInTraining() throws {
        let folder = try TemporaryFolder()
        try write(PreparedShop.text(rows: 3_000), to: folder.file("shop.csv"))
        var settings = try experiment(folder.file("shop.csv"))
        settings.sampling.negatives = ["click": 0.5]
        let data = try settings.prepare(in: folder.file("prepared"))
        let model = try settings.model.model(data.preprocessor, sampling: settings.sampling)
        let trainer = try settings.training.trainer(model, seed: 1)
        try trainer.fit(data.training, validation: data.validation, until: StoppingRule(epochs: 2))
        let bundle = try ModelBundle(
            data.preprocessor, settings: settings.model, sampling: settings.sampling,
            parameters: trainer.parameters)
        try bundle.write(to: folder.file("model.safetensors"))
        let read = try ModelBundle(contentsOf: folder.file("model.safetensors"))
        #expect(read.parameters.map(\.bitPattern) == trainer.parameters.map(\.bitPattern))
        #expect(read.model.tasks == model.tasks)

        // The whole file as one source: every row's prediction is what the trainer says of the same row.
        let source = try TableReader(path: folder.file("shop.csv"))
        let all = try TableReader(path: folder.file("shop.csv"))
        let evaluation = try read.evaluate(all)
        #expect(evaluation[0].labelledRows == 3_000)
        var answers: [Float] = []
        try read.predict(source) { (_, predictions) throws(InputError) in
            answers += try predictions.values("click")
        }
        #expect(answers.count == 3_000)
        let test = try #require(data.test)
        let expected = try trainer.predict(test.dataset(0)).values("click").map(\.bitPattern)
        #expect(Set(expected).isSubset(of: Set(answers.map(\.bitPattern))))
    }

    @Test func aDamagedModelFileIsRefused() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 400, in: folder)
        let model = try PreparedShop.model(data)
        var settings = ModelSettings()
        settings.trunk = [12]
        let path = folder.file("model.safetensors")
        try ModelBundle(data.preprocessor, settings: settings, parameters: Trainer<Float>(model).parameters)
            .write(
                to: path)
        let whole = try Data(contentsOf: URL(filePath: path))
        var damaged: [Data] = [Data(), whole.prefix(7), whole.prefix(100), whole.dropLast(), whole + [0]]
        for place in [0, 20, whole.count - 3] {
            var copy = whole
            copy[place] ^= 0x40
            damaged.append(copy)
        }
        for (index, bytes) in damaged.enumerated() {
            try bytes.write(to: URL(filePath: path))
            let error = #expect(throws: InputError.self, "damage \(index)") {
                try ModelBundle(contentsOf: path)
            }
            #expect(error?.place.contains(path) == true)
        }
        #expect(throws: InputError.self) { try ModelBundle(contentsOf: folder.file("none")) }
    }

    @Test(arguments: [
        ("{}", "data"), ("{\"data\": {\"source\": \"a.csv\"}}", "schema"),
        ("{\"data\": {\"source\": \"a.csv\", \"sources\": 1}}", "sources"),
    ])
    func aMissingOrUnknownSettingIsNamed(text: String, name: String) throws {
        let error = #expect(throws: (any Error).self) {
            try JSONDecoder().decode(Experiment.self, from: Data(text.utf8))
        }
        #expect("\(String(describing: error))".contains(name))
    }
}
