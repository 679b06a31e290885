import ArgumentParser
import Foundation
import MTLData
import MTLEngine
import Terminal

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Where the time of a training step goes, and what bounds each part.",
        discussion: """
            Products are compared with the best rate of a large product, passes over memory with the bandwidth of \
            the cache level their data fits into, all measured in the same run on one worker.
            """)

    @Option(help: "joint or alternating.")
    var schedule = ScheduleName.joint

    @Option(help: "Features.")
    var inputs = 100

    @Option(help: "Widths of the shared layers.")
    var hidden = CommaList([64, 64])

    @Option(help: "Tasks.")
    var tasks = 3

    @Option(help: "Rows of a batch.")
    var batch = 256

    @Option(help: SharingArgument.help)
    var sharing: SharingArgument?

    @OptionGroup var compute: ComputeArguments

    @Option(help: "Seconds to watch.")
    var seconds = 1.0

    @Option(help: "Write a Chrome trace (chrome://tracing, ui.perfetto.dev) of the first steps to this file.")
    var trace: String?

    func validate() throws {
        try requirePositive([inputs], option: "inputs")
        try requirePositive(hidden.values, option: "hidden")
        try requirePositive([tasks], option: "tasks")
        try requirePositive([batch], option: "batch")
        try requirePositive([seconds], option: "seconds")
    }

    func run() throws {
        if let trace { try FilesInUse().check(output: trace, "--trace") }
        let work = try StepWorkload(
            schedule: schedule, inputs: inputs, hidden: hidden.values, tasks: tasks, batch: batch,
            compute: compute.options, sharing: sharing)
        let bounds = try MachineBounds.measure(compute: compute.options)
        let clock = ContinuousClock()

        // What watching costs is told beside what it shows: slices with and without it, in turn.
        let timeline = StepTimeline(workers: compute.threads, eventsPerWorker: 1 << 18)
        let ticks = StepTimeline.ticksPerSecond()
        let slice = work.stepsFor(seconds: min(0.02, seconds / 10))
        var plain: [Double] = []
        var watched: [Double] = []
        var steps = 0
        while plain.reduce(0, +) < seconds / 2 && !timeline.isFull {
            let begin = clock.now
            work.run(steps: slice)
            let middle = clock.now
            work.trainer.trainingStep.timeline = timeline
            work.run(steps: slice)
            work.trainer.trainingStep.timeline = nil
            plain.append(middle.seconds(since: begin))
            watched.append(clock.now.seconds(since: middle))
            steps += slice
        }
        let profile = StepProfile(
            timeline: timeline, model: work.model, workers: compute.threads, ticksPerSecond: ticks,
            bounds: bounds)
        try say(
            """
            \(inputs)-\(hidden.values.map(String.init).joined(separator: "-")) x\(tasks), \(schedule), batch \(batch), \
            \(compute.threads) threads, \(compute.options.backend) (\(compute.options.instructions)): \
            \((median(plain) / Double(slice) * 1e6).decimals(1)) µs a step, \
            \((median(watched) / Double(slice) * 1e6).decimals(1)) µs while watched.
            Bounds of one worker: product \(bounds.gflops.decimals(0)) GFLOP/s; copying \
            \(bounds.cacheBandwidth.decimals(0)) GB/s in the second-level cache, \
            \(bounds.memoryBandwidth.decimals(0)) GB/s in memory.

            """)
        try profile.printTable(steps: steps)
        if let trace {
            try profile.writeTrace(to: trace)
            try tell("\nTrace written to \(trace).", beside: trace)
        }
    }
}

/// What one worker of this machine can do at best, measured.
struct MachineBounds {
    /// Of a 512³ product.
    let gflops: Double
    /// Read and written, GB/s: 256 KiB, and 256 MiB.
    let cacheBandwidth: Double
    let memoryBandwidth: Double

    static func measure(compute: ComputeOptions) throws -> MachineBounds {
        let size = 512
        let storage = (0..<3).map { _ in AlignedStorage<Float>(zeroed: size * workspaceStride(columns: size))
        }
        let views = storage.map {
            MatrixView($0.base, rows: size, columns: size, stride: workspaceStride(columns: size))
        }
        let products = [
            Product<Float>(backend: .kernels, instructions: compute.instructions),
            Product<Float>(backend: .openBLAS, instructions: compute.instructions),
        ]
        let rates = products.map { product in
            2 * Double(size * size * size)
                / best(of: 15) { product.multiply(views[0], views[1], into: views[2]) } / 1e9
        }
        withExtendedLifetime(storage) {}
        return MachineBounds(
            gflops: rates.max() ?? 0, cacheBandwidth: bandwidth(bytes: 1 << 18),
            memoryBandwidth: bandwidth(bytes: 1 << 28))
    }

    private static func bandwidth(bytes: Int) -> Double {
        let count = bytes / 8
        let (source, target) = (AlignedStorage<Float>(zeroed: count), AlignedStorage<Float>(zeroed: count))
        let repeats = max(1, (1 << 24) / bytes)
        let time = best(of: 5) {
            for _ in 0..<repeats { target.base.update(from: source.base, count: count) }
        }
        return Double(repeats * bytes) / time / 1e9
    }

    private static func best(of rounds: Int, _ body: () -> Void) -> Double {
        let clock = ContinuousClock()
        body()
        return (0..<rounds).map { _ in
            let start = clock.now
            body()
            return clock.now.seconds(since: start)
        }.min() ?? .nan
    }
}
