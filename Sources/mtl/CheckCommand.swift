import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Looks for what spoils an experiment: leaks, drift, duplicates, empty parts.",
        discussion: "Exits with 1 where a problem was found, so that a script stops there.")

    @Argument(help: "The experiment file.")
    var experiment: String

    @Option(help: "The folder of encoded rows (default: beside the experiment file, as .prepared).")
    var prepared: String?

    @OptionGroup var threads: ThreadArguments

    func run() throws {
        let settings = try Experiment(file: experiment)
        do { try check(settings) } catch let error as InputError { throw error.of(experiment) }
    }

    private func check(_ settings: Experiment) throws {
        let data = try settings.prepare(
            in: prepared ?? preparedFolder(of: experiment), threads: threads.threads, onWait: noteWaiting)
        for line in data.badRowLines { try say(line) }
        let report = try settings.report(data, threads: threads.threads)
        for note in try settings.readingNotes(data, threads: threads.threads) { try say(note) }
        try say(report.text)
        if report.findings.contains(where: { $0.severity == .problem }) { throw ExitCode(1) }
    }
}

extension PreparedData {
    /// The rows that were left out, with the first of them.
    var badRowLines: [String] {
        guard badRows.count > 0 else { return [] }
        return ["\(badRows.count) bad \(badRows.count == 1 ? "row" : "rows") left out:"]
            + badRows.examples.map { "  \($0)" }
    }
}

/// An experiment's name without its ending.
func stem(of experiment: String) -> String {
    experiment.hasSuffix(".yaml") ? String(experiment.dropLast(5)) : experiment
}

func preparedFolder(of experiment: String) -> String { "\(stem(of: experiment)).prepared" }

func noteWaiting() { note("Another run is preparing rows in this folder; waiting for it.") }
