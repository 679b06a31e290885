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
            labels: labels.map { String($0.prefix { $0 != "=" }) })
        let ignored = try columnNames(ignore, option: "--ignore")
        for name in ignored { _ = try source.column(name) }
        let choices = labels.map { label in
            guard let equals = label.firstIndex(of: "="), !source.columns.contains(label) else {
                return SchemaProposal.LabelChoice(label)
            }
            return SchemaProposal.LabelChoice(
                String(label[..<equals]), positive: [String(label[label.index(after: equals)...])])
        }
        let proposal = try SchemaProposal(source, labels: choices, ignoring: ignored, reading: guess)
        var settings = DataSettings(source: data, test: test)
        settings.columns = table.columns?.split(separator: ",").map(String.init)
        settings.format = guess.format
        let text = proposal.yaml(data: settings)
        guard let output else {
            try StandardOutput.write(Array(text.utf8))
            return
        }
        try TextOutput.write(text, to: output)
        for note in source.notes { try say(note) }
        try say(proposal.summary)
    }
}
