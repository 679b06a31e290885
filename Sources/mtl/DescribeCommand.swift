import ArgumentParser
import Foundation
import MTLData
import MTLEngine
import Terminal

struct DescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Shows the layers of a model: shapes, parameters, arithmetic, and which tasks they reach.",
        discussion:
            "Prepares the experiment's rows first if necessary, because column widths depend on them.")

    @Argument(help: "An experiment file, or a model written by mtl train.")
    var file: String

    @Option(help: "Where a picture goes, in SVG: a box per layer, coloured by the tasks it reaches.")
    var svg: String?

    @Option(help: "The folder of encoded rows (default: beside the experiment file, as .prepared).")
    var prepared: String?

    @OptionGroup var threads: ThreadArguments

    func run() throws {
        // Once: it may come from a pipe.
        let settings = file.hasSuffix(".safetensors") ? nil : try Experiment(file: file)
        if let svg { try filesInUse(settings).check(output: svg, "--svg") }
        let bundle = settings == nil ? try ModelBundle(contentsOf: file) : nil
        guard let model = try bundle?.model ?? settings.map(model) else { return }
        let summary = ModelSummary(model)
        let taskNames = model.tasks.map(\.name)
        try printTable(
            ["layer", "kind", "shape", "parameters", "FLOPs a row", "tasks"],
            summary.layers.map { layer in
                [
                    layer.name, layer.kind,
                    (layer.blocks > 1 ? "\(layer.blocks) × " : "") + "\(layer.inputs) → \(layer.outputs)",
                    "\(layer.parameters)", "\(layer.operations)",
                    layer.tasks == taskNames ? "all" : layer.tasks.joined(separator: ", "),
                ]
            }, beside: svg)
        try tell(
            "\n\(summary.parameters) parameters, \(summary.operations) floating-point operations for a row "
                + "(products, forward).", beside: svg)
        if let ensemble = model.ensemble {
            let each = ModelSummary.memberParameters(model)
            try tell(
                "A packed ensemble of \(ensemble) members, whose predictions are averaged: each has "
                    + "\(each) parameters of its own and shares the others; operations are those of all members.",
                beside: svg)
        }
        try tell(
            "\nLosses:\n"
                + model.tasks.map { "  \($0.name): \($0.lossDescription)." }.joined(separator: "\n"),
            beside: svg)
        if let members = bundle?.members, members.vectors.count > 1 {
            let tasks = zip(taskNames, members.ofTasks).map { name, own in
                "\(name) by \(own.map(String.init).joined(separator: ", "))"
            }
            try tell(
                "\(members.vectors.count) members, each with all parameters, whose predictions are averaged: "
                    + "\(tasks.joined(separator: "; ")).", beside: svg)
        }
        if let epochs = bundle?.refitEpochs { try tell(Self.refit(epochs), beside: svg) }
        if let finding = (settings?.model ?? bundle?.settings)?.sharing?.type.finding {
            try tell("\n\(finding)", beside: svg)
        }
        if let svg {
            try TextOutput.write(ModelDrawing(model).svg, to: svg)
            try tell("The picture is in \(svg).", beside: svg)
        }
    }

    /// What the parameters learned from, where that is not the training rows alone.
    private static func refit(_ epochs: [Int]) -> String {
        func text(_ epochs: Int) -> String {
            epochs == 0
                ? "learned from the training rows alone"
                : "learned from training and validation rows together, \(epochs) \(epochs == 1 ? "epoch" : "epochs")"
        }
        guard epochs.count > 1 else { return "It \(text(epochs.first ?? 0))." }
        return epochs.enumerated().map { "Member \($0) \(text($1))." }.joined(separator: " ")
    }

    private func filesInUse(_ settings: Experiment?) -> FilesInUse {
        var files = settings?.filesInUse ?? FilesInUse()
        if settings != nil {
            files.add(folder: prepared ?? preparedFolder(of: file), "the folder of prepared rows")
        }
        files.add("the \(settings == nil ? "model" : "experiment")", file)
        return files
    }

    private func model(_ settings: Experiment) throws -> MultiTaskModel {
        let data = try settings.prepare(
            in: prepared ?? preparedFolder(of: file), threads: threads.threads, onWait: noteWaiting)
        do throws(InputError) {
            return try settings.model.model(data.preprocessor, sampling: settings.sampling)
        } catch { throw error.of(file) }
    }
}
