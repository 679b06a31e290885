import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing
import Yams

/// Small files as people have them, and experiments on them.
struct FieldCase {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @discardableResult
    func write(_ text: String, as name: String = "visits.csv") throws -> String {
        try folder.write(Array(text.utf8), as: name)
    }

    /// An experiment on visits.csv, by features, labels and settings of the data as YAML.
    func experiment(
        _ features: [String], label: String = "{name: click, type: binary}", data: String = "",
        roles: String = "", split: String = "{by: random, validation: 0.1, test: 0.1}",
        source: String = "visits.csv"
    ) throws -> Experiment {
        let text =
            "data: {source: \(folder.file(source))\(data.isEmpty ? "" : ", " + data)}\n"
            + "schema:\n\(roles.isEmpty ? "" : "  \(roles)\n")  features:\n"
            + features.map { "    - \($0)\n" }.joined() + "  labels:\n    - \(label)\nsplit: \(split)\n"
            + "model: {trunk: [4]}\ntraining: {epochs: 1, batch: 64}\n"
        return try YAMLDecoder().decode(Experiment.self, from: text)
    }

    /// What preparing says is wrong; nil where it goes well.
    func refusal(_ experiment: Experiment) -> InputError? {
        failure { () throws(InputError) in
            _ = try experiment.prepare(in: folder.file("prepared \(UUID().uuidString)"))
        }
    }

    func prepared(_ experiment: Experiment) throws -> PreparedData {
        try experiment.prepare(in: folder.file("prepared \(UUID().uuidString)"))
    }

    /// What init proposes for a file of the folder, its file read back, and whether training takes it.
    func proposal(
        _ name: String = "visits.csv", labels: [String] = ["click"]
    ) throws -> (proposal: SchemaProposal, experiment: Experiment, yaml: String) {
        let (source, guess) = try ReadingGuess.open(folder.file(name), labels: labels)
        let proposal = try SchemaProposal(
            source, labels: labels.map { SchemaProposal.LabelChoice($0) }, reading: guess)
        var data = DataSettings(source: folder.file(name))
        data.format = guess.format
        let yaml = proposal.yaml(data: data)
        return (proposal, try YAMLDecoder().decode(Experiment.self, from: yaml), yaml)
    }

    /// A model of an experiment, without training.
    func model(_ experiment: Experiment) throws -> ModelBundle {
        let rows = try prepared(experiment)
        let plan = try experiment.model.model(rows.preprocessor)
        let trainer = try experiment.training.trainer(plan, seed: 1)
        let path = folder.file("model.safetensors")
        try ModelBundle(rows.preprocessor, settings: experiment.model, parameters: trainer.parameters)
            .write(to: path)
        return try ModelBundle(contentsOf: path)
    }

    func predictions(
        _ model: ModelBundle, _ name: String, options: ReadingOptions = ReadingOptions()
    ) throws -> [Float] {
        var values: [Float] = []
        try model.predict(model.open(folder.file(name), options: options)) {
            (_, predictions) throws(InputError) in
            values += try predictions.values("click")
        }
        return values
    }
}

/// Visits with a price, as text, and a click that depends on it.
func visits(
    _ header: String = "price,country,click", rows: Int = 200, separator: String = ",", end: String = "\n",
    _ cells: (Int) -> [String] = { ["\(Double($0 % 50) + 0.5)", ["DE", "FR", "ZA"][$0 % 3], "\($0 % 2)"] }
) -> String {
    header + end + (0..<rows).map { cells($0).joined(separator: separator) + end }.joined()
}
