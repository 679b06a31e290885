import Foundation
import MTLData
import MTLEngine
import Terminal

/// Says what goes on in a training, in one of three ways.
final class TrainingReporter {
    enum Style {
        /// Lines for people.
        case lines
        /// Nothing but what went wrong.
        case quiet
        /// An object per event, on a line of its own.
        case objects
    }

    private let style: Style
    private let tasks: [String]
    /// Where the model goes: what is said keeps out of it.
    private let output: String
    private var bar: ProgressBar?
    private var told: (seed: UInt64, isRefit: Bool, epoch: Int)?
    /// What could not be said: it ends the command once the training is over.
    private(set) var failure: InputError?

    init(_ style: Style, tasks: [String], output: String) {
        self.style = style
        self.tasks = tasks
        self.output = output
    }

    private func line(_ text: String) {
        guard style == .lines else { return }
        do throws(InputError) { try tell(text, beside: output) } catch { failure = failure ?? error }
    }

    private func object(_ value: some Encodable) {
        guard style == .objects else { return }
        do {
            try printJSON(value)
        } catch {
            failure =
                failure ?? error as? InputError
                ?? InputError(.value, at: "--json", found: "\(error)", expected: "numbers that JSON holds")
        }
    }

    // MARK: Before the first step

    func prepared(_ data: PreparedData, seconds: Double) {
        let parts = [
            ("to learn from", data.training), ("to watch", data.validation), ("to judge by", data.test),
        ]
        let rows = parts.map { "\($1?.rowCount ?? 0) \($0)" }.joined(separator: ", ")
        let how = data.wasCached ? "prepared before" : "prepared in \(seconds.decimals(1)) s"
        line(
            "\(rows) (\(how)); \(data.preprocessor.denseNames.count) dense features, "
                + "\(data.preprocessor.embedded.count) embedded ones.")
        data.badRowLines.forEach(line)
        object(
            Prepared(
                trainingRows: data.training.rowCount, validationRows: data.validation?.rowCount ?? 0,
                testRows: data.test?.rowCount ?? 0, badRows: data.badRows.count, wasCached: data.wasCached,
                seconds: seconds))
    }

    private struct Prepared: Encodable {
        var event = "prepared"
        let trainingRows, validationRows, testRows, badRows: Int
        let wasCached: Bool
        let seconds: Double
    }

    // MARK: Along the way

    func note(_ text: String) {
        line(text)
        object(Note(text: text))
    }

    private struct Note: Encodable {
        var event = "note"
        let text: String
    }

    func handle(_ event: TrainingRun.Event) {
        switch event {
        case .note(let text): note(text)
        case .progress(let seed, let progress): show(progress, seed, isRefit: false)
        case .refitting(let seed, let progress): show(progress, seed, isRefit: true)
        case .refitted(let seed, let report):
            bar?.clear()
            bar = nil
            line("on training and validation rows together, \(summary(report, seed))")
            object(
                RefitEnd(
                    seed: seed, reason: "\(report.reason)", epochs: report.epochs.count,
                    trainingSeconds: report.epochs.last?.trainingSeconds))
        case .finished(let seed, let report):
            bar?.clear()
            bar = nil
            line(summary(report, seed))
            if report.sources.count > 1 { line(Self.sources(report)) }
            object(
                Seed(
                    seed: seed, reason: "\(report.reason)", epochs: report.epochs.count,
                    bestEpoch: report.bestEpoch, trainingSeconds: report.epochs.last?.trainingSeconds,
                    tasks: report.tasks.isEmpty
                        ? nil
                        : Dictionary(report.tasks.map { ($0.task, TaskEnd($0, report.reason)) }) { first, _ in
                            first
                        },
                    sources: report.sources.map {
                        Source(tasks: $0.tasks, rows: $0.rows, passes: $0.passes)
                    }))
        }
    }

    private struct RefitEnd: Encodable {
        var event = "refit"
        let seed: UInt64
        let reason: String
        let epochs: Int
        let trainingSeconds: Double?
    }

    private func show(_ progress: TrainingProgress, _ seed: UInt64, isRefit: Bool) {
        if style == .lines {
            let shown = bar ?? ProgressBar("seed \(seed)\(isRefit ? " on all rows" : "")")
            bar = shown
            shown.show(progress)
        }
        guard progress.fraction == 1, let epoch = progress.latest,
            told ?? (0, false, 0) != (seed, isRefit, epoch.epoch)
        else { return }
        told = (seed, isRefit, epoch.epoch)
        object(EpochEvent(epoch: EpochLine(seed: seed, report: epoch, tasks: tasks, isRefit: isRefit)))
    }

    private struct EpochEvent: Encodable {
        let epoch: EpochLine

        private enum Keys: String, CodingKey { case event }

