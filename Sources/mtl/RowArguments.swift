import ArgumentParser
import MTLData
import MTLEngine
import Terminal

/// A file of rows with labels, and how it is read.
struct LabelledRowsArguments: ParsableArguments {
    @Option(help: "A label that the file has, once per label, where it lacks others (default: it has all).")
    var label: [String] = []

    @Option(help: "Bad rows: refuse, or skip:SHARE, as skip:0.1%.")
    var badRows = "refuse"

    @OptionGroup var events: EventArguments
    @OptionGroup var table: TableArguments

    /// The labels that the file has; nil for all.
    var labels: [String]? { label.isEmpty ? nil : label }

    func policy() throws -> BadRows { try badRowsOption(badRows) }

    /// Opens the file for a model, and says what was found out about its text.
    func open(_ data: String, of bundle: ModelBundle) throws -> any RowSource {
        let source = try bundle.open(
            data, options: table.options(badRows: policy()), events: events.byHistory(bundle))
        printNotes(of: source)
        return source
    }

    /// Makes sure that what is written is none of the files that are read.
    func check(output: String, _ data: String, of bundle: ModelBundle, at model: String) throws {
        var inputs = try bundle.filesInUse(data, events: events.byHistory(bundle))
        inputs.add("the model", model)
        try inputs.check(output: output, "--output")
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
