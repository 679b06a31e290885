import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct CalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate", abstract: "Makes a model's probabilities come true as often as they say.",
        discussion: """
            Fits a rising map for each binary task on rows that the model did not learn from, and writes the model with it: predict and \
            evaluate use it from then on. With an experiment file these are its validation rows. platt and temperature move and stretch the \
            logit, beta also bends it, isotonic takes steps and wants some thousand rows. Order, and with it AUC, stays as it is, but for \
            ties that isotonic makes and, with --by-scenario, between scenarios.
            """)

    @Argument(help: "A model written by mtl train.")
    var model: String

    @Argument(help: "A file of rows with labels, or the experiment (.yaml), whose validation rows are taken.")
    var data: String

    @Option(help: "platt, temperature, beta or isotonic.")
    var method = "platt"

    @Flag(help: "A shift and a stretch for each scenario, too, which few rows hardly move.")
    var byScenario = false

    @Option(help: "Where the calibrated model goes (default: MODEL with .calibrated before its ending).")
    var output: String?

    @Option(help: "The experiment's folder of encoded rows (default: beside it, as .prepared).")
    var prepared: String?

    @OptionGroup var labelled: LabelledRowsArguments
    @OptionGroup var threads: ThreadArguments

    private var isExperiment: Bool { data.hasSuffix(".yaml") || data.hasSuffix(".yml") }

    func validate() throws {
        guard Calibrator.Method(rawValue: method) != nil else {
            let known = Calibrator.Method.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--method: found \"\(method)\", expected one of \(known)")
        }
        guard isExperiment || prepared == nil else {
            throw ValidationError("--prepared: found \(data), expected it beside an experiment")
        }
        guard !isExperiment || labelled.label.isEmpty else {
            throw ValidationError("--label: found it beside an experiment, whose rows have all")
        }
    }

    func run() throws {
        let bundle = try ModelBundle(contentsOf: model).uncalibrated()
        guard let method = Calibrator.Method(rawValue: method) else { return }
        let path = output ?? Self.usualOutput(model)
        let answers = try isExperiment ? ofValidation(bundle, path) : ofFile(bundle, path)
        let calibrated = try bundle.calibrated(
            method, by: answers, labels: labelled.labels, byScenario: byScenario)
        try calibrated.write(to: path)
        try say(
            "\(method.rawValue)\(byScenario ? ", by scenario" : ""), on the rows that it was fitted to:\n")
        var cells: [[String]] = []
        for (index, task) in bundle.model.tasks.enumerated() where task.kind == .binary {
            guard let own = calibrated.calibration?.tasks.first(where: { $0.name == task.name }) else {
                note("\(task.name) is left as it is: the rows have no labels of both kinds.")
                continue
            }
            let (before, labels) = (
                answers.predictions[index].map(Double.init), answers.labels[index].map(Double.init)
            )
            let after = own.probabilities(before, scenarios: byScenario ? answers.scenarios : nil)
            for (name, value) in [
                ("log loss", Self.logLoss), ("ECE", Self.error), ("calibration", Self.ratio),
            ] {
                cells.append([task.name, name, value(before, labels), value(after, labels)])
            }
        }
        try printTable(["task", "metric", "before", "after"], cells)
        try say("\nThe calibrated model is in \(path).")
    }

    private static func usualOutput(_ path: String) -> String {
        let ending = ".safetensors"
        return path.hasSuffix(ending)
            ? path.dropLast(ending.count) + ".calibrated" + ending : path + ".calibrated"
    }

    private func ofValidation(_ bundle: ModelBundle, _ path: String) throws -> Answers {
        let settings = try Experiment(file: data)
        let folder = prepared ?? preparedFolder(of: data)
        var inputs = settings.filesInUse
        inputs.add("the experiment", data)
        inputs.add("the model", model)
        inputs.add(folder: folder, "the folder of encoded rows")
        try inputs.check(output: path, "--output")
        do {
            let found = try settings.prepare(in: folder, threads: threads.threads, onWait: noteWaiting)
            guard found.preprocessor == bundle.preprocessor else {
                throw InputError(
                    .value, at: data, found: "rows that are not those that the model was trained with",
                    expected: "the model's experiment, or a file of rows")
            }
            guard let validation = found.validation else {
                throw InputError(
                    .empty, at: "split", found: "no validation rows",
                    expected: "a validation part, or a file of rows")
            }
            return try bundle.predictor(threads.compute).answers(validation)
        } catch let error as InputError { throw error.of(data) }
    }

    private func ofFile(_ bundle: ModelBundle, _ path: String) throws -> Answers {
        try labelled.check(output: path, data, of: bundle, at: model)
        let found = try bundle.answers(
            labelled.open(data, of: bundle), labels: labelled.labels, badRows: labelled.policy(),
            compute: threads.compute)
        for text in found.report.notes { note("\(data): \(text)") }
        return found.answers
    }

    private static func logLoss(_ p: [Double], _ labels: [Double]) -> String {
        Metrics.logLoss(probabilities: p, labels: labels).map { $0.decimals(4) } ?? "-"
    }

    private static func error(_ p: [Double], _ labels: [Double]) -> String {
        Metrics.expectedCalibrationError(probabilities: p, labels: labels).map { $0.decimals(4) } ?? "-"
    }

    private static func ratio(_ p: [Double], _ labels: [Double]) -> String {
        Metrics.calibrationRatio(probabilities: p, labels: labels).map { $0.decimals(4) } ?? "-"
    }
}
