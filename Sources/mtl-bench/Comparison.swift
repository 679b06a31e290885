import Foundation
import MTLData
import MTLEngine
import Terminal

/// Rows that a model can be trained and judged on: in memory, or prepared in a file.
protocol ComparisonRows: Sendable {
    var rowCount: Int { get }
    func fit(
        _ trainer: Trainer<Float>, validation: Self?, until rule: StoppingRule,
        progress: @escaping (TrainingProgress) -> Void
    ) throws -> TrainingReport
    func evaluate(_ trainer: Trainer<Float>) throws -> [TaskEvaluation]
}

extension Dataset: ComparisonRows where Scalar == Float {
    func fit(
        _ trainer: Trainer<Float>, validation: Self?, until rule: StoppingRule,
        progress: @escaping (TrainingProgress) -> Void
    ) throws -> TrainingReport {
        try trainer.fit(self, validation: validation, until: rule, progress: progress)
    }

    func evaluate(_ trainer: Trainer<Float>) throws -> [TaskEvaluation] { try trainer.evaluate(self) }
}

extension RowCache: ComparisonRows {
    func fit(
        _ trainer: Trainer<Float>, validation: RowCache?, until rule: StoppingRule,
        progress: @escaping (TrainingProgress) -> Void
    ) throws -> TrainingReport {
        try trainer.fit(self, validation: validation, until: rule, progress: progress)
    }

    func evaluate(_ trainer: Trainer<Float>) throws -> [TaskEvaluation] { try trainer.evaluate(self) }
}

/// What all contenders of a comparison have in common.
struct ComparisonSettings {
    let trunk: [HiddenLayer]
    let tasks: [LearningTask]
    let optimizer: Optimizer
    let batchSize: Int
    let stopping: StoppingRule
    let compute: ComputeOptions
    let seeds: [UInt64]
}

/// How one contender did: per task the metrics of each seed, and its speed.
struct ComparisonResult {
    let name: String
    var evaluations: [[TaskEvaluation]] = []
    var rowsPerSecond: [Double] = []
    var secondsToBest: [Double] = []
    var epochs: [Int] = []

    /// The mean of a task's metric over the seeds.
    func mean(_ task: String, _ metric: String) -> Double? {
        let values = evaluations.compactMap { evaluation in
            evaluation.first { $0.task == task }?.values.first { $0.name == metric }?.value
        }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}

/// The same model trained under several schedules, and every task alone, on the same rows.
struct Comparison<Rows: ComparisonRows> {
    /// The rows of one comparison, and what a model reads of them.
    struct Data {
        let training: Rows
        let validation: Rows?
        let test: Rows
        let inputs: Int
        var embedded: [EmbeddedFeature] = []
        var tables: [EmbeddingTable] = []
        var numbers: PiecewiseLinear?

        func model(trunk: [HiddenLayer], tasks: [LearningTask]) throws -> MultiTaskModel {
            try MultiTaskModel(
                inputs: inputs, embedded: embedded, tables: tables,
                featureLayers: numbers.map { [$0] } ?? [], architecture: SharedBottom(trunk: trunk),
                tasks: tasks)
        }
    }

    typealias Result = ComparisonResult

    /// Metrics closer than this share of themselves are called equal.
    private let tie = 1e-3

    let data: Data
    let settings: ComparisonSettings

    func train(_ name: ScheduleName) throws -> Result {
        var result = Result(name: name.rawValue)
        for seed in settings.seeds { try train(settings.tasks, name.schedule, seed: seed, into: &result) }
        return result
    }

    /// A model of the same size for every task alone; its speed is that of all of them, one after the other.
    func trainSingleTasks() throws -> Result {
        var result = Result(name: "single-task")
        for seed in settings.seeds {
            var alone = Result(name: "single")
            for task in settings.tasks {
                try train([task], .joint, seed: seed, title: "\(task.name) alone", into: &alone)
            }
            result.evaluations.append(alone.evaluations.flatMap { $0 })
            result.rowsPerSecond.append(1 / alone.rowsPerSecond.reduce(0) { $0 + 1 / $1 })
            result.secondsToBest.append(alone.secondsToBest.reduce(0, +))
            result.epochs.append(alone.epochs.reduce(0, +))
        }
        return result
    }

