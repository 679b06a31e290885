import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Files of models with vectors of numbers, labels in a unit of their own and members: read as written, and nothing in them is believed.
@Suite struct NumberFileTests {
    private let files: FieldCase
    private let bundle: ModelBundle

    init() throws {
        files = try FieldCase()
        try files.write(
            text("x,price,click,spend", rows: 400) { row in
                "\(row % 40),\(row % 7 == 0 ? "" : "\(row * row % 97)"),\(row % 3 == 0 ? 1 : 0),\(1000 + row % 9)"
            })
        var experiment = try files.experiment(
            [
                "{name: x, type: numeric}",
                "{name: price, type: numeric, encoding: piecewise, bins: 5, dimension: 3}",
                "{name: wave, column: price, type: numeric, encoding: periodic, bins: 3, dimension: 2, frequencies: 4}",
                "{name: mix, column: price, type: numeric, encoding: autodis, bins: 3, dimension: 2, meta_embeddings: 4}",
            ], label: "{name: click, type: binary}\n    - {name: spend, type: regression}")
        experiment.model.ensemble = 2
        let data = try files.prepared(experiment)
        let run = try TrainingRun(experiment, data)
        bundle = try ModelBundle(data.preprocessor, settings: experiment.model, parameters: run.parameters)
    }

    private func tensors() throws -> TensorText {
        let path = files.folder.file("model.safetensors")
        try bundle.write(to: path)
        return try TensorText(Data(contentsOf: URL(filePath: path)))
    }

    private func predictions(_ bundle: ModelBundle) throws(InputError) -> [[Float]] {
        var found: [[Float]] = []
        let source = try bundle.open(files.folder.file("visits.csv"))
        try bundle.predict(source) { (_, predictions) throws(InputError) in
            for task in ["click", "spend"] { found.append(try predictions.values(task)) }
        }
        return found
    }

    @Test func theFilePredictsWhatWasWritten() throws {
        let again = try ModelBundle(bytes: tensors().file(isSealed: true), path: "model")
        #expect(again.preprocessor == bundle.preprocessor)
        let (before, after) = (try predictions(bundle), try predictions(again))
        #expect(before == after && before[1].allSatisfy { $0 > 900 && $0 < 1100 })
    }

    /// Every value of what was fitted in turn made into others: refused, or a model that answers.
    @Test func noValueOfThePreprocessingTraps() throws {
        let whole = try tensors()
        let root = try JSONSerialization.jsonObject(
            with: Data(try #require(whole.texts["preprocessor"]).utf8))
        var refused = 0
        for path in JSONPath.all(in: root) {
            for value in JSONPath.others {
                guard let changed = JSONPath.replacing(root, at: path[...], by: value) else { continue }
                var text = whole
                text.texts["preprocessor"] = String(
                    decoding: try JSONSerialization.data(withJSONObject: changed, options: .fragmentsAllowed),
                    as: UTF8.self)
                let bytes = try text.file(isSealed: true)
                do throws(InputError) { _ = try predictions(ModelBundle(bytes: bytes, path: "model")) } catch
                {
                    refused += 1
                }
            }
        }
        #expect(refused > 500)
    }

    @Test func whatIsNotInTheFileIsRefusedByItsPlace() throws {
        let whole = try tensors()
        for (key, from, to, place) in [
            ("preprocessor", #""dimension":3"#, #""dimension":65536"#, "schema"),
            ("preprocessor", #""frequencies":4"#, #""frequencies":1000"#, "schema"),
            ("preprocessor", #""meta_embeddings":4"#, #""meta_embeddings":1000"#, "schema"),
            ("model", #""ensemble":2"#, #""ensemble":1024"#, "ensemble"),
        ] {
            var text = whole
            text.texts[key] = try #require(text.texts[key]).replacing(from, with: to)
            #expect(text.texts[key] != whole.texts[key], "\(to)")
            let bytes = try text.file(isSealed: true)
            let error = failure { () throws(InputError) in _ = try ModelBundle(bytes: bytes, path: "model") }
            #expect(error?.place.contains(place) == true, "\(to): \(error?.description ?? "accepted")")
        }
    }
}
