import ArgumentParser
import MTLEngine

/// A fixed number of training steps and nothing else: what an instruction counter runs.
struct StepsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "steps", abstract: "Takes a fixed number of training steps, silently.",
        shouldDisplay: false)

    @Option var count = 100
    @Option var schedule = ScheduleName.joint
    @Option var inputs = 100
    @Option var hidden = CommaList([64, 64])
    @Option var tasks = 3
    @Option var batch = 256
    @Option(help: SharingArgument.help)
    var sharing: SharingArgument?
    @Option var balancing: BalancingArgument?

    @OptionGroup var compute: ComputeArguments

    func validate() throws {
        try requirePositive([count], option: "count")
        try requirePositive([inputs], option: "inputs")
        try requirePositive(hidden.values, option: "hidden")
        try requirePositive([tasks], option: "tasks")
        try requirePositive([batch], option: "batch")
    }

    func run() throws {
        try StepWorkload(
            schedule: schedule, inputs: inputs, hidden: hidden.values, tasks: tasks, batch: batch,
            compute: compute.options, sharing: sharing, balancing: balancing?.balancing ?? .fixed
        ).run(steps: count)
    }
}
