extension Trainer {
    /// Every task's metrics over a dataset, with the parameters as they are now: the last of `members`.
    ///
    /// - Throws: `InputError` where the dataset does not fit the model or a label is out of range.
    public func evaluate(_ dataset: Dataset<Scalar>) throws(InputError) -> [TaskEvaluation] {
        try evaluate(dataset, tasks: Array(model.tasks.indices))
    }

    /// The metrics of some tasks, by their places.
    func evaluate(_ dataset: Dataset<Scalar>, tasks: [Int]) throws(InputError) -> [TaskEvaluation] {
        let judged = tasks.map { model.tasks[$0] }
        _ = try BatchSource(dataset, for: model, tasks: Set(judged.map(\.name)))
        let predictions = try predict(dataset)
        var evaluations: [TaskEvaluation] = []
        for task in judged {
            evaluations.append(
                TaskEvaluation(
                    task: task.name, kind: task.kind, predictions: try predictions.values(task.name),
                    labels: try dataset.labels(task.name)))
        }
        return evaluations
    }
}

extension Trainer {
    /// The mean weight of every expert in every gate, over all rows and over each scenario's.
    ///
    /// - Throws: `InputError` where the model has no gates or the dataset does not fit it.
    public func expertUtilisation(of dataset: Dataset<Scalar>) throws(InputError) -> ExpertUtilisation {
        try ExpertUtilisation(dataset, model: model, inference: inference)
    }
}
