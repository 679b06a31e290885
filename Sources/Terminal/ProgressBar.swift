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
        let loss = progress.latest.map { ", loss \($0.watchedLoss.decimals(4))" } ?? ""
        write("\r\u{1B}[K\(title): epoch \(progress.epoch) [\(bar)]\(loss)")
        drawn = true
    }

    private func tell(_ report: EpochReport?) {
        guard let report, report.epoch > toldEpoch else { return }
        toldEpoch = report.epoch
        write(
            "\(title), epoch \(report.epoch): loss \(report.watchedLoss.decimals(4)) after \(report.trainingSeconds.decimals(1)) s\n"
        )
    }

    package func clear() {
        if drawn { write("\r\u{1B}[K") }
        drawn = false
    }

    /// What a progress bar loses is no result.
    private func write(_ text: String) { try? StandardOutput.write(Array(text.utf8)) }
}
