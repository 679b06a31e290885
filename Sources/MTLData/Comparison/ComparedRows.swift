package import MTLEngine

/// The rows that models are compared over: what is measured of them, and what a bootstrap draws.
package struct ComparedRows: Sendable {
    /// A metric of a task, over all rows or those of a scenario.
    package struct Measure: Sendable, Equatable {
        /// Among the model's.
        package let task: Int
        package let name: String
        /// Its name in `TaskEvaluation.values`.
        package let metric: String
        /// Nil for all rows.
        package let scenario: String?
        /// Whether it is the one that the task is judged by.
        package let isPrimary: Bool

        package var higherIsBetter: Bool { TaskEvaluation.higherIsBetter(metric) }
    }

    /// What is measured: of each task the metric that it is judged by first, then the others, then the same by scenario, of those
    /// that most rows have.
    package private(set) var measures: [Measure] = []
    /// What is drawn.
    package let units: ResampledUnits
    /// Whether groups of rows are drawn at once.
    package let hasGroups: Bool

    /// The names of tasks that no test row has a label of.
    package let unmeasured: [String]

    /// As many as `mtl evaluate --by` tells of.
    private static let mostScenarios = 20

    private let tasks: [LearningTask]
    private let labels: [[Float]]
    private var rowsOfScenario: [String: [Int]] = [:]

    /// - Parameters:
    ///   - tasks: those of the models; one of weight 0 learns nothing, and is not measured.
    ///   - answers: those of any of the models, whose labels and scenarios are taken.
    ///   - groups: the group of each row, by numbers; nil where each row is drawn by itself.
    ///   - scenarioName: of a number in `answers.scenarios`; nil for one that has no name.
    package init(
        _ tasks: [LearningTask], _ answers: Answers, groups: [Int]?, scenarioName: (Int32) -> String?
    ) {
        self.tasks = tasks
        labels = answers.labels
        hasGroups = groups != nil
        units = ResampledUnits(rows: labels.first?.count ?? 0, groups: groups)
        for (row, id) in answers.scenarios.enumerated() {
            if let name = scenarioName(id) { rowsOfScenario[name, default: []].append(row) }
        }
        let known = labels.map { $0.contains { !$0.isNaN } }
        unmeasured = zip(tasks, known).filter { $0.weight > 0 && !$1 }.map(\.0.name)
        let frequent = rowsOfScenario.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
        let scenarios = frequent.count > 1 ? frequent.prefix(Self.mostScenarios).map(\.key).sorted() : []
        for (index, task) in tasks.enumerated() where task.weight > 0 && known[index] {
            let metrics = Self.metrics(task.kind, hasGroups: hasGroups)
            func add(_ metric: String, _ scenario: String? = nil) {
                measures.append(
                    Measure(
                        task: index, name: task.name, metric: metric, scenario: scenario,
                        isPrimary: metric == metrics[0] && scenario == nil))
            }
            for metric in metrics { add(metric) }
            for scenario in scenarios {
                for metric in metrics { add(metric, scenario) }
            }
        }
    }

    /// What a kind of task is measured by, what it is judged by first.
    private static func metrics(_ kind: LearningTask.Kind, hasGroups: Bool) -> [String] {
        var names = TaskEvaluation.names(kind)
        if case .binary = kind, hasGroups { names.insert("GAUC", at: 1) }
        return names
    }

    /// What a model has of each measure.
    ///
    /// - Throws: `InputError` where its rows are not these.
    package func statistics(of answers: Answers) throws(InputError) -> [RowStatistic] {
        guard answers.labels.map(\.count) == labels.map(\.count) else {
            throw InputError(
                .shape, at: "models to compare", found: "answers for other rows",
                expected: "the same rows for all")
        }
        var found: [RowStatistic] = []
        for measure in measures {
            let rows = measure.scenario.map { rowsOfScenario[$0] ?? [] }
            guard
                let one = RowStatistic(
                    measure.metric, kind: tasks[measure.task].kind,
                    predictions: answers.predictions[measure.task], labels: labels[measure.task],
                    units: units, rows: rows)
            else {
                throw InputError(
                    .name, at: "task \"\(measure.name)\"", found: "no \(measure.metric)",
                    expected: "a metric of its kind")
            }
            found.append(one)
        }
        return found
    }
}
