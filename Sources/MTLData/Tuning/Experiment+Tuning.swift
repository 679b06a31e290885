internal import Foundation
package import MTLEngine

extension Experiment {
    /// The same, whose files are found from anywhere.
    ///
    /// - Parameter folder: the one that its paths begin at, with its own path from the root.
    package func withPaths(from folder: String) -> Experiment {
        func whole(_ source: String) -> String {
            guard let path = SourceFiles.path(of: source), !path.hasPrefix("/") else { return source }
            guard source.hasPrefix(SQLiteSource.scheme) else { return "\(folder)/\(path)" }
            // Paths of this form escape what would end them.
            let escaped = folder.replacing("%", with: "%25").replacing("?", with: "%3F")
            return "\(SQLiteSource.scheme)\(escaped)/\(source.dropFirst(SQLiteSource.scheme.count))"
        }
        var experiment = self
        experiment.data.source = whole(data.source)
        experiment.data.test = data.test.map(whole)
        for (index, own) in data.taskSources.enumerated() {
            experiment.data.taskSources[index].source = whole(own.source)
            experiment.data.taskSources[index].test = own.test.map(whole)
        }
        for index in histories.indices { experiment.histories[index].events = whole(histories[index].events) }
        return experiment
    }

    /// Judges a model that was trained by this experiment on its test rows, which no trial has seen.
    ///
    /// - Returns: nil where there are none.
    /// - Throws: `InputError` where the model is not that of these rows.
    package func judge(
        _ model: ModelBundle, _ data: PreparedData, compute: ComputeOptions
    ) throws(InputError) -> [TaskEvaluation]? {
        guard let test = data.test else { return nil }
        return try model.predictor(compute).evaluate(test, groups: testGroups(data, threads: compute.threads))
    }
}
