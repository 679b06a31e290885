package import MTLEngine

/// A line on the terminal that says how far training is; where output is no terminal, a line per epoch, written at once.
package final class ProgressBar {
    private let title: String
    private var drawn = false
    private var toldEpoch = 0

    package init(_ title: String) { self.title = title }

    package func show(_ progress: TrainingProgress) {
        guard isTerminal else {
            tell(progress.latest)
            return
        }
        let width = 24
        let filled = Int(progress.fraction * Double(width))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        let loss = progress.latest.map { ", \(Self.judgement($0))" } ?? ""
        write(
            "\r\u{1B}[K\(title): epoch \(progress.epoch) of \(progress.epochs) [\(bar)] "
                + "\(progress.rowsPerSecond.abbreviated) rows/s, \(Self.duration(progress.secondsLeft)) left\(loss)"
        )
        drawn = true
    }

    private func tell(_ report: EpochReport?) {
        guard let report, report.epoch > toldEpoch else { return }
        toldEpoch = report.epoch
        write(
            "\(title), epoch \(report.epoch): \(Self.judgement(report))\(Self.weights(report)) after \(report.trainingSeconds.decimals(1)) s\n"
        )
    }

    /// The watched loss, and the first metric of every task.
    private static func judgement(_ report: EpochReport) -> String {
        let metrics = (report.validationMetrics ?? []).compactMap { task in
            task.values.first.map { "\(task.task) \($0.name) \($0.value.decimals(4))" }
        }
        // Of a metric more of which is better the negative is watched.
        let watched =
            report.watchedName.map { "\($0) \(report.watchedLoss.magnitude.decimals(4))" }
            ?? "loss \(report.watchedLoss.decimals(4))"
        return ([watched] + metrics.filter { $0 != watched }).joined(separator: ", ")
    }

    /// By what the tasks were multiplied, in their order.
    private static func weights(_ report: EpochReport) -> String {
        guard let weights = report.taskWeights else { return "" }
        return ", weights \(weights.map { $0.isNaN ? "-" : $0.decimals(3) }.joined(separator: " "))"
    }

    /// 12 s, 3 min 20 s, 2 h 5 min: at most, if no epoch ends training before.
    private static func duration(_ seconds: Double) -> String {
        let all = Int(min(max(0, seconds.isFinite ? seconds : 0), 1e9))
        if all < 60 { return "\(all) s" }
        return all < 3600 ? "\(all / 60) min \(all % 60) s" : "\(all / 3600) h \(all / 60 % 60) min"
    }

    package func clear() {
        if drawn { write("\r\u{1B}[K") }
        drawn = false
    }

    /// What a progress bar loses is no result.
    private func write(_ text: String) { try? StandardOutput.write(Array(text.utf8)) }
}
