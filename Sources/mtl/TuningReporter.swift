import Foundation
import MTLData
import MTLEngine
import Terminal

/// Says what goes on in a tuning, in one of three ways.
final class TuningReporter {
    private let style: TrainingReporter.Style
    private let plan: TuningPlan
    private let folder: String
    /// What could not be said: it ends the command once the search is over.
    private var failure: (any Error)?

    init(_ style: TrainingReporter.Style, _ plan: TuningPlan, _ folder: String) {
        self.style = style
        self.plan = plan
        self.folder = folder
    }

    private func line(_ text: String) {
        guard style == .lines else { return }
        do throws(InputError) { try say(text) } catch { failure = failure ?? error }
    }

    private func object(_ value: some Encodable) {
        guard style == .objects else { return }
        do { try printJSON(value) } catch { failure = failure ?? error }
    }

    private func named(_ values: [Double]?) -> [String: Double] {
        Dictionary(zip(plan.metrics.map(\.name), values ?? [])) { first, _ in first }
    }

    // MARK: Along the way

    func began(_ state: TuningState, _ data: PreparedData) {
        let over = state.rows.count { $0.status == .finished || $0.status == .failed }
        let rungs =
            plan.rungs.count > 1
            ? ", compared after \(plan.rungs.map(String.init).joined(separator: ", ")) epochs" : ""
        line(
            "\(plan.trials.count) trials\(rungs), by \(plan.metrics.map(\.name).joined(separator: " and "))"
                + (over > 0 ? "; \(over) of them are over" : ""))
        object(Prepared(trials: plan.trials.count, rungs: plan.rungs, wasCached: data.wasCached))
    }

    private struct Prepared: Encodable {
        var event = "prepared"
        let trials: Int
        let rungs: [Int]
        let wasCached: Bool
    }

    func took(_ event: TuningState.Event, _ state: TuningState) {
        let row = state.rows[event.trial - 1]
        let values = zip(plan.metrics, row.values ?? []).map { "\($0.name) \($1.decimals(4))" }
        let over = state.rows.count { $0.status == .finished || $0.status == .failed }
        line(
            "trial \(event.trial), \(row.status.rawValue)"
                + (event.event == .failed
                    ? ": \(row.reason ?? "")"
                    : " after epoch \(row.epochs): \(values.joined(separator: ", "))")
                + " (\(over) of \(state.rows.count) are over)")
        object(
            Trial(
                trial: event.trial, state: row.status.rawValue, epochs: row.epochs, seconds: row.seconds,
                metrics: named(row.values), reason: row.reason))
    }

    private struct Trial: Encodable {
        var event = "trial"
        let trial: Int
        let state: String
        let epochs: Int
        let seconds: Double
        let metrics: [String: Double]
        let reason: String?
    }

    func interrupted(_ signal: String) {
        Terminal.note(
            "Interrupted (\(signal)). The tuning is in \(folder): the same command with --resume goes on with it."
        )
        object(Interrupted(folder: folder, signal: signal))
    }

    private struct Interrupted: Encodable {
        var event = "interrupted"
        let folder: String
        let signal: String
    }

    // MARK: At the end

    /// - Parameter evaluations: the chosen trial's metrics on the test rows; nil where there are none.
    func finished(_ state: TuningState, _ best: Int, _ evaluations: [TaskEvaluation]?) throws {
        if style == .lines {
            try say()
            try table(Array(state.ranked.prefix(10)), state)
            if plan.metrics.count > 1 {
                try say(
                    "\nNone is better in all of \(plan.metrics.map(\.name).joined(separator: ", ")) than these:\n"
                )
                try table(state.front, state)
            }
            let why = plan.metrics.count > 1 ? ", the knee of the front" : ""
            try say(
                "\nTrial \(plan.trials[best].number) is chosen\(why). \(folder)/best.yaml is its experiment; all trials are in \(folder)/trials.csv."
            )
            if let evaluations {
                try say("\nIts metrics on the test rows, which decided nothing:\n")
                try printMetrics([evaluations])
            }
        }
        object(
            Result(
                trial: plan.trials[best].number, experiment: "\(folder)/best.yaml",
                metrics: named(state.rows[best].values), front: state.front.map { $0 + 1 },
                testMetrics: evaluations?.byTask)
        )
        if let failure { throw failure }
    }

    private func table(_ trials: [Int], _ state: TuningState) throws(InputError) {
        try printTable(
            ["trial", "state", "epochs"] + plan.metrics.map(\.name) + plan.paths,
            trials.map { index in
                let row = state.rows[index]
                return ["\(plan.trials[index].number)", row.status.rawValue, "\(row.epochs)"]
                    + (row.values ?? []).map { $0.decimals(4) }
                    + plan.paths.map { path in plan.trials[index].values[path].map(TuningPlan.text) ?? "" }
            })
    }

    private struct Result: Encodable {
        var event = "result"
        let trial: Int
        let experiment: String
        let metrics: [String: Double]
        /// Numbers of trials.
        let front: [Int]
        /// By task and metric.
        let testMetrics: [String: [String: Double]]?
    }
}
