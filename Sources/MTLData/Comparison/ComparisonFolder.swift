internal import Foundation
package import MTLEngine

/// The folder of a comparison, which one process has at a time: a run folder for each training, and what came of them.
package final class ComparisonFolder {
    package let path: String
    private let lock: FolderLock

    /// Makes the folder where there is none, and takes it for this process.
    ///
    /// - Throws: `InputError` where it cannot be made, holds other files, or another process has it, which is named.
    package init(_ path: String) throws(InputError) {
        self.path = path
        lock = try FolderLock(path, ofA: "comparison", marker: ".mtl-compare", inner: "runs")
    }

    /// The rows of all runs.
    package var preparedPath: String { "\(path)/prepared" }
    /// What came of it.
    package var resultPath: String { "\(path)/comparison.json" }

    /// A run folder; beside it are its experiment (.yaml) and what its process said (.errors).
    package func runPath(_ variant: ComparisonPlan.Variant, seed: UInt64) -> String {
        "\(path)/runs/\(variant.name)-\(seed)"
    }

    /// Whether a run is there that came to its end, of the same settings and rows.
    ///
    /// - Throws: `InputError` that names the first setting, or the rows, that are not those of the run that is there, or what is
    ///   damaged.
    package func isFinished(
        _ run: String, _ experiment: Experiment, _ data: PreparedData
    ) throws(InputError) -> Bool {
        guard let manifest = try RunManifest.read(run) else { return false }
        var said = experiment
        said.model = experiment.model.ofFile
        let (text, path) = (RunFolder.text(said), "\(run)/experiment.json")
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw InputError(
                .file, at: path, found: "nothing", expected: "the settings of the run")
        }
        guard Array(text.utf8) == Array(bytes) else {
            throw RunFolder.difference(text, String(decoding: bytes, as: UTF8.self), run)
        }
        guard manifest.rows == TrainingRun.identity(data, nil) else {
            throw InputError(
                .value, at: run, found: "rows that are not those that the run began with",
                expected: "the same data; compare in another folder")
        }
        return manifest.isFinished && FileManager.default.fileExists(atPath: "\(run)/model.safetensors")
    }

    /// Writes the experiment of a run.
    ///
    /// - Returns: its file.
    package func write(_ experiment: Experiment, of run: String) throws(InputError) -> String {
        try write(Array(SettingTree(experiment).yaml.utf8), to: "\(run).yaml")
        return "\(run).yaml"
    }

    /// Writes what came of it.
    package func write(result: [UInt8]) throws(InputError) { try write(result, to: resultPath) }

    private func write(_ bytes: [UInt8], to path: String) throws(InputError) {
        let file = try FileOutput(path, access: .personal)
        try file.write(bytes)
        try file.finish()
    }
}

/// What a run of a comparison took.
package struct RunCost: Sendable, Equatable {
    /// Of its steps, all epochs.
    package let seconds: Double
    package let epochs: Int

    /// Reads the folder of a run that came to its end.
    ///
    /// - Throws: `InputError` where it did not, or its seed learned nothing.
    package init(_ run: String) throws(InputError) {
        let outcome = try RunManifest.read(run)?.outcomes.first
        if let failure = outcome?.failure { throw failure.error }
        guard let last = outcome?.epochs.last else {
            throw InputError(.empty, at: run, found: "a run without an end", expected: "one that came to it")
        }
        (seconds, epochs) = (last.trainingSeconds, last.epoch)
    }
}

extension Experiment {
    /// The test rows of a comparison: tasks, groups and scenarios of them, with the labels that a model's answers have.
    ///
    /// - Parameters:
    ///   - answers: those of any of the models.
    ///   - model: that one.
    /// - Throws: what the reading of the groups throws.
    package func comparedRows(
        _ data: PreparedData, _ answers: Answers, of model: MultiTaskModel, threads: Int
    ) throws(InputError) -> ComparedRows {
        let groups = try testGroups(data, threads: threads)
        let names = data.preprocessor.scenarios
        return ComparedRows(model.tasks, answers, groups: groups) { id in
            names.flatMap { id >= Vocabulary.reserved && Int(id) < $0.size ? $0.value(Int(id)) : nil }
        }
    }
}
