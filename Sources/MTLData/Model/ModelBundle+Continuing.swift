package import MTLEngine

extension ModelBundle {
    /// The parameters that training goes on from.
    ///
    /// - Throws: `InputError` for a model of several members: no one vector does what they do together.
    package func parametersToContinue() throws(InputError) -> [Float] {
        guard members.vectors.count == 1 else {
            throw InputError(
                .value, at: "model to go on from", found: "\(members.vectors.count) members",
                expected: "a model of one, trained with \"keep: best\" and \"stop: together\"")
        }
        return members.vectors[0]
    }

    /// Whether an experiment goes on with this model: the same features, labels and layers.
    ///
    /// - Throws: `InputError` that names the first difference.
    package func check(continuing experiment: Experiment) throws(InputError) {
        func differs(_ place: String, _ found: String, _ expected: String) -> InputError {
            InputError(.value, at: place, found: found, expected: expected)
        }
        let (mine, theirs) = (preprocessor.schema, experiment.schema)
        for feature in mine.features where !theirs.features.contains(where: { $0.name == feature.name }) {
            throw differs(
                "schema, features", "no feature \"\(feature.name)\"",
                "all of the model that training goes on with")
        }
        for (index, feature) in theirs.features.enumerated() {
            guard let other = mine.features.first(where: { $0.name == feature.name }) else {
                throw differs(
                    "feature \"\(feature.name)\"", "a feature that the model does not have",
                    "one of \(mine.features.map(\.name).joined(separator: ", "))")
            }
            guard other == feature else {
                throw differs("feature \"\(feature.name)\"", "other settings than the model's", "the same")
            }
            guard mine.features[index].name == feature.name else {
                throw differs(
                    "feature \"\(feature.name)\"", "another place among the features", "the model's order")
            }
        }
        guard mine.labels.map(\.name) == theirs.labels.map(\.name),
            mine.labels.map(\.kind) == theirs.labels.map(\.kind)
        else {
            func text(_ labels: [Label]) -> String {
                labels.map { "\($0.name) (\($0.kind.rawValue))" }.joined(separator: ", ")
            }
            throw differs("schema, labels", text(theirs.labels), "the model's, \(text(mine.labels))")
        }
        for (mine, theirs) in zip(mine.labels, theirs.labels) {
            guard mine.link == theirs.link else {
                throw differs(
                    "label \"\(theirs.name)\", loss", "one that learns its \(theirs.link)",
                    "one that learns its \(mine.link), as the model's")
            }
        }
        guard mine.scenario == theirs.scenario else {
            throw differs(
                "schema, scenario", theirs.scenario ?? "none", "the model's, \(mine.scenario ?? "none")")
        }
        guard settings.means(experiment.model) else {
            throw differs("model", "other layers or options than the model's", "the same")
        }
        guard histories.map(\.name) == experiment.histories.map(\.name) else {
            throw differs(
                "histories", experiment.histories.map(\.name).joined(separator: ", "),
                "the model's, \(histories.map(\.name).joined(separator: ", "))")
        }
    }
}
