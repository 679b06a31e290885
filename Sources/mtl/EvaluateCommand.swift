import ArgumentParser
import Foundation
import MTLData
import MTLEngine

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Judges a trained model by the rows of a file.")

    @Argument(help: "The model that mtl train wrote.")
    var model: String

    @Argument(help: "A file with the columns of the training file, labels included.")
    var data: String

    @OptionGroup var table: TableArguments
    @OptionGroup var threads: ThreadArguments

    func run() throws {
        let bundle = try ModelBundle(contentsOf: model)
        let source = try bundle.open(data, options: table.options())
        printNotes(of: source)
        printMetrics([try bundle.evaluate(source, compute: threads.compute)])
    }
}

/// Says on the standard error what was found out about a source's text.
func printNotes(of source: any RowSource) {
    for note in source.notes {
        try? FileHandle.standardError.write(contentsOf: Data("\(source.path): \(note)\n".utf8))
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

    func options(threads: Int = 1) throws -> ReadingOptions {
        var settings = DataSettings(source: "")
        settings.columns = columns?.split(separator: ",").map(String.init)
        settings.format.separator = separator
        settings.format.encoding = encoding
        return try settings.options(threads: threads)
    }
}
