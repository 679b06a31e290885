import ArgumentParser
import MTLEngine
import Terminal

/// Times the step and the prediction of packed ensembles beside those of the model without.
struct EnsembleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ensemble",
        abstract: "What the members of a packed ensemble cost, per step and per prediction.")

    @Option(help: "Numbers of members, with commas.")
    var members = CommaList([8, 16, 32])

    @Option(help: "Features.")
    var inputs = 100

    @Option(help: "Widths of the shared layers, with commas.")
    var hidden = CommaList([256, 128])

    @Option(help: "Tasks.")
    var tasks = 3

    @Option(help: "Rows of a batch.")
    var batch = 1024

    @Option(help: SharingArgument.help)
    var sharing: SharingArgument?

    @Option(help: "Rounds; the models take turns within each.")
    var rounds = 9

    @OptionGroup var compute: ComputeArguments

    func validate() throws {
        try requirePositive(members.values, option: "members")
        try requirePositive([rounds], option: "rounds")
    }

    func run() throws {
        let sizes: [Int?] = [nil] + members.values
        let works = try sizes.map { count in
            try StepWorkload(
                schedule: .joint, inputs: inputs, hidden: hidden.values, tasks: tasks, batch: batch,
                compute: compute.options, sharing: sharing, ensemble: count)
        }
        let rows = try Dataset<Float>(
            rowCount: batch, featureNames: (0..<inputs).map { "x\($0)" }, labelNames: []
        ) { x, _ in
            for index in x.indices { x[index] = Float(index % 17) / 17 }
        }
        let clock = ContinuousClock()
        let steps = works.map { $0.stepsFor(seconds: 0.05) }
        var stepTimes = [[Double]](repeating: [], count: works.count)
        var answerTimes = stepTimes
        for _ in 0..<rounds {
            for (place, work) in works.enumerated() {
                let start = clock.now
                work.run(steps: steps[place])
                let middle = clock.now
                for _ in 0..<steps[place] { _ = try work.trainer.predict(rows) }
                let end = clock.now
                stepTimes[place].append(middle.seconds(since: start) / Double(steps[place] * batch))
                answerTimes[place].append(end.seconds(since: middle) / Double(steps[place] * batch))
            }
        }
        let (step, answer) = (stepTimes.map { median($0) }, answerTimes.map { median($0) })
        try printTable(
            ["members", "parameters", "step, µs a row", "x one", "prediction, µs a row", "x one"],
            sizes.indices.map { place in
                [
                    sizes[place].map(String.init) ?? "none",
                    "\(works[place].model.layout.count)", (step[place] * 1e6).decimals(2),
                    (step[place] / step[0]).decimals(1), (answer[place] * 1e6).decimals(2),
                    (answer[place] / answer[0]).decimals(1),
                ]
            })
    }
}
