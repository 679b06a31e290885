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

    @Flag(help: "All metrics.")
    var all = false

    @Option(help: "A column whose values are judged by themselves, too; once per column.")
    var by: [String] = []

    @Option(help: "The most values of such a column, those of the most rows.")
    var values = 20

    @Option(
        help:
            "A column, such as the product or its category: what of its values is seen where each of the schema's groups is shown its rows of the highest predictions; once per column."
    )
    var exposure: [String] = []

    @Option(help: "How many rows a group is shown, for --exposure.")
    var shown = 10

    @Flag(help: "Rows count by the weights that the schema names; without it they count alike.")
    var weighted = false

    @Flag(
        help:
            "Judges block by block, in memory that does not grow with the rows: what asks for the order of scores is read off a histogram, and how far AUC may be off is told. Without GAUC, order within groups, Spearman, XAUC, macro AUC, medians."
    )
    var streamed = false

    @OptionGroup var preference: PreferenceArguments

    @OptionGroup var labelled: LabelledRowsArguments
    @OptionGroup var threads: ThreadArguments

    func validate() throws {
        guard values > 0 else { throw ValidationError("--values: found \(values), expected 1 or more") }
        if let twice = by.first(where: { name in by.filter { $0 == name }.count > 1 }) {
            throw ValidationError("--by: found \"\(twice)\" twice, expected columns that differ")
        }
        for (name, columns) in [("--by", by), ("--exposure", exposure)] where streamed && !columns.isEmpty {
            throw ValidationError("\(name): found --streamed too, expected one of them")
        }
        guard shown > 0 else { throw ValidationError("--shown: found \(shown), expected 1 or more") }
        if let twice = exposure.first(where: { name in exposure.filter { $0 == name }.count > 1 }) {
            throw ValidationError("--exposure: found \"\(twice)\" twice, expected columns that differ")
        }
    }

    func run() throws {
        let bundle = try ModelBundle(contentsOf: model)
        var options = JudgeOptions()
        (options.isDetailed, options.isWeighted) = (all, weighted)
        options.isStreamed = streamed
        (options.by, options.valueLimit) = (by, values)
        (options.exposure, options.shown) = (exposure, shown)
        options.preference = try preference.shares(bundle)
        let found = try bundle.judge(
            labelled.open(data, of: bundle), labels: labelled.labels, badRows: labelled.policy(),
            options: options, compute: threads.compute)
        try printMetrics([found.evaluations])
        for column in by {
            try printMetrics(column, found.byValue.filter { $0.column == column })
        }
        if !found.exposures.isEmpty {
            try say()
            try printTable(
                ["column", "task", "values", "shown", "coverage", "Gini", "diversity"],
                found.exposures.map {
                    [
                        $0.column, $0.task, "\($0.values)", "\($0.shownValues)", $0.coverage.decimals(4),
                        $0.gini.decimals(4), $0.diversity?.decimals(4) ?? "-",
                    ]
                })
        }
        for text in found.notes { note(text) }
        for text in found.report.notes { note("\(data): \(text)") }
    }
}
