import ArgumentParser
import Foundation
import MTLData
import MTLEngine
import Terminal

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Alternating against joint as a race: speed, and test loss over wall-clock time.",
        discussion: """
            Both schedules start from the same parameters, see the same shuffled rows and stop after the same epochs. \
            After every epoch the test loss of every task is taken, off the clock. The target is a loss both reach: \
            the higher of their two best weighted test losses.
            """)

    @Option(help: "shop for the simulator, census for the prepared Census-Income set.")
    var data = DataName.shop

    @Option(help: "Rows of the simulated shop to learn from.")
    var rows = 100_000

    @Option(help: "Batch sizes.")
    var batch = CommaList([32, 256, 4096])

    @Option(help: "Widths of the shared layers.")
    var hidden = CommaList([64, 64])

    @Option(help: "Epochs of every run.")
    var epochs = 10

    @Option(help: "Adam's learning rate.")
    var learningRate = 1e-3

    @Option(help: "Seed of parameters and shuffling.")
    var seed: UInt64 = 1

    @OptionGroup var compute: ComputeArguments

    @Option(help: "Write the curves as an SVG picture to this file.")
    var plot: String?

    enum DataName: String, CaseIterable, ExpressibleByArgument { case shop, census }

    func validate() throws {
        try requirePositive([rows], option: "rows")
        try requirePositive(batch.values, option: "batch")
        try requirePositive(hidden.values, option: "hidden")
        try requirePositive([epochs], option: "epochs")
        try requirePositive([learningRate], option: "learning-rate")
    }

    func run() throws {
        // Hours of training are not to end with a folder that is not there.
        if let plot {
            var inputs = FilesInUse()
            if data == .census { for path in TableData.Choice.censusFiles { inputs.add("the data", path) } }
            try inputs.check(output: plot, "--plot")
        }
        switch data {
        case .shop:
            let shop = try ShopSimulator(seed: 1)
            let training = try shop.log(rows: rows, stream: 1).dataset
            try race(
                Comparison.Data(
                    training: training, validation: nil,
                    test: try shop.log(rows: max(1, rows / 2), stream: 3).dataset,
                    inputs: training.featureCount),
                tasks: ShopSimulator.tasks)
        case .census:
            let table = try TableData(
                .census(validationShare: 0.1, seed: seed), threads: compute.threads)
            try race(table.comparison, tasks: table.tasks)
        }
    }

    private func race<Rows>(_ rows: Comparison<Rows>.Data, tasks: [LearningTask]) throws {
        let model = try rows.model(trunk: hidden.values.map { .relu($0) }, tasks: tasks)
        var table: [[String]] = []
        var series: [SVGPlot.Series] = []
        for batchSize in batch.values {
            let reports = try ScheduleName.allCases.map { name in
                try race(name, model: model, batchSize: batchSize, rows)
            }
            let target = reports.compactMap { $0.epochs.map(\.watchedLoss).min() }.max() ?? .nan
            for (name, report) in zip(ScheduleName.allCases, reports) {
                table.append(
                    row(name, batchSize: batchSize, report: report, target: target, tasks: tasks.count))
                for task in tasks.indices {
                    series.append(
                        SVGPlot.Series(
                            panel: task, name: "\(name), batch \(batchSize)", dashed: name == .alternating,
                            colour: batch.values.firstIndex(of: batchSize) ?? 0,
                            points: report.epochs.map {
                                ($0.trainingSeconds, $0.validationLosses?[task] ?? .nan)
                            }))
                }
            }
        }
        try say(
            "\(data.rawValue): \(rows.training.rowCount) rows to learn from, \(rows.test.rowCount) to judge on.\n"
        )
        try printTable(
            ["schedule, batch", "samples/s", "steps/s", "s to target"]
                + tasks.map { "\($0.name) best test loss" },
            table)
        if let plot {
            let picture = SVGPlot(
                title: "Test loss over seconds of training (\(data.rawValue))", panels: tasks.map(\.name),
                xLabel: "seconds of training", series: series)
            try TextOutput.write(picture.text, to: plot)
            try tell("\nCurves written to \(plot).", beside: plot)
        }
    }

    private func race<Rows>(
        _ name: ScheduleName, model: MultiTaskModel, batchSize: Int, _ rows: Comparison<Rows>.Data
    ) throws -> TrainingReport {
        let trainer = try Trainer<Float>(
            model, optimizer: .adam(learningRate: learningRate), schedule: name.schedule,
            batchSize: batchSize,
            seed: seed, compute: compute.options)
        let bar = ProgressBar("\(name), batch \(batchSize)")
        // The test rows are watched for the curves only: nothing is chosen by them but what the table calls "best".
        let report = try rows.training.fit(
            trainer, validation: rows.test, until: StoppingRule(epochs: epochs, patience: nil),
            progress: bar.show)
        bar.clear()
        return report
    }

    private func row(
        _ name: ScheduleName, batchSize: Int, report: TrainingReport, target: Double, tasks: Int
    ) -> [String] {
        let last = report.epochs.last
        let seconds = report.epochs.first { $0.watchedLoss <= target }?.trainingSeconds
        let stepsPerSecond = Double(last?.steps ?? 0) / (last?.trainingSeconds ?? .nan)
        let best = (0..<tasks).map { task in
            report.epochs.compactMap { $0.validationLosses?[task] }.min()?.decimals(4) ?? "undefined"
        }
        return [
            "\(name), \(batchSize)", report.rowsPerSecond.abbreviated, stepsPerSecond.abbreviated,
            seconds?.decimals(2) ?? "never",
        ] + best
    }
}
