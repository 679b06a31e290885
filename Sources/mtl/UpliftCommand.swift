import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct UpliftCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "uplift", abstract: "What treating the rows first that a model points to gains.",
        discussion: """
            Of rows that were treated by chance (a coupon, a mail) and rows that were not. Of a model that reads the treatment as a feature \
            a row's score is what it predicts with it less what it predicts without; of any other model the prediction. Qini and AUUC are areas \
            over those of the best order, 0 for a random one; uplift at 10 % is the difference of the two rates among the tenth with the \
            highest scores, beside that of all rows.
            """)

    @Argument(help: "A model written by mtl train.")
    var model: String

    @Argument(
        help:
            "A file with the columns of the training file, labels included, and whether each row was treated."
    )
    var data: String

    @Option(help: "The column that says which rows were treated.")
    var treatment: String

    @Option(
        help: "What it says of treated rows; rows without a value are left out, all others were not treated.")
    var treated = "1"

    @Option(help: "The most rows to look at, the file's first.")
    var rows = 1_000_000

    @Flag(help: "Writes one object instead of a table.")
    var json = false

    @OptionGroup var labelled: LabelledRowsArguments
    @OptionGroup var threads: ThreadArguments

    private struct Task: Encodable {
        let task: String
        let treated, untreated: Int
        let averageEffect, qini, auuc, upliftAtTenth, upliftAtThreeTenths: Double?
    }

    private struct Tasks: Encodable {
        let model, treatment: String
        /// Whether scores are differences of two predictions.
        let areDifferences: Bool
        let tasks: [Task]
    }

    func validate() throws {
        guard rows > 0 else { throw ValidationError("--rows: found \(rows), expected 1 or more") }
    }

    func run() throws {
        let bundle = try ModelBundle(contentsOf: model)
        let looked = try bundle.look(
            at: labelled.open(data, of: bundle), labels: labelled.labels, badRows: labelled.policy(),
            limit: rows, column: treatment, compute: threads.compute)
        let (found, areDifferences) = try bundle.uplift(
            looked, treatment: treatment, isTreated: looked.column.map { $0.map { $0 == treated } },
            compute: threads.compute)
        for text in looked.report.notes { note("\(data): \(text)") }
        if looked.isPart { note("\(data): these are its first \(looked.count) rows") }
        if json {
            return try printJSON(
                Tasks(
                    model: model, treatment: treatment, areDifferences: areDifferences,
                    tasks: found.map {
                        Task(
                            task: $0.task, treated: $0.treated, untreated: $0.untreated,
                            averageEffect: $0.averageEffect, qini: $0.qini, auuc: $0.areaUnderUplift,
                            upliftAtTenth: $0.atTenth, upliftAtThreeTenths: $0.atThreeTenths)
                    }))
        }
        func text(_ value: Double?) -> String { value?.decimals(4) ?? "-" }
        try printTable(
            ["task", "treated", "untreated", "effect", "at 10 %", "at 30 %", "Qini", "AUUC"],
            found.map {
                [
                    $0.task, "\($0.treated)", "\($0.untreated)", text($0.averageEffect), text($0.atTenth),
                    text($0.atThreeTenths), text($0.qini), text($0.areaUnderUplift),
                ]
            })
        try say(
            areDifferences
                ? "\nScores are what is predicted with the treatment less what is predicted without it."
                : "\nScores are the predictions: the model does not read \"\(treatment)\".")
    }
}
