internal import MTLEngine

/// One of the things that trials are compared by: a metric or the loss of a task, or the weighted loss of all.
package struct TuningMetric: Sendable, Equatable {
    /// Nil for the weighted loss of all tasks.
    package let task: String?
    /// Its name in `TaskEvaluation.values`; nil for a loss.
    package let metric: String?

    /// As a table calls it.
    package var name: String { task.map { "\($0) \(metric ?? "loss")" } ?? "weighted loss" }

    /// A value such that less is better.
    package func cost(_ value: Double) -> Double {
        metric.map(TaskEvaluation.higherIsBetter) == true ? -value : value
    }

    /// What an epoch is to be judged by for the same.
    var watched: WatchSettings? { task.map { WatchSettings(task: $0, metric: metric) } }

    /// What a file asks for, of the labels of an experiment.
    ///
    /// - Throws: `InputError` that names the task or metric.
    static func metrics(
        _ settings: TuningSettings, of experiment: Experiment
    ) throws(InputError) -> [TuningMetric] {
        var metrics: [TuningMetric] = []
        let asked =
            settings.metrics.isEmpty ? [experiment.training.watch].compactMap { $0 } : settings.metrics
        for (index, watch) in asked.enumerated() {
            let place = settings.metrics.isEmpty ? "training, watch" : "metrics.[\(index)]"
            let task = watch.task ?? ""
            guard let label = experiment.schema.labels.first(where: { $0.name == task }) else {
                throw InputError(
                    .name, at: place, found: "no task \"\(task)\"",
                    expected: "one of \(experiment.schema.labels.map(\.name).joined(separator: ", "))")
            }
            let known = TaskEvaluation.names(label.taskKind(classes: 2))
            let metric = known.first { $0.lowercased() == watch.metric?.lowercased() }
            guard watch.metric == nil || metric != nil else {
                throw InputError(
                    .name, at: place, found: "\"\(watch.metric ?? "")\"",
                    expected: "a metric of task \"\(task)\": \(known.joined(separator: ", "))")
            }
            let one = TuningMetric(task: task, metric: metric)
            guard !metrics.contains(one) else {
                throw InputError(.name, at: place, found: "\(one.name) twice", expected: "each once")
            }
            metrics.append(one)
        }
        if metrics.isEmpty { metrics = [TuningMetric(task: nil, metric: nil)] }
        for metric in metrics { try metric.check(isComparableIn: settings.space) }
        return metrics
    }

    /// Settings that make another loss of one: watched losses of classes are plain ones, whatever their weights and focus.
    private static let definitions = ["huber_delta", "power"]

    /// Losses whose definition is searched are not of one kind.
    private func check(isComparableIn space: SearchSpace) throws(InputError) {
        // A deviance is one of its power.
        guard metric == nil || metric == "deviance" else { return }
        let definitions = metric == nil ? Self.definitions : ["power"]
        for (path, _) in space.settings where path.hasPrefix("schema.labels.") {
            let isOfLoss = definitions.contains { path.hasSuffix(".\($0)") }
            let isOfSum = task == nil && (path.hasSuffix(".weight") || isOfLoss)
            guard isOfSum || isOfLoss && path.hasPrefix("schema.labels.\(task ?? "").") else { continue }
            throw InputError(
                .value, at: "metrics", found: "the \(name), and \(path), which changes what it is",
                expected: "metrics that mean the same in every trial, such as AUC, log loss or RMSE")
        }
    }
}
