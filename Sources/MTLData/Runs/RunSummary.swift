internal import Foundation
package import MTLEngine

/// What a run's folder tells of a run, which may be one that goes on.
package struct RunSummary: Sendable {
    /// What came of a seed.
    package struct Seed: Sendable {
        package let seed: UInt64
        package let epochs: [EpochReport]
        package let bestEpoch: Int?
        /// The metrics over the test rows; nil where there are none.
        package let evaluation: [TaskEvaluation]?
        /// The watched loss of the best epoch.
        package let loss: Double
        /// Why nothing was learned.
        package let failure: String?
    }

    package let isFinished: Bool
    package let seeds: [Seed]
    /// The tasks in the experiment's order.
    package let tasks: [String]
    /// The experiment as resolved, as JSON.
    package let settings: String
    package let log: [String]
    /// The model that it ended with, where that is in the folder.
    package let modelPath: String?

    /// - Throws: `InputError` where there is no run, or its files are not as they were written.
    package init(_ folder: String) throws(InputError) {
        guard let manifest = try RunManifest.read(folder) else {
            throw InputError(
                .file, at: "\(folder)/\(RunManifest.name)", found: "no such file",
                expected: "the folder of a run: mtl train --run")
        }
        let path = "\(folder)/experiment.json"
        guard let data = FileManager.default.contents(atPath: path),
            manifest.settings == RunFolder.digest(Array(data)),
            let known = try? RunFolder.decoder.decode(RunLabels.self, from: data)
        else {
            throw InputError(
                .syntax, at: path, found: "a file that is not as it was written",
                expected: "the settings of the run")
        }
        settings = String(decoding: data, as: UTF8.self)
        tasks = known.names
        isFinished = manifest.isFinished
        seeds = manifest.outcomes.map { outcome in
            Seed(
                seed: outcome.seed, epochs: outcome.epochs, bestEpoch: outcome.bestEpoch,
                evaluation: outcome.evaluation, loss: outcome.loss,
                failure: outcome.failure.map { "\($0.place): \($0.found)" })
        }
        let text = FileManager.default.contents(atPath: "\(folder)/log.txt") ?? Data()
        log = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        let model = "\(folder)/model.safetensors"
        modelPath = FileManager.default.fileExists(atPath: model) ? model : nil
    }

    /// The seed whose epochs are shown where one is: that of the least watched loss.
    package var best: Seed? { seeds.filter { !$0.epochs.isEmpty }.min { $0.loss < $1.loss } }
}

/// The names of the labels in a run's settings, in their order.
struct RunLabels: Decodable {
    private struct Schema: Decodable {
        struct Label: Decodable { let name: String }
        let labels: [Label]
    }
    private let schema: Schema

    var names: [String] { schema.labels.map(\.name) }
}
