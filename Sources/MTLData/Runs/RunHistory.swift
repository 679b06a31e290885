internal import Foundation
package import MTLEngine

/// The epochs of all seeds, in two files, a table and an object on each line, and per seed in one that TensorBoard reads.
struct RunHistory {
    private let tasks: [String]
    private var stages: [(stage: RunStage, epochs: [EpochReport])] = []
    /// The file of the one that was set last; nil where it has to be written anew.
    private var events: EventFile?

    init(tasks: [String]) { self.tasks = tasks }

    mutating func set(_ stage: RunStage, _ epochs: [EpochReport]) {
        stages.removeAll { $0.stage == stage }
        stages.append((stage, epochs))
        events = nil
    }

    /// One more epoch of the one that was set last; those that training went back before are forgotten.
    mutating func add(_ epoch: EpochReport) {
        guard let last = stages.indices.last else { return }
        if stages[last].epochs.contains(where: { $0.epoch >= epoch.epoch }) { events = nil }
        stages[last].epochs.removeAll { $0.epoch >= epoch.epoch }
        stages[last].epochs.append(epoch)
    }

    mutating func write(_ folder: RunFolder) throws(InputError) {
        if let (stage, epochs) = stages.last {
            let now = Date.now.timeIntervalSince1970
            if let events, let epoch = epochs.last {
                try events.append(epoch, now: now)
            } else {
                let path = folder.eventsPath(stage)
                try folder.makeFolder(of: path)
                events = try EventFile(path, tasks: tasks, epochs: epochs, now: now, folder)
            }
        }
        try folder.write(Array(table.utf8), to: "\(folder.path)/history.csv")
        try folder.write(lines, to: "\(folder.path)/history.jsonl")
    }

    /// A row per epoch: numbers as they are, nothing where there is none.
    private var table: String {
        let metrics = stages.flatMap(\.epochs).first?.validationMetrics ?? []
        let names = metrics.flatMap { task in task.values.map { (task.task, $0.name) } }
        var header = ["seed", "epoch", "steps", "training_seconds", "waiting_seconds", "watched_loss"]
        header += tasks.map { "training_loss_\($0)" } + tasks.map { "validation_loss_\($0)" }
        header += names.map { "validation_\($0.1.replacing(" ", with: "_"))_\($0.0)" }
        let pairs = tasks.indices.flatMap { first in (first..<tasks.count).dropFirst().map { (first, $0) } }
        let tellsWeights = stages.contains { $0.epochs.contains { $0.taskWeights != nil } }
        if tellsWeights { header += tasks.map { "weight_\($0)" } }
        let tellsCosines = stages.contains { $0.epochs.contains { $0.taskCosines != nil } }
        if tellsCosines { header += pairs.map { "cosine_\(tasks[$0.0])_\(tasks[$0.1])" } }
        // Tasks that stop one by one.
        let tellsStops = stages.contains { $0.epochs.contains { $0.stoppedTasks != nil } }
        if tellsStops { header.append("stopped_tasks") }
        let tellsRefits = stages.contains(where: \.stage.isRefit)
        if tellsRefits { header.append("refit") }
        var rows = [header]
        for (stage, epochs) in stages {
            for epoch in epochs {
                var row = ["\(stage.seed)", "\(epoch.epoch)", "\(epoch.steps)"]
                var numbers: [Double?] =
                    [epoch.trainingSeconds, epoch.waitingSeconds, epoch.watchedLoss] + epoch.trainingLosses
                    + tasks.indices.map { epoch.validationLosses?[$0] }
                    + names.map { name in
                        epoch.validationMetrics?.first { $0.task == name.0 }?.values.first {
                            $0.name == name.1
                        }?.value
                    }
                if tellsWeights { numbers += tasks.indices.map { epoch.taskWeights?[$0] } }
                if tellsCosines {
                    numbers += pairs.map { epoch.taskCosines?[$0.0 * tasks.count + $0.1] }
                }
                row += numbers.map { number in number.map { $0.isNaN ? "" : "\($0)" } ?? "" }
                if tellsStops { row.append((epoch.stoppedTasks ?? []).joined(separator: " ")) }
                if tellsRefits { row.append(stage.isRefit ? "yes" : "no") }
                rows.append(row)
            }
        }
        return rows.map { row in row.map(Quoting.csv).joined(separator: ",") + "\n" }.joined()
    }

    private var lines: [UInt8] {
        stages.flatMap { stage, epochs in
            epochs.flatMap { epoch -> [UInt8] in
                let line = EpochLine(
                    seed: stage.seed, report: epoch, tasks: tasks, isRefit: stage.isRefit)
                return ((try? RunFolder.encoder.encode(line)).map(Array.init) ?? []) + [UInt8(ascii: "\n")]
            }
        }
    }
}

/// An epoch of a seed as an object: losses and metrics by task.
package struct EpochLine: Encodable {
    let seed: UInt64
    let report: EpochReport
    let tasks: [String]
    /// Whether it is of a training on all rows.
    let isRefit: Bool

    private enum Keys: String, CodingKey {
        case refit, seed, epoch, steps, trainingSeconds = "training_seconds", waitingSeconds =
            "waiting_seconds"
        case watchedLoss = "watched_loss", training, validation, metrics
        case stoppedTasks = "stopped_tasks", weights, cosines
    }

    package init(seed: UInt64, report: EpochReport, tasks: [String], isRefit: Bool = false) {
        self.isRefit = isRefit
        self.seed = seed
        self.report = report
        self.tasks = tasks
    }

    package func encode(to encoder: any Encoder) throws {
        func named(_ values: [Double]) -> [String: Double] {
            Dictionary(zip(tasks, values).filter { !$0.1.isNaN }) { first, _ in first }
        }
        var values = encoder.container(keyedBy: Keys.self)
        try values.encode(seed, forKey: .seed)
        if isRefit { try values.encode(true, forKey: .refit) }
        try values.encode(report.epoch, forKey: .epoch)
        try values.encode(report.steps, forKey: .steps)
        try values.encode(report.trainingSeconds, forKey: .trainingSeconds)
        try values.encode(report.waitingSeconds, forKey: .waitingSeconds)
        try values.encode(report.watchedLoss, forKey: .watchedLoss)
        try values.encodeIfPresent(report.stoppedTasks, forKey: .stoppedTasks)
        try values.encode(named(report.trainingLosses), forKey: .training)
        try values.encodeIfPresent(report.validationLosses.map(named), forKey: .validation)
        try values.encodeIfPresent(report.validationMetrics?.byTask, forKey: .metrics)
        try values.encodeIfPresent(report.taskWeights.map(named), forKey: .weights)
        if let cosines = report.taskCosines {
            let rows = tasks.indices.map { named(Array(cosines[$0 * tasks.count..<($0 + 1) * tasks.count])) }
            try values.encode(Dictionary(zip(tasks, rows)) { first, _ in first }, forKey: .cosines)
        }
    }
}

extension [TaskEvaluation] {
    /// By task and metric.
    package var byTask: [String: [String: Double]] {
        Dictionary(
            map { task in
                (task.task, Dictionary(task.values.map { ($0.name, $0.value) }) { first, _ in first })
            }
        ) { first, _ in first }
    }
}
