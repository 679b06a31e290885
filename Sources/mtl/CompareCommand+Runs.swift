import ArgumentParser
import Foundation
import MTLData
import MTLEngine
import Terminal

extension CompareCommand {
    // MARK: Side by side

    /// Compares finished runs: by the test metrics that they were judged by, or their models by the rows of a file.
    func compareRuns(_ paths: [String]) throws {
        guard Set(paths).count == paths.count else {
            throw ValidationError("runs: found one of them twice, expected runs that differ")
        }
        guard let rows else { return try compareMetrics(paths) }
        var bundles: [ModelBundle] = []
        for path in paths { bundles.append(try ModelBundle(contentsOf: "\(path)/model.safetensors")) }
        let threads = max(1, ProcessInfo.processInfo.activeProcessorCount)
        let found = try ModelComparison.ofModels(
            bundles, rows: rows, badRows: badRowsOption(badRows), bootstrap: bootstrap(threads: threads),
            compute: ComputeOptions(threads: threads))
        let sides = zip(paths, bundles).map {
            ComparisonResult.Side(name: $0, parameters: ModelSummary($1.model).parameters)
        }
        var result = ComparisonResult(
            found.comparison, sides, wording: .models, found.rows, resamples: resamples,
            sentences: found.comparison.relative.indices.map {
                ComparisonSentence.models.text(paths[$0 + 1], found.comparison, model: $0)
            })
        // DeLong's test takes rows as drawn each by itself.
        if !found.rows.hasGroups { try addDelong(&result, found) }
        if style == .lines {
            try ComparisonReporter.show(result)
            try say(
                "\nIntervals are of 95 %, of the \(result.drawn) of \(rows) (drawn \(resamples) times); what another seed would be they do not say."
            )
            try say("")
            for sentence in result.sentences { try say(sentence) }
        } else if style == .objects {
            try printJSON(result)
        }
    }

    private func addDelong(
        _ result: inout ComparisonResult,
        _ found: (comparison: ModelComparison, rows: ComparedRows, answers: [Answers])
    ) throws {
        for (index, row) in found.comparison.rows.enumerated()
        where row.measure.metric == "AUC" && row.measure.isPrimary {
            let task = row.measure.task
            for (model, side) in result.sides.enumerated().dropFirst() {
                let test = AreaComparison(
                    first: found.answers[0].predictions[task],
                    second: found.answers[model].predictions[task], labels: found.answers[0].labels[task])
                result.measures[index].differences[side.name]?.delongP = test?.pValue
            }
        }
    }

    private struct RunTable: Encodable {
        struct Row: Encodable {
            let task: String
            let metric: String
            /// Per run, means over its seeds; nil where it has none.
            let values: [Double?]
            /// From the first run, of each after it.
            let differences: [Double?]
            /// Over the seeds, where all runs have the same ones, two or more.
            let intervals: [ComparisonResult.Bounds?]
        }

        var event = "result"
        let runs: [String]
        let rows: [Row]
    }

    private func compareMetrics(_ paths: [String]) throws {
        var runs: [FinishedRun] = []
        for path in paths { runs.append(try FinishedRun(path)) }
        for run in runs.dropFirst() { try runs[0].check(isComparableWith: run) }
        var cells: [[String]] = []
        var rows: [RunTable.Row] = []
        for (task, metric) in runs[0].measures {
            let values = runs.map { $0.mean(task, metric) }
            let differences = values.dropFirst().map { value in
                value.flatMap { value in values[0].map { value - $0 } }
            }
            let intervals = runs.dropFirst().map { $0.difference(from: runs[0], task, metric) }
            rows.append(
                RunTable.Row(
                    task: task, metric: metric, values: values, differences: Array(differences),
                    intervals: intervals.map { ComparisonResult.Bounds($0) }))
            var row = [task, metric, values[0]?.decimals(4) ?? "-"]
            for (index, value) in values.dropFirst().enumerated() {
                let half = intervals[index].map { " ± \($0.halfWidth.decimals(4))" } ?? ""
                row += [
                    value?.decimals(4) ?? "-",
                    differences[index].map { "\($0 < 0 ? "" : "+")\($0.decimals(4))\(half)" } ?? "-",
                ]
            }
            cells.append(row)
        }
        if style == .objects { return try printJSON(RunTable(runs: paths, rows: rows)) }
        guard style == .lines else { return }
        try printTable(
            ["task", "metric", paths[0]] + paths.dropFirst().flatMap { [$0, "difference"] }, cells)
        try say(
            rows.contains { $0.intervals.contains { $0 != nil } }
                ? "\nBehind ± stands half of Student's interval of 95 % over the seeds; --rows FILE has intervals of rows, too."
                : "\nA difference says little without an interval: --rows FILE has one of rows.")
    }

    // MARK: A gate

    private struct GateResult: Encodable {
        struct Fall: Encodable {
            let run: String
            let task: String
            let metric: String
            let baseline: Double
            let value: Double?
            let tolerance: Double
        }

        var event = "result"
        let baseline: String
        let runs: [String]
        let failures: [Fall]
    }

    /// Ends with status 1 where a run is worse than the baseline by more than is tolerated.
    func check(_ paths: [String], _ baseline: String) throws {
        guard let gate = try gate() else { return }
        let before = try FinishedRun(baseline)
        do throws(InputError) { _ = try gate.measures(of: before) } catch {
            throw ValidationError("\(error.place): found \(error.found), expected \(error.expected)")
        }
        var falls: [GateResult.Fall] = []
        for path in paths {
            falls += try gate.failures(of: FinishedRun(path), baseline: before).map {
                GateResult.Fall(
                    run: path, task: $0.task, metric: $0.metric, baseline: $0.baseline, value: $0.value,
                    tolerance: $0.tolerance)
            }
        }
        if style == .objects {
            try printJSON(GateResult(baseline: baseline, runs: paths, failures: falls))
        }
        for fall in falls {
            let now = fall.value.map {
                "\($0.decimals(4)) where \(baseline) has \(fall.baseline.decimals(4))"
            }
            note(
                "\(fall.run), task \"\(fall.task)\", \(fall.metric): found \(now ?? "none"), expected a loss of at most \(fall.tolerance)"
            )
        }
        guard falls.isEmpty else { throw ExitCode(1) }
        if style == .lines {
            try say("No metric fell behind \(baseline) by more than is tolerated.")
        }
    }
}
