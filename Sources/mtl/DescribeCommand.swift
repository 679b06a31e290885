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
        if let svg { try filesInUse().check(output: svg, "--svg") }
        let model = try model()
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
            })
        try say(
            "\n\(summary.parameters) parameters, \(summary.operations) floating-point operations for a row "
                + "(products, forward).")
        if let svg {
            try TextOutput.write(ModelDrawing(model).svg, to: svg)
            try say("The picture is in \(svg).")
        }
    }

    private func filesInUse() throws -> FilesInUse {
        var files = FilesInUse()
        if !file.hasSuffix(".safetensors") {
            files = try Experiment(file: file).filesInUse
            files.add(folder: prepared ?? preparedFolder(of: file), "the folder of prepared rows")
        }
        files.add("the \(file.hasSuffix(".safetensors") ? "model" : "experiment")", file)
        return files
    }

    private func model() throws -> MultiTaskModel {
        if file.hasSuffix(".safetensors") { return try ModelBundle(contentsOf: file).model }
        let settings = try Experiment(file: file)
        let data = try settings.prepare(
            in: prepared ?? preparedFolder(of: file), threads: threads.threads, onWait: noteWaiting)
        do throws(InputError) {
            return try settings.model.model(data.preprocessor, sampling: settings.sampling)
        } catch { throw error.of(file) }
    }
}
