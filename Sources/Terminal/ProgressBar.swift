package import MTLEngine

/// A line on the terminal that says how far training is; nothing where output is no terminal.
package final class ProgressBar {
    private let title: String
    private var drawn = false

    package init(_ title: String) { self.title = title }

    package func show(_ progress: TrainingProgress) {
        guard isTerminal else { return }
        let width = 24
        let filled = Int(progress.fraction * Double(width))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        let loss = progress.latest.map { ", loss \($0.watchedLoss.decimals(4))" } ?? ""
        write("\r\u{1B}[K\(title): epoch \(progress.epoch) [\(bar)]\(loss)")
        drawn = true
    }

    package func clear() {
        if drawn { write("\r\u{1B}[K") }
        drawn = false
    }

    /// What a progress bar loses is no result.
    private func write(_ text: String) { try? StandardOutput.write(Array(text.utf8)) }
}
