import ArgumentParser
import Foundation
import MTLEngine
import Terminal

struct ThroughputCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "throughput",
        abstract: "Samples per second of the training step, beside its bare matrix products.")

    @Option(help: "Schedules: joint, alternating, or both with a comma.")
    var schedule = CommaList(ScheduleName.allCases)

    @Option(help: "Features.")
    var inputs = 100

    @Option(help: "Widths of the shared layers, as 64,64; give the option again for another model.")
    var hidden: [CommaList<Int>] = []

    @Option(help: "Numbers of tasks.")
    var tasks = CommaList([3])

    @Option(help: "Batch sizes.")
    var batch = CommaList([32, 256, 4096])

    @Option(help: SharingArgument.help)
    var sharing: SharingArgument?

    @OptionGroup var compute: ComputeArguments

    @Option(help: "Seconds of measurement for each line.")
    var seconds = 1.0

    @Flag(help: "One JSON object a line, and nothing else.")
    var json = false

    func validate() throws {
        try requirePositive([inputs], option: "inputs")
        try requirePositive(hidden.flatMap(\.values), option: "hidden")
        try requirePositive(tasks.values, option: "tasks")
        try requirePositive(batch.values, option: "batch")
        try requirePositive([seconds], option: "seconds")
    }

    func run() throws {
        let models = hidden.isEmpty ? [[64, 64], [256, 256]] : hidden.map(\.values)
        var rows: [[String]] = []
        for widths in models {
            for taskCount in tasks.values {
                for batchSize in batch.values {
                    for name in schedule.values {
                        let result = try ThroughputResult.measure(
                            StepWorkload(
                                schedule: name, inputs: inputs, hidden: widths, tasks: taskCount,
                                batch: batchSize, compute: compute.options, sharing: sharing),
                            seconds: seconds)
                        if json {
                            try printJSON(result)
                        } else {
                            rows.append(result.cells)
                        }
                    }
                }
            }
        }
        if !json {
            try printTable(
                ["model", "schedule", "batch", "samples/s", "GFLOP/s", "step / bare products", "spread"], rows
            )
            try say(
                """

                Samples count once per batch, however many turns they serve. Bare products: the step's own matrix
                products by OpenBLAS, each thread on its rows, measured in turn with the step (\(compute.threads) threads).
                """)
        }
    }
}

/// One line of the throughput table.
struct ThroughputResult: Encodable {
    let schedule: String
    let inputs: Int
    let hidden: [Int]
    let tasks: Int
    let batch: Int
    let threads: Int
    let samplesPerSecond: Double
    let gflops: Double
    /// The time of the bare products as a share of the step's (above 1 where the step is faster).
    let gemmSecondsShare: Double
    private let ratios: [Double]

    private enum CodingKeys: String, CodingKey {
        case schedule, inputs, hidden, tasks, batch, threads, samplesPerSecond, gflops, gemmSecondsShare
    }

    /// Steps and bare products in turn, in slices short enough that both see the same machine.
    static func measure(_ work: StepWorkload, seconds: Double) throws -> ThroughputResult {
        let bare = try BareProducts(
            work.model, alternating: work.schedule == .alternating, batch: work.batch,
            threads: work.compute.threads)
        let slices = 21
        let steps = work.stepsFor(seconds: seconds / Double(2 * slices))
        for _ in 0..<steps { bare.run() }
        let clock = ContinuousClock()
        var stepTimes: [Double] = []
        var ratios: [Double] = []
        for _ in 0..<slices {
            let start = clock.now
            work.run(steps: steps)
            let middle = clock.now
            for _ in 0..<steps { bare.run() }
            let end = clock.now
            stepTimes.append(middle.seconds(since: start) / Double(steps))
            ratios.append(middle.seconds(since: start) / end.seconds(since: middle))
        }
        let time = median(stepTimes)
        return ThroughputResult(
            schedule: work.schedule.rawValue, inputs: work.inputs, hidden: work.hidden, tasks: work.tasks,
            batch: work.batch, threads: work.compute.threads, samplesPerSecond: Double(work.batch) / time,
            gflops: work.operationsPerStep / time / 1e9, gemmSecondsShare: 1 / median(ratios), ratios: ratios)
    }

    var cells: [String] {
        let sorted = ratios.sorted()
        let spread = "\(sorted[sorted.count / 10].decimals(2))–\(sorted[sorted.count * 9 / 10].decimals(2))"
        return [
            "\(inputs)-\(hidden.map(String.init).joined(separator: "-")) x\(tasks)", schedule, "\(batch)",
            samplesPerSecond.abbreviated, gflops.decimals(1), (1 / gemmSecondsShare).decimals(2), spread,
        ]
    }
}
