import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Proposes an experiment for a file: what each column is, and why.",
        discussion: "Read it and change what is wrong: it knows the rows, not the shop.")

    @Argument(help: "A CSV or TSV file, gzip or not, or sqlite:FILE?query=SELECT … .")
    var data: String

    @Option(
        name: .customLong("label"),
        help:
            "A column to predict, or COLUMN=VALUE with the value that means yes; once per task (default: by the names)."
    )
    var labels: [String] = []

    @Option(help: "Rows to judge by that have a file of their own.")
    var test: String?

    @Option(help: "Columns to leave out, with commas.")
    var ignore: String?

    @Option(help: "The experiment file to write (default: standard output).")
    var output: String?

    @OptionGroup var table: TableArguments
    @OptionGroup var threads: ThreadArguments

    func run() throws {
        var inputs = FilesInUse()
        inputs.add("the data", data)
        if let test { inputs.add("the data to judge by", test) }
        if let output {
            try inputs.check(output: output, "--output")
        } else {
            try inputs.checkStandardOutput()
        }
        let (source, guess) = try ReadingGuess.open(
            data, options: table.options(threads: threads.threads),
            labels: labels.flatMap { [$0] + Self.pairs($0).map(\.column) })
        let ignored = try columnNames(ignore, option: "--ignore")
        for name in ignored { _ = try source.column(name) }
        let choices = labels.map { Self.choice($0, among: source.columns) }
        let proposal = try SchemaProposal(source, labels: choices, ignoring: ignored, reading: guess)
        var settings = DataSettings(source: data, test: test)
        settings.columns = try table.names()
        settings.format = guess.format
        let text = proposal.yaml(data: settings)
        guard let output else {
            try StandardOutput.write(Array(text.utf8))
            return
        }
        try TextOutput.write(text, to: output)
        for note in source.notes { try tell(note, beside: output) }
        try tell(proposal.summary, beside: output)
    }

    /// COLUMN=VALUE in every way that a text can be one: names may hold "=" too.
    private static func pairs(_ text: String) -> [(column: String, value: String)] {
        text.utf8.indices.filter { text.utf8[$0] == UInt8(ascii: "=") }.map { sign in
            (
                String(decoding: text.utf8[..<sign], as: UTF8.self),
                String(decoding: text.utf8[text.utf8.index(after: sign)...], as: UTF8.self)
            )
        }
    }

    /// The column that is all of the text, or else the longest one that it begins with.
    private static func choice(_ text: String, among columns: [String]) -> SchemaProposal.LabelChoice {
        let pairs = pairs(text)
        guard !columns.contains(text),
            let pair = pairs.last(where: { columns.contains($0.column) }) ?? pairs.first
        else { return SchemaProposal.LabelChoice(text) }
        return SchemaProposal.LabelChoice(pair.column, positive: [pair.value])
    }
}
