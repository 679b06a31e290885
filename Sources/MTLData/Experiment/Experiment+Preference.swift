internal import MTLEngine

extension Experiment {
    /// A dial needs a model that reads it and a method that draws it, and tasks that there are; told before rows are read.
    ///
    /// - Throws: `InputError` that names the setting.
    func checkPreference() throws(InputError) {
        let draws = training.balancing?.type == .cosmos
        guard let preference = model.preference else {
            guard draws else { return }
            throw InputError(
                .value, at: Balancing.Kind.place, found: "cosmos of a model that reads no preference",
                expected: "a preference in the model section, as {click: 1, buy: 1}")
        }
        let place = "model, preference"
        _ = try Preference.shares(preference, of: schema.labels.map(\.name), at: place)
        guard draws else {
            throw InputError(
                .value, at: place, found: "one that no training draws",
                expected: "balancing: cosmos in the training section, too")
        }
    }
}
