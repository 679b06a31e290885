import Charts
import MTLData
import MTLEngine
import Terminal

/// A run as a page: what it came to, how it got there, and what it began with.
struct RunReport {
    private let folder: String
    private let summary: RunSummary
    private var judged = Page(title: "")
    private var hasRows = false

    init(_ folder: String, _ summary: RunSummary) {
        self.folder = folder
        self.summary = summary
    }

    // MARK: Of rows

    /// All metrics and curves of the tasks over rows that were looked at.
    mutating func add(_ rows: LookedRows, of path: String) {
        hasRows = true
        judged.heading("On the rows of \(path)")
        judged.text(
            "\(rows.count) rows\(rows.isPart ? ", the file's first" : "")."
                + rows.report.notes.map { " \($0)." }.joined())
        let evaluations = rows.judged.map { rows.evaluation($0) }
        judged.table(["metric"] + evaluations.map(\.task), Self.byMetric(evaluations))
        judged.text("In brackets what the best constant prediction has.")
        for task in rows.judged {
            let kind = rows.model.tasks[task].kind
            let curves = TaskCurves(rows.predictions[task], rows.labels[task], kind)
            guard !curves.drawings.isEmpty else { continue }
            judged.heading("Task \(rows.model.tasks[task].name)")
            judged.drawings(curves.drawings)
        }
        addScenarios(rows)
    }

    private mutating func addScenarios(_ rows: LookedRows) {
        guard let scenarios = rows.scenarios else { return }
        var places = [[Int]](repeating: [], count: scenarios.names.count)
        for (row, scenario) in scenarios.ofRows.enumerated() { places[Int(scenario)].append(row) }
        let order = places.indices.filter { !places[$0].isEmpty }.sorted {
            places[$0].count > places[$1].count
        }
        judged.heading("Scenarios")
        var (cells, reliability): ([[String]], [LineChart]) = ([], [])
        let known = rows.judged.flatMap { rows.evaluation($0).values.map(\.name) }
        let names = Self.ofScenarios.filter(known.contains)
        for task in rows.judged {
            var lines: [LineChart.Series] = []
            for scenario in order.prefix(20) {
                let evaluation = rows.evaluation(task, rows: places[scenario])
                cells.append(
                    [scenarios.names[scenario], evaluation.task, "\(evaluation.labelledRows)"]
                        + names.map { name in
                            evaluation.values.first { $0.name == name }?.value.decimals(4) ?? "-"
                        })
                guard rows.model.tasks[task].kind == .binary, lines.count < 6 else { continue }
                lines.append(
                    LineChart.Series(
                        scenarios.names[scenario],
                        TaskCurves.reliability(
                            places[scenario].map { rows.predictions[task][$0] },
                            places[scenario].map { rows.labels[task][$0] }), isMarked: true))
            }
            guard !lines.isEmpty else { continue }
            reliability.append(TaskCurves.reliabilityChart(rows.model.tasks[task].name, lines))
        }
        judged.table(["scenario", "task", "labels"] + names, cells)
        judged.drawings(reliability.map(\.svg))
        if order.count > 20 {
            judged.text("\(order.count - 20) more scenarios are not told, those of the fewest rows.")
        }
    }

    private static let ofScenarios = ["AUC", "log loss", "accuracy", "calibration", "RMSE", "MAE"]

    /// A row per metric, a column per task.
    private static func byMetric(_ evaluations: [TaskEvaluation]) -> [[String]] {
        var names: [String] = []
        for evaluation in evaluations {
            for metric in evaluation.values where !names.contains(metric.name) { names.append(metric.name) }
        }
        let counts = ["labelled rows"] + evaluations.map { "\($0.labelledRows)" }
        return [counts]
            + names.map { name in
                [name]
                    + evaluations.map { evaluation in
                        guard let metric = evaluation.values.first(where: { $0.name == name }) else {
                            return "-"
                        }
                        let constant = evaluation.constantValues[name].map { " (\($0.decimals(4)))" } ?? ""
                        return metric.value.decimals(4) + constant
                    }
            }
    }

    /// How gates weigh their experts, and which are hardly used.
    mutating func add(_ use: ExpertUtilisation) {
        judged.heading("Experts")
        var experts: [String] = []
        for gate in use.gates {
            for name in gate.experts where !experts.contains(name) { experts.append(name) }
        }
        let cells = use.gates.map { gate in
            experts.map { name in gate.experts.firstIndex(of: name).map { gate.means[$0] } ?? .nan }
        }
        judged.drawings([
            HeatMap(
                "Mean weight of each expert by gate", rows: use.gates.map(\.name), columns: experts, cells
            ).svg
        ])
        judged.table(
            ["gate"] + experts,
            zip(use.gates, cells).map { gate, row in
                [gate.name] + row.map { $0.isNaN ? "-" : $0.decimals(3) }
            })
        var said: [String] = []
        for gate in use.gates where gate.experts.count > 1 {
            if let place = gate.means.firstIndex(where: { $0 > 0.95 }) {
                said.append("\(gate.name) has collapsed to \(gate.experts[place]).")
            }
        }
        for (expert, share) in use.loads where share < 0.05 / Double(max(1, experts.count)) {
            said.append("\(expert) is hardly used: \((100 * share).decimals(2)) % of all weight.")
        }
        judged.list(said)
    }

