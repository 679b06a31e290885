package import MTLEngine

extension ModelComparison {
    /// Trained models compared over the rows of a file, the first being the reference: by the tasks that all have, and a bootstrap over
    /// rows, or the groups of the first one's schema.
    ///
    /// - Parameters:
    ///   - source: raw rows with all labels, as `openSource` takes them.
    ///   - badRows: what happens to rows with a wrong cell.
    /// - Returns: the comparison, and the tasks' labels and predictions of all models, in its order of the tasks.
    /// - Throws: `InputError` that names what is wrong with the rows, or models without a task in common.
    package static func ofModels(
        _ bundles: [ModelBundle], rows source: String, badRows: BadRows, bootstrap: Bootstrap,
        compute: ComputeOptions
    ) throws(InputError) -> (comparison: ModelComparison, rows: ComparedRows, answers: [Answers]) {
        let tasks = bundles[0].model.tasks.filter { task in
            bundles.allSatisfy { $0.model.tasks.contains { $0.name == task.name && $0.kind == task.kind } }
        }
        guard !tasks.isEmpty else {
            throw InputError(
                .empty, at: "models to compare", found: "no task that all of them have",
                expected: "one or more, of the same kind")
        }
        var all: [Answers] = []
        var rows: ComparedRows?
        var statistics: [[[RowStatistic]]] = []
        for bundle in bundles {
            var options = ReadingOptions()
            options.badRows = badRows
            let found = try bundle.answers(
                bundle.open(source, options: options), badRows: badRows, compute: compute)
            let places = tasks.compactMap { task in
                bundle.model.tasks.firstIndex { $0.name == task.name }
            }
            var own = found.answers
            own.predictions = places.map { found.answers.predictions[$0] }
            own.labels = places.map { found.answers.labels[$0] }
            let scenarios = bundle.preprocessor.scenarios
            let measured =
                rows
                ?? ComparedRows(tasks, own, groups: found.groups) { id in
                    scenarios.flatMap {
                        id >= Vocabulary.reserved && Int(id) < $0.size ? $0.value(Int(id)) : nil
                    }
                }
            rows = measured
            statistics.append([try measured.statistics(of: own)])
            all.append(own)
        }
        guard let rows else {
            throw InputError(
                .empty, at: "models to compare", found: "none", expected: "two or more")
        }
        return (
            try ModelComparison(rows, statistics, bootstrap: bootstrap, isOfSeeds: false), rows, all
        )
    }
}
