import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Which features a model's predictions rest on.",
        discussion: """
            Permutation importance: how much worse a task's metric becomes when the values of one feature are shuffled among the rows, with \
            the 95 % interval over the shuffles. Of features that tell the same each alone may seem to be worth little. Take rows that the \
            model did not learn from.

            With --row the predictions of single rows instead, which need no labels: what each feature adds to the mean prediction of the \
            other rows, or takes from it (Shapley values by sampling). All of them sum to the row's prediction less that mean: of a \
            binary task in logits, of classes in the logarithm of the most probable one, else in the label's unit.
            """)

    @Argument(help: "A model written by mtl train.")
    var model: String

    @Argument(help: "A file with the columns of the training file; without --row labels included.")
    var data: String

    @Option(help: "How often each feature is shuffled, 2 to 30.")
    var repeats = 5

    @Option(help: "A row whose predictions are taken apart, counted from 1; once per row.")
    var row: [Int] = []

    @Option(
        help: "With --row: how many of the other rows take over its values, each in two orders; 2 to 10000.")
    var draws = 1000

    @Option(help: "Of the shuffles and draws.")
    var seed: UInt64 = 1

    @Option(help: "The most rows to look at, the file's first.")
    var rows = 20_000

    @Flag(help: "Writes one object instead of a table.")
    var json = false

    @OptionGroup var labelled: LabelledRowsArguments
    @OptionGroup var threads: ThreadArguments

    private struct Importance: Encodable {
        let feature, task, metric: String
        let loss, margin: Double
    }

    private struct Importances: Encodable {
        let model: String
        let rows, repeats: Int
        let importances: [Importance]
    }

    func validate() throws {
        guard (2...30).contains(repeats) else {
            throw ValidationError("--repeats: found \(repeats), expected 2 to 30")
        }
        guard rows > 0 else { throw ValidationError("--rows: found \(rows), expected 1 or more") }
        guard (2...10_000).contains(draws) else {
            throw ValidationError("--draws: found \(draws), expected 2 to 10000")
        }
        guard let first = row.first else { return }
        guard row.allSatisfy((1...rows).contains) else {
            throw ValidationError(
                "--row: found \(row.first { !(1...rows).contains($0) } ?? first), expected 1 to --rows, \(rows)"
            )
        }
        guard labelled.label.isEmpty else {
            throw ValidationError(
                "--label: found it with --row, which looks at no labels, expected one of them")
        }
    }

    func run() throws {
        let bundle = try ModelBundle(contentsOf: model)
        guard row.isEmpty else { return try itemise(bundle) }
        let looked = try bundle.look(
            at: labelled.open(data, of: bundle), labels: labelled.labels, badRows: labelled.policy(),
            limit: rows, compute: threads.compute)
        let found = try bundle.importances(looked, repeats: repeats, seed: seed, compute: threads.compute)
        for text in looked.report.notes { note("\(data): \(text)") }
        if json {
            return try printJSON(
                Importances(
                    model: model, rows: looked.count, repeats: repeats,
                    importances: found.map {
                        Importance(
                            feature: $0.feature, task: $0.task, metric: $0.metric, loss: $0.loss,
                            margin: $0.margin)
                    }))
        }
        try say(
            "What is lost when a feature is shuffled among \(looked.count) rows"
                + (looked.isPart ? ", the file's first" : "") + ", the mean of \(repeats) times:\n")
        try printTable(["feature", "task", "metric", "lost", "±"], Self.cells(found))
    }

    /// Tasks one after the other, in each what most is lost without first.
    static func cells(_ found: [FeatureImportance]) -> [[String]] {
        var tasks: [String] = []
        for one in found where !tasks.contains(one.task) { tasks.append(one.task) }
        return tasks.flatMap { task in
            found.filter { $0.task == task }.sorted { $0.loss > $1.loss }.map {
                [$0.feature, $0.task, $0.metric, $0.loss.decimals(4), $0.margin.decimals(4)]
            }
        }
    }
}
