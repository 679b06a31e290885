import ArgumentParser
import Charts
import MTLData
import MTLEngine
import Terminal

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Writes a run as a page that people read.",
        discussion: """
            One HTML file that needs no network, and the same as Markdown without the drawings: metrics beside what the best constant has, \
            learning curves, weights and cosines of balanced tasks, the experiment and the log. With a file of rows that the model did not learn \
            from also all metrics, ROC, precision, calibration and score distributions per task, scenarios, the gates' use of experts, and \
            what each feature is worth (mtl explain).
            """)

    @Argument(help: ArgumentHelp("The folder of a run: mtl train --run.", valueName: "run"))
    var folder: String

    @Argument(help: "A file with the columns of the training file, labels included.")
    var data: String?

    @Option(help: "The page (default: report.html in the run's folder); the Markdown is beside it.")
    var output: String?

    @Option(help: "The model (default: the one in the run's folder).")
    var model: String?

    @Option(help: "The most rows to look at, the file's first.")
    var rows = 100_000

    @Option(help: "How often each feature is shuffled, 2 to 30; 0 leaves the features' worth out.")
    var repeats = 5

    @OptionGroup var labelled: LabelledRowsArguments
    @OptionGroup var threads: ThreadArguments

    func validate() throws {
        guard rows > 0 else { throw ValidationError("--rows: found \(rows), expected 1 or more") }
        guard repeats == 0 || (2...30).contains(repeats) else {
            throw ValidationError("--repeats: found \(repeats), expected 0, or 2 to 30")
        }
        guard data != nil || (labelled.label.isEmpty && model == nil) else {
            throw ValidationError("found no file of rows, expected one beside --label and --model")
        }
        if let output, !output.hasSuffix(".html") {
            throw ValidationError("--output: found \"\(output)\", expected a name that ends with .html")
        }
    }

    func run() throws {
        let summary = try RunSummary(folder)
        var report = RunReport(folder, summary)
        let page = output ?? "\(folder)/report.html"
        let text = page.dropLast(5) + ".md"
        if let data {
            guard let path = model ?? summary.modelPath else {
                throw InputError(
                    .file, at: "\(folder)/model.safetensors", found: "no model",
                    expected: "a run that has come to its end, or its model's file as --model")
            }
            let bundle = try ModelBundle(contentsOf: path)
            for file in [page, String(text)] {
                try labelled.check(output: file, data, of: bundle, at: path)
            }
            let looked = try bundle.look(
                at: labelled.open(data, of: bundle), labels: labelled.labels, badRows: labelled.policy(),
                limit: rows, compute: threads.compute)
            report.add(looked, of: data)
            if let use = try bundle.expertUtilisation(of: looked, compute: threads.compute) {
                report.add(use)
            }
            if repeats > 0 {
                report.add(
                    try bundle.importances(looked, repeats: repeats, seed: 1, compute: threads.compute))
            }
        }
        let written = report.page()
        try TextOutput.write(written.html, to: page)
        try TextOutput.write(written.markdown, to: String(text))
        try say("The report is in \(page), and without drawings in \(text).")
    }
}