    private func train(
        _ tasks: [LearningTask], _ schedule: Schedule, seed: UInt64, title: String? = nil,
        into result: inout Result
    ) throws {
        let model = try data.model(trunk: settings.trunk, tasks: tasks)
        let trainer = try Trainer<Float>(
            model, optimizer: settings.optimizer, schedule: schedule, batchSize: settings.batchSize,
            seed: seed,
            compute: settings.compute)
        let bar = ProgressBar(title ?? result.name)
        let report = try data.training.fit(
            trainer, validation: data.validation, until: settings.stopping, progress: bar.show)
        bar.clear()
        guard report.reason != .diverged else {
            throw InputError(
                .value, at: "training, \(title ?? result.name), epoch \(report.epochs.count)",
                found: "a loss that is no number", expected: "a smaller --learning-rate")
        }
        result.evaluations.append(try data.test.evaluate(trainer))
        result.rowsPerSecond.append(report.rowsPerSecond)
        result.secondsToBest.append(report.secondsToBest)
        result.epochs.append(report.epochs.count)
    }

    // MARK: Tables

    func printSpeed(_ results: [Result]) throws {
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
        try printTable(
            ["speed", "samples/s", "epochs", "s to convergence"],
            results.map { result in
                [
                    result.name, mean(result.rowsPerSecond).abbreviated,
                    mean(result.epochs.map(Double.init)).decimals(0), mean(result.secondsToBest).decimals(2),
                ]
            })
    }

    /// One row per task and metric; `reference` comes first, as the best that could be reached.
    func printQuality(_ results: [Result], reference: (name: String, evaluations: [TaskEvaluation])?) throws {
        var rows: [[String]] = []
        for task in settings.tasks {
            let metrics = results.first?.evaluations.first?.first { $0.task == task.name }?.values ?? []
            for metric in metrics {
                var row = ["\(task.name) \(metric.name)"]
                if let reference {
                    let value = reference.evaluations.first { $0.task == task.name }?.values
                        .first { $0.name == metric.name }?.value
                    row.append(value?.decimals(4) ?? "undefined")
                }
                row += results.map { $0.mean(task.name, metric.name)?.decimals(4) ?? "undefined" }
                rows.append(row)
            }
        }
        try printTable(["test metric"] + (reference.map { [$0.name] } ?? []) + results.map(\.name), rows)
    }

    /// Which schedule won on what, in one sentence.
    func verdict(_ first: Result, _ second: Result) -> String {
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
        let fast = mean(first.secondsToBest) <= mean(second.secondsToBest) ? (first, second) : (second, first)
        let factor = mean(fast.1.secondsToBest) / mean(fast.0.secondsToBest)
        var wins: [String: [String]] = [first.name: [], second.name: []]
        for task in settings.tasks {
            guard let metric = first.evaluations.first?.first(where: { $0.task == task.name })?.values.first,
                let a = first.mean(task.name, metric.name), let b = second.mean(task.name, metric.name),
                abs(a - b) >= tie * max(abs(a), abs(b))
            else { continue }
            let winner = (a > b) == metric.higherIsBetter ? first.name : second.name
            wins[winner]?.append("\(task.name) (\(metric.name) \(a.decimals(4)) against \(b.decimals(4)))")
        }
        let quality = [first, second].compactMap { result -> String? in
            guard let won = wins[result.name], !won.isEmpty else { return nil }
            return "\(result.name) predicted better on \(won.joined(separator: ", "))"
        }
        return
            "\(fast.0.name.capitalized) training converged \(factor.decimals(1)) times as fast as \(fast.1.name); "
            + (quality.isEmpty ? "both predicted every task about as well" : quality.joined(separator: "; "))
            + "."
    }
}
