import ArgumentParser
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

/// One row per task and metric: the mean over the runs, and how far they were apart.
///
/// - Throws: `InputError` where standard output cannot be written.
func printMetrics(_ runs: [[TaskEvaluation]]) throws {
    guard let first = runs.first else { return }
    var rows: [[String]] = []
    for (task, evaluation) in first.enumerated() {
        for (index, metric) in evaluation.values.enumerated() {
            let values = runs.compactMap { run in
                run[task].values.indices.contains(index) ? run[task].values[index].value : nil
            }
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            var row = [evaluation.task, "\(evaluation.labelledRows)", metric.name, mean.decimals(4)]
            if runs.count > 1 { row.append((squares / Double(runs.count - 1)).squareRoot().decimals(4)) }
            rows.append(row)
        }
        if evaluation.values.isEmpty {
            rows.append([evaluation.task, "0", "no label", "-"] + (runs.count > 1 ? ["-"] : []))
        }
    }
    try printTable(
        ["task", "labels", "metric", runs.count > 1 ? "mean" : "value"]
            + (runs.count > 1 ? ["deviation"] : []), rows)
}
