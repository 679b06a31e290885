import ArgumentParser
import Foundation
import MTLEngine
import Terminal

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Trains a simulated shop jointly and alternately (the default).",
        discussion: """
            The shop's true probabilities are known, so the best reachable metrics (Bayes) stand beside the learned
            ones, and beside those of a model of the same size for every task alone.
            """)

    @Option(help: "Rows to learn from; a fifth as many for validation, half as many for the test.")
    var rows = 100_000

    @OptionGroup var training: TrainingArguments

    func validate() throws {
        try requirePositive([rows], option: "rows")
    }

    func run() throws {
        let shop = try ShopSimulator(seed: 1)
        let test = try shop.log(rows: max(1, rows / 2), stream: 3)
        let learned = try shop.log(rows: rows, stream: 1).dataset
        let comparison = Comparison(
            data: Comparison.Data(
                training: learned, validation: try shop.log(rows: max(1, rows / 5), stream: 2).dataset,
                test: test.dataset, inputs: learned.featureCount),
            settings: training.settings(tasks: ShopSimulator.tasks))
        try say(
            """
            A simulated shop: \(rows) visits of \(learned.featureCount) features; tasks click, \
            purchase given click, spend, user tag.
            Shared layers \(training.hidden.defaultValueDescription), Adam \(training.learningRate), batch \(training.batch), \
            \(training.compute.threads) threads.

            """)
        let joint = try comparison.train(.joint)
        let alternating = try comparison.train(.alternating)
        let alone = try comparison.trainSingleTasks()
        try comparison.printSpeed([joint, alternating, alone])
        try say()
        try comparison.printQuality([joint, alternating, alone], reference: ("Bayes", try test.bayes()))
        try say()
        try say(comparison.verdict(joint, alternating))
    }
}
