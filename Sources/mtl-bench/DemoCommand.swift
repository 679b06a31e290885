import ArgumentParser
import Foundation
import MTLEngine

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

    @Option(help: "Widths of the shared layers.")
    var hidden = CommaList([64, 64])

    @Option(help: "Rows of a batch.")
    var batch = 256

    @Option(help: "Adam's learning rate.")
    var learningRate = 1e-3

    @Option(help: "The most epochs.")
    var epochs = 30

    @Option(help: "Epochs without improvement after which training has converged.")
    var patience = 3

    @Option(help: "Seeds of the parameters and the shuffling; metrics are means over them.")
    var seeds = CommaList<UInt64>([1])

    @OptionGroup var compute: ComputeArguments

    func validate() throws {
        try requirePositive([rows], option: "rows")
        try requirePositive(hidden.values, option: "hidden")
        try requirePositive([batch], option: "batch")
        try requirePositive([epochs], option: "epochs")
        try requirePositive([patience], option: "patience")
        try requirePositive([learningRate], option: "learning-rate")
    }

    func run() throws {
        let shop = try ShopSimulator(seed: 1)
        let test = try shop.log(rows: max(1, rows / 2), stream: 3)
        let comparison = Comparison(
            data: Comparison.Data(
                training: try shop.log(rows: rows, stream: 1).dataset,
                validation: try shop.log(rows: max(1, rows / 5), stream: 2).dataset, test: test.dataset),
            settings: Comparison.Settings(
                trunk: hidden.values.map { .relu($0) }, tasks: ShopSimulator.tasks,
                optimizer: .adam(learningRate: learningRate), batchSize: batch,
                stopping: StoppingRule(epochs: epochs, patience: patience), compute: compute.options,
                seeds: seeds.values))
        print(
            """
            A simulated shop: \(rows) visits of \(comparison.data.training.featureCount) features; tasks click, \
            purchase given click, spend, user tag.
            Shared layers \(hidden.defaultValueDescription), Adam \(learningRate), batch \(batch), \
            \(compute.threads) threads.

            """)
        let joint = try comparison.train(.joint)
        let alternating = try comparison.train(.alternating)
        let alone = try comparison.trainSingleTasks()
        comparison.printSpeed([joint, alternating, alone])
        print()
        comparison.printQuality([joint, alternating, alone], reference: ("Bayes", try test.bayes()))
        print()
        print(comparison.verdict(joint, alternating))
    }
}
