import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Predicts every task for the rows of a file, as CSV.",
        discussion: """
            One column per task: the probability of a binary one, the expected value of a regression, and one column per \
            class of a multiclass one. Rows come in the order of the file; labels need not be there.
            """)

    @Argument(help: "The model that mtl train wrote.")
    var model: String

    @Argument(help: "A file with the feature columns of the training file.")
    var data: String

    @Option(help: "Columns of the file that are written in front, with commas, such as an id.")
    var keep: String?

    @Option(help: "The file to write (default: standard output).")
    var output: String?

    @OptionGroup var events: EventArguments
    @OptionGroup var table: TableArguments
    @OptionGroup var threads: ThreadArguments

    func run() throws {
        let bundle = try ModelBundle(contentsOf: model)
        let logs = try events.byHistory(bundle)
        var inputs = try bundle.filesInUse(data, events: logs)
        inputs.add("the model", model)
        if let output {
            try inputs.check(output: output, "--output")
        } else {
            try inputs.checkStandardOutput()
        }
        let source = try bundle.open(data, options: table.options(), events: logs)
        let kept = try (keep?.split(separator: ",").map(String.init) ?? []).map {
            ($0, try source.column($0))
        }
        printNotes(of: source)
        let sink = try Sink(output)
        let header = kept.map { quoted($0.0) } + bundle.predictionNames.map(quoted)
        try sink.write(header.joined(separator: ",") + "\n")
        try bundle.predict(source, compute: threads.compute) { (block, predictions) throws(InputError) in
            var columns: [(values: [Float], width: Int)] = []
            for task in bundle.model.tasks {
                columns.append((try predictions.values(task.name), task.kind.outputs))
            }
            var text = ""
            for row in 0..<block.rowCount {
                var cells = kept.map { quoted(block.string(row, $0.1)) }
                for column in columns {
                    cells += (0..<column.width).map { "\(column.values[row * column.width + $0])" }
                }
                text += cells.joined(separator: ",") + "\n"
            }
            try sink.write(text)
        }
        try sink.finish()
    }

    private func quoted(_ text: String) -> String {
        guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            + "\""
    }
}

/// Standard output, or a file that is there whole or not at all.
private final class Sink {
    private let output: TextOutput?

    init(_ path: String?) throws(InputError) {
        output = if let path { try TextOutput(path) } else { nil }
    }

    func write(_ text: String) throws(InputError) {
        guard let output else {
            try StandardOutput.write(Array(text.utf8))
            return
        }
        try output.write(text)
    }

    func finish() throws(InputError) { try output?.finish() }
}
