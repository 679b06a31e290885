import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Predicts every task for the rows of a file, as CSV.",
        discussion: """
            One column per task: the probability of a binary one, the expected value of a regression, and one column per \
            class of a multiclass one. Of esmm and escm2, "click&purchase" is the probability of both and "purchase given click" \
            that of the second once the first has happened. A cell is blank where a task does not exist in the row's scenario. Rows \
            come in the order of the file; labels need not be there. The output is there whole or not at all: nothing is printed \
            before the last row was predicted. With --uncertainty a column more for each prediction, as "click_spread": the \
            standard deviation of what the networks of an ensemble predict, which is large where training rows said little.
            """)

    @Argument(help: "A model written by mtl train.")
    var model: String

    @Argument(help: "A file with the feature columns of the training file.")
    var data: String

    @Option(help: "Columns of the file that are written before the predictions, with commas, such as an id.")
    var keep: String?

    @Flag(help: "How far the networks of an ensemble are apart, in a column for each prediction.")
    var uncertainty = false

    @OptionGroup var preference: PreferenceArguments

    @Option(help: "The file to write (default: standard output).")
    var output: String?

    @Option(help: "Bad rows: refuse, or skip:SHARE, as skip:0.1%; those left out have no line in the output.")
    var badRows = "refuse"

    @OptionGroup var events: EventArguments
    @OptionGroup var table: TableArguments
    @OptionGroup var threads: ThreadArguments

    func run() throws {
        let bundle = try ModelBundle(contentsOf: model)
        let shares = try preference.shares(bundle)
        let columns = bundle.predictionColumns
        let spreadColumns = uncertainty ? bundle.spreadColumns : []
        guard !uncertainty || bundle.hasSpread else {
            throw ValidationError(
                "--uncertainty: found a model of one network, expected one trained with \"ensemble: 16\" in "
                    + "its model section, or with several seeds and \"keep: all\"")
        }
        let names = try columnNames(keep, option: "--keep")
        for name in names where (columns + spreadColumns).contains(where: { $0.name == name }) {
            throw ValidationError(
                "--keep: found \"\(name)\", which is the name of a prediction too, expected a column of another name"
            )
        }
        let logs = try events.byHistory(bundle)
        var inputs = try bundle.filesInUse(data, events: logs)
        inputs.add("the model", model)
        if let output {
            try inputs.check(output: output, "--output")
        } else {
            try inputs.checkStandardOutput()
        }
        let bad = try badRowsOption(badRows)
        let source = try bundle.open(data, options: table.options(badRows: bad), events: logs)
        let kept = try names.map { ($0, try source.column($0)) }
        printNotes(of: source)
        let sink = try WholeOutput(output)
        let header = kept.map { Quoting.csv($0.0) } + (columns + spreadColumns).map { Quoting.csv($0.name) }
        try sink.write(header.joined(separator: ",") + "\n")
        func write(
            _ rows: ServedRows, _ predictions: Predictions<Float>, _ spreads: Predictions<Float>?
        ) throws(InputError) {
            let values = try bundle.values(predictions)
            let spreads = try spreads.map(bundle.values)
            var text = ""
            for (place, row) in rows.rows.enumerated() {
                var cells = kept.map { Quoting.csv(rows.block.string(row, $0.1)) }
                cells += bundle.cells(columns, values, row: place)
                if let spreads { cells += bundle.cells(spreadColumns, spreads, row: place) }
                text += cells.joined(separator: ",") + "\n"
            }
            try sink.write(text)
        }
        let report =
            uncertainty
            ? try bundle.predictRowsWithSpread(
                source, badRows: bad, compute: threads.compute, preference: shares, consume: write)
            : try bundle.predictRows(source, badRows: bad, compute: threads.compute, preference: shares) {
                (rows, predictions) throws(InputError) in try write(rows, predictions, nil)
            }
        try sink.finish()
        for text in report.notes { note("\(data): \(text)") }
    }
}
