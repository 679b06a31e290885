import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct ThreadArguments: ParsableArguments {
    @Option(help: "Worker threads.")
    var threads = defaultThreads

    func validate() throws {
        guard threads >= 1 else { throw ValidationError("--threads: found \(threads), expected at least 1") }
    }

    var compute: ComputeOptions { ComputeOptions(threads: threads) }
}

/// A metric in a table; counts are whole.
func metricText(_ name: String, _ value: Double) -> String {
    value.decimals(["groups", "groups left out"].contains(name) ? 0 : 4)
}

/// One row per task and metric: the mean over the runs, how far they were apart, and what the best constant has.
///
/// - Throws: `InputError` where standard output cannot be written.
func printMetrics(_ runs: [[TaskEvaluation]], beside output: String? = nil) throws {
    guard let first = runs.first else { return }
    var rows: [[String]] = []
    for (task, evaluation) in first.enumerated() {
        for (index, metric) in evaluation.values.enumerated() {
            let values = runs.compactMap { run in
                run[task].values.indices.contains(index) ? run[task].values[index].value : nil
            }
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            var row = [
                evaluation.task, "\(evaluation.labelledRows)", metric.name, metricText(metric.name, mean),
            ]
            if runs.count > 1 { row.append((squares / Double(runs.count - 1)).squareRoot().decimals(4)) }
            row.append(evaluation.constantValues[metric.name].map { $0.decimals(4) } ?? "-")
            rows.append(row)
        }
        if evaluation.values.isEmpty {
            rows.append([evaluation.task, "0", "no label", "-"] + (runs.count > 1 ? ["-"] : []) + ["-"])
        }
    }
    try printTable(
        ["task", "labels", "metric", runs.count > 1 ? "mean" : "value"]
            + (runs.count > 1 ? ["deviation"] : []) + ["constant"], rows, beside: output)
}

/// A row per value of a column, task and metric.
func printMetrics(_ column: String, _ values: [ValueEvaluation]) throws {
    let rows = values.flatMap { value in
        value.evaluations.flatMap { evaluation in
            evaluation.values.map { metric in
                [
                    value.value ?? "(missing)", evaluation.task, "\(evaluation.labelledRows)", metric.name,
                    metricText(metric.name, metric.value),
                    evaluation.constantValues[metric.name].map { $0.decimals(4) } ?? "-",
                ]
            }
        }
    }
    try printTable([column, "task", "labels", "metric", "value", "constant"], rows)
}

/// A column of metrics per named model, and what the best constant has.
func printMetrics(_ models: [(name: String, tasks: [TaskEvaluation])], beside output: String?) throws {
    guard let first = models.first?.tasks else { return }
    var rows: [[String]] = []
    for (task, evaluation) in first.enumerated() {
        for metric in evaluation.values {
            let values = models.map { model in
                model.tasks[task].values.first { $0.name == metric.name }.map {
                    metricText($0.name, $0.value)
                }
                    ?? "-"
            }
            rows.append(
                [evaluation.task, "\(evaluation.labelledRows)", metric.name] + values
                    + [evaluation.constantValues[metric.name].map { $0.decimals(4) } ?? "-"])
        }
        if evaluation.values.isEmpty {
            rows.append([evaluation.task, "0", "no label"] + models.map { _ in "-" } + ["-"])
        }
    }
    try printTable(
        ["task", "labels", "metric"] + models.map(\.name) + ["constant"], rows, beside: output)
}

/// Names of columns with commas, each once.
func columnNames(_ text: String?, option: String) throws -> [String] {
    guard let text else { return [] }
    var names: [String] = []
    // By bytes: a comma with an accent over it is a comma too.
    for part in text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
        let name = String(Substring(part))
        guard !name.allSatisfy({ $0 == " " }) else {
            throw ValidationError("\(option): found no name in \"\(text)\", expected names with commas")
        }
        guard !names.contains(name) else {
            throw ValidationError("\(option): found \"\(name)\" twice, expected names that differ")
        }
        names.append(name)
    }
    return names
}

extension InputError {
    /// The same error, which names the experiment's file where it is about a setting.
    func of(_ experiment: String) -> InputError {
        guard isOfSetting else { return self }
        return InputError(kind, at: "\(experiment), \(place)", found: found, expected: expected)
    }

    private static let settings: Set<String> = [
        "data", "history", "histories", "schema", "feature", "features", "label", "labels", "split",
        "sampling",
        "model", "training", "scenario", "scenarios", "experiment", "task", "tasks",
    ]

    /// Whether the place is a setting, as "split", "data, bad_rows" or "feature \"age\"", and not a file whose name only
    /// begins so, as "data/visits.csv, line 3" or "training-2024.csv".
    private var isOfSetting: Bool {
        let word = place.prefix { $0.isASCII && $0.isLetter }
        guard Self.settings.contains(String(word)) else { return false }
        let rest = place[word.endIndex...]
        if rest.isEmpty { return true }
        // A file may be called "data".
        if rest.hasPrefix(", line ") { return false }
        return [", ", ": ", " \"", " by ", " rows"].contains { rest.hasPrefix($0) }
            || rest.hasPrefix(" ") && rest.dropFirst().first?.isNumber == true
    }
}
