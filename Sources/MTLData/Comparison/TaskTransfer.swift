/// What each task gains by being trained with one other instead of alone, and which tasks to train together for it.
///
/// Every two tasks are trained by themselves and compared with their single-task twins (Standley et al., *Which Tasks Should Be Learned
/// Together in Multi-task Learning?*, ICML 2020). Groups are those whose pairs gain most: what three tasks do together is taken to be
/// what their pairs do, which that paper finds to hold roughly.
package struct TaskTransfer: Sendable {
    /// What a task gains with a partner.
    package struct Gain: Sendable {
        package let task: String
        package let partner: String
        package let metric: String
        /// From its twin, in the metric's unit.
        package let difference: ModelComparison.Difference
        /// The relative change, more being better.
        package let relative: Double
    }

    /// The tasks in the experiment's order, and of every two of them what each gains.
    package let tasks: [String]
    package let gains: [Gain]
    /// The partition of the tasks by the mean of what two of them gain.
    package let grouping: TaskGrouping

    /// Takes what pairs gain out of a comparison; nil where no pair was trained.
    ///
    /// - Parameter variants: those that were compared, the twins first.
    package init?(_ comparison: ModelComparison, _ variants: [ComparisonPlan.Variant]) {
        var gains: [Gain] = []
        let rows = comparison.rows.filter(\.measure.isPrimary)
        for (model, variant) in variants.dropFirst().enumerated() {
            guard let pair = variant.pair else { continue }
            for (task, partner) in [(pair[0], pair[1]), (pair[1], pair[0])] {
                guard let row = rows.first(where: { $0.measure.name == task }) else { continue }
                let change = row.differences[model].mean / row.values[0].magnitude
                gains.append(
                    Gain(
                        task: task, partner: partner, metric: row.measure.metric,
                        difference: row.differences[model],
                        relative: row.measure.higherIsBetter ? change : -change))
            }
        }
        guard !gains.isEmpty else { return nil }
        let tasks = rows.map(\.measure.name)
        func gain(_ task: String, _ partner: String) -> Double {
            gains.first { $0.task == task && $0.partner == partner }?.relative ?? .nan
        }
        let affinity = tasks.flatMap { one in
            tasks.map { one == $0 ? 1 : (gain(one, $0) + gain($0, one)) / 2 }
        }
        self.tasks = tasks
        self.gains = gains
        grouping = TaskGrouping(affinity: affinity, tasks: tasks.count)
    }
}