    /// What the features are worth.
    mutating func add(_ importances: [FeatureImportance]) {
        guard !importances.isEmpty else { return }
        judged.heading("What features are worth")
        judged.text(
            "How much worse a task's metric becomes when one feature's values are shuffled among the rows, with the 95 % interval over the shuffles. Of features that tell the same each alone may seem to be worth little."
        )
        judged.table(["feature", "task", "metric", "lost", "±"], ExplainCommand.cells(importances))
    }

    // MARK: The page

    func page() -> Page {
        var page = Page(title: "Run \(folder)")
        page.text(opening)
        addMetrics(&page)
        addCurves(&page)
        addBalance(&page)
        if hasRows { page.append(judged) }
        page.heading("Experiment")
        page.code(summary.settings)
        page.heading("Log")
        page.code(summary.log.joined(separator: "\n"))
        return page
    }

    private var opening: String {
        let seeds = summary.seeds.filter { $0.failure == nil }
        var text =
            summary.isFinished ? "The run has come to its end." : "The run goes on, or was interrupted."
        text += " Tasks: \(summary.tasks.joined(separator: ", "))."
        for seed in summary.seeds {
            if let failure = seed.failure {
                text += " Seed \(seed.seed) learned nothing: \(failure)."
            } else if let best = seed.bestEpoch {
                text += " Seed \(seed.seed): epoch \(best) of \(seed.epochs.count) is kept."
            }
        }
        if seeds.count > 1, let best = summary.best {
            text += " The least watched loss is seed \(best.seed)'s."
        }
        return text
    }

    private func addMetrics(_ page: inout Page) {
        let runs = summary.seeds.compactMap(\.evaluation)
        guard let first = runs.first else { return }
        page.heading("Metrics on the test rows")
        var cells: [[String]] = []
        for (task, evaluation) in first.enumerated() {
            for metric in evaluation.values {
                let values = runs.compactMap { run in
                    run[task].values.first { $0.name == metric.name }?.value
                }
                cells.append([
                    evaluation.task, "\(evaluation.labelledRows)",
                    evaluation.meanLabel.map { $0.decimals(4) } ?? "-", metric.name,
                    mean(values).decimals(4), runs.count > 1 ? deviation(values).decimals(4) : "-",
                    evaluation.constantValues[metric.name].map { $0.decimals(4) } ?? "-",
                ])
            }
        }
        page.table(["task", "labels", "mean label", "metric", "value", "deviation", "constant"], cells)
        page.text(
            "Value and deviation are over \(runs.count) \(runs.count == 1 ? "seed" : "seeds"). The constant is what the best constant prediction has: what a model must beat."
        )
    }

    private func addCurves(_ page: inout Page) {
        guard let best = summary.best else { return }
        page.heading("Learning curves")
        var charts = [
            LineChart(
                "Watched loss, per seed", x: "epoch", y: "loss",
                summary.seeds.filter { !$0.epochs.isEmpty }.map { seed in
                    LineChart.Series(
                        "seed \(seed.seed)", seed.epochs.map { (Double($0.epoch), $0.watchedLoss) })
                })
        ]
        for (index, task) in summary.tasks.enumerated() {
            charts.append(
                LineChart(
                    "\(task): loss, seed \(best.seed)", x: "epoch", y: "loss",
                    [
                        LineChart.Series(
                            "training", best.epochs.map { (Double($0.epoch), $0.trainingLosses[index]) }),
                        LineChart.Series(
                            "validation",
                            best.epochs.map { (Double($0.epoch), $0.validationLosses?[index] ?? .nan) }),
                    ]))
            guard
                let name = best.epochs.first?.validationMetrics?.first(where: { $0.task == task })?.values
                    .first?.name
            else { continue }
            let points = best.epochs.map { epoch -> (x: Double, y: Double) in
                let values = epoch.validationMetrics?.first { $0.task == task }?.values
                return (Double(epoch.epoch), values?.first { $0.name == name }?.value ?? .nan)
            }
            charts.append(
                LineChart(
                    "\(task): \(name), seed \(best.seed)", x: "epoch", y: name,
                    [LineChart.Series("validation", points, isMarked: points.count < 30)]))
        }
        page.drawings(charts.map(\.svg))
    }

    private func addBalance(_ page: inout Page) {
        guard let best = summary.best, best.epochs.contains(where: { $0.taskWeights != nil }) else { return }
        page.heading("Balancing")
        var drawings = [
            LineChart(
                "Mean weight of each task, seed \(best.seed)", x: "epoch", y: "weight",
                summary.tasks.enumerated().map { index, task in
                    LineChart.Series(
                        task, best.epochs.map { (Double($0.epoch), $0.taskWeights?[index] ?? .nan) })
                }
            ).svg
        ]
        if let affinity = try? RunAffinity(folder) {
            let count = affinity.tasks.count
            drawings.append(
                HeatMap(
                    "Mean cosine of the tasks' gradients", rows: affinity.tasks, columns: affinity.tasks,
                    (0..<count).map { Array(affinity.affinity[$0 * count..<($0 + 1) * count]) }
                ).svg)
        }
        page.drawings(drawings)
    }
}