        func encode(to encoder: any Encoder) throws {
            try epoch.encode(to: encoder)
            var values = encoder.container(keyedBy: Keys.self)
            try values.encode("epoch", forKey: .event)
        }
    }

    private struct Seed: Encodable {
        var event = "seed"
        let seed: UInt64
        let reason: String
        let epochs: Int
        let bestEpoch: Int?
        let trainingSeconds: Double?
        /// Where each task stopped by itself.
        let tasks: [String: TaskEnd]?
        let sources: [Source]
    }

    private struct TaskEnd: Encodable {
        let bestEpoch: Int?
        let stoppedAfter: Int?
        let reason: String

        init(_ task: TaskOutcome, _ reason: TrainingReport.Reason) {
            (bestEpoch, stoppedAfter) = (task.bestEpoch, task.stoppedAfter)
            self.reason = task.stoppedAfter == nil ? "\(reason)" : "converged"
        }
    }

    private struct Source: Encodable {
        let tasks: [String]
        let rows: Int
        let passes: Double
    }

    private func summary(_ report: TrainingReport, _ seed: UInt64) -> String {
        guard let last = report.epochs.last else { return "seed \(seed): \(report.summary)" }
        let waiting = 100 * last.waitingSeconds / max(1e-9, last.trainingSeconds + last.waitingSeconds)
        return "seed \(seed): \(report.summary); \(report.rowsPerSecond.abbreviated) rows/s, "
            + "\(waiting.decimals(1)) % of the time waiting for rows"
    }

    /// What each file's rows were taken for.
    private static func sources(_ report: TrainingReport) -> String {
        "  "
            + report.sources.map { source in
                "\(source.tasks.joined(separator: ", ")): \(source.rows) rows in \(source.passes.decimals(1)) passes"
            }.joined(separator: "; ")
    }

    // MARK: At the end

    func finished(_ run: TrainingRun, seeds: Int) throws {
        if let failure { throw failure }
        if style == .lines, !run.evaluations.isEmpty {
            line("")
            let more = [("averaged", run.averageEvaluation), ("on all rows", run.refitEvaluation)]
                .compactMap { name, found in found.map { (name, $0) } }
            if !more.isEmpty {
                try printMetrics(
                    zip(run.evaluatedSeeds.map { "seed \($0)" }, run.evaluations).map { ($0, $1) } + more,
                    beside: output)
            } else {
                try printMetrics(run.evaluations, beside: output)
            }
        }
        let kept = run.keptSeeds.map { "\($0)" }.joined(separator: ", ")
        let whose =
            run.keptSeeds.count > 1
            ? " It averages the predictions of seeds \(kept)."
            : seeds > 1 ? " It is that of seed \(run.seed), which is best by what is watched." : ""
        let rows =
            run.refitEpochs.map { epochs in
                let text = epochs.map { "\($0)" }.joined(separator: ", ")
                return epochs.contains { $0 > 0 }
                    ? " It learned from training and validation rows together, \(text) \(epochs == [1] ? "epoch" : "epochs")."
                    : ""
            } ?? ""
        line("\nThe model is in \(output).\(whose)\(rows)")
        object(
            Result(
                model: output, seed: run.seed, seeds: run.keptSeeds,
                testMetrics: run.evaluations.map(\.byTask),
                averagedMetrics: run.averageEvaluation?.byTask, refitEpochs: run.refitEpochs,
                refitMetrics: run.refitEvaluation?.byTask))
        if let failure { throw failure }
    }

    private struct Result: Encodable {
        var event = "result"
        let model: String
        let seed: UInt64
        /// The seeds whose parameters it has.
        let seeds: [UInt64]
        /// Per seed that learned something, by task and metric.
        let testMetrics: [[String: [String: Double]]]
        /// Those of several seeds' averaged predictions.
        let averagedMetrics: [String: [String: Double]]?
        /// Per kept seed its epochs on training and validation rows together, 0 where that was left out.
        let refitEpochs: [Int]?
        /// The metrics of what the model holds then.
        let refitMetrics: [String: [String: Double]]?
    }

    func paused(_ run: String, epochs: Int) throws {
        line("Paused after epoch \(epochs). The run is in \(run): --resume goes on with it.")
        object(Paused(run: run, epochs: epochs))
        if let failure { throw failure }
    }

    private struct Paused: Encodable {
        var event = "paused"
        let run: String
        let epochs: Int
    }

    func interrupted(_ run: String, signal: String) {
        Terminal.note(
            "Interrupted (\(signal)). The run is in \(run): the same command with --resume goes on with it.")
        object(Interrupted(run: run, signal: signal))
    }

    private struct Interrupted: Encodable {
        var event = "interrupted"
        let run: String
        let signal: String
    }
}
