import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Judges a trained model by the rows of a file.",
        discussion: """
            One row per task and metric. Of esmm and escm2 "purchase given click" judges what is predicted of the second event once \
            the first has happened, by the rows where it has. With --by every value of a column is judged by itself, too: a scenario, a \
            country, a device. With --all: of binary labels PR-AUC, Gini, KS (the largest distance between the shares of yes and no \
            that a threshold lets through), lift (the share of yes among the highest scores over that of all), F1 at one half and at its \
            best threshold, normalised entropy (log loss over that of the mean rate), Brier score, ECE (15 bins of equal numbers) and \
            calibration (predicted over observed), and where the schema has a group NDCG, MRR, hit rate, precision and recall of \
            its ten first rows; of classes macro AUC and top-k accuracy; of numbers R², MAPE (over labels that are not 0), Spearman's \
            correlation and XAUC (the share of pairs in the right order).
            """)

    @Argument(help: "A model written by mtl train.")
    var model: String

    @Argument(help: "A file with the columns of the training file, labels included.")
    var data: String

    @Option(
        help: "A label that the file has, once per label, where it lacks others (default: it has all).")
    var label: [String] = []

    @Flag(help: "All metrics.")
    var all = false

    @Option(help: "A column whose values are judged by themselves, too; once per column.")
    var by: [String] = []

    @Option(help: "The most values of such a column, those of the most rows.")
    var values = 20

    @Flag(help: "Rows count by the weights that the schema names; without it they count alike.")
    var weighted = false

    @OptionGroup var preference: PreferenceArguments

    @Option(help: "Bad rows: refuse, or skip:SHARE, as skip:0.1%.")
    var badRows = "refuse"

    @OptionGroup var events: EventArguments
    @OptionGroup var table: TableArguments
    @OptionGroup var threads: ThreadArguments

    func validate() throws {
        guard values > 0 else { throw ValidationError("--values: found \(values), expected 1 or more") }
        if let twice = by.first(where: { name in by.filter { $0 == name }.count > 1 }) {
            throw ValidationError("--by: found \"\(twice)\" twice, expected columns that differ")
        }
    }

    func run() throws {
        let bundle = try ModelBundle(contentsOf: model)
        var options = JudgeOptions()
        (options.isDetailed, options.isWeighted) = (all, weighted)
        (options.by, options.valueLimit) = (by, values)
        options.preference = try preference.shares(bundle)
        let bad = try badRowsOption(badRows)
        let source = try bundle.open(
            data, options: table.options(badRows: bad), events: events.byHistory(bundle))
        printNotes(of: source)
        let found = try bundle.judge(
            source, labels: label.isEmpty ? nil : label, badRows: bad, options: options,
            compute: threads.compute)
        try printMetrics([found.evaluations])
        for column in by {
            try printMetrics(column, found.byValue.filter { $0.column == column })
        }
        for text in found.notes { note(text) }
        for text in found.report.notes { note("\(data): \(text)") }
    }
}

/// Says on the standard error what was found out about a source's text.
func printNotes(of source: any RowSource) {
    for text in source.notes { note("\(source.path): \(text)") }
}

/// What --bad-rows says.
func badRowsOption(_ text: String) throws -> BadRows {
    do throws(InputError) { return try DataSettings.badRows(text) } catch {
        throw ValidationError("--bad-rows: found \(error.found), expected \(error.expected)")
    }
}

/// Logs of the histories that a model was trained with.
struct EventArguments: ParsableArguments {
    @Option(
        help:
            "The log of a history, as NAME=FILE, once per history (default: the file next to the rows with the same name as the training log)."
    )
    var events: [String] = []

    func byHistory(_ bundle: ModelBundle) throws -> [String: String] {
        var logs: [String: String] = [:]
        for text in events {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, logs.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
                throw ValidationError("--events: found \"\(text)\", expected NAME=FILE, once per history")
            }
        }
        return logs
    }
}

/// How a file of rows is read.
struct TableArguments: ParsableArguments {
    @Option(help: "The names of the columns, with commas, for a file without a header.")
    var columns: String?

    @Option(
        help:
            "What stands between cells (default: what the model was trained on; a tab in .tsv and .tab files, else a comma)."
    )
    var separator: String?

    @Option(
        help: "The encoding, by a name that iconv knows (default: UTF-8, or what the model was trained on).")
    var encoding: String?

    /// What --columns says; nil for a file with a header.
    func names() throws -> [String]? { try columns.map { try columnNames($0, option: "--columns") } }

    func options(threads: Int = 1, badRows: BadRows = .refuse) throws -> ReadingOptions {
        var settings = DataSettings(source: "")
        settings.columns = try names()
        settings.format.separator = separator
        settings.format.encoding = encoding
        var options = try settings.options(threads: threads)
        options.badRows = badRows
        return options
    }
}
