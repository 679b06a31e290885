import ArgumentParser
import Foundation
import MTLEngine
import Terminal

/// The engine's side of the comparison with PyTorch and JAX: a process that steps when it is told to, so that a
/// driver can measure all of them in turn.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Answers \"run SECONDS\" lines on standard input with one JSON line of throughput each.",
        shouldDisplay: false)

    @Option var schedule = ScheduleName.joint
    @Option var inputs = 100
    @Option var hidden = CommaList([64, 64])
    @Option var tasks = 3
    @Option var batch = 256
    @Option var balancing: BalancingArgument?
    @OptionGroup var compute: ComputeArguments

    private struct Line: Encodable {
        let framework = "mtl-engine"
        var ready: Bool?
        let schedule: String
        let inputs: Int
        let hidden: [Int]
        let tasks, batch, threads: Int
        var samplesPerSecond: Double?
    }

    func validate() throws {
        try requirePositive([inputs], option: "inputs")
        try requirePositive(hidden.values, option: "hidden")
        try requirePositive([tasks], option: "tasks")
        try requirePositive([batch], option: "batch")
    }

    func run() throws {
        // As many batches as peer_worker.py keeps: the numbers come from memory as often on both sides.
        let batches = max(4, min(64, (64 << 20) / max(1, batch * inputs * MemoryLayout<Float>.stride)))
        let work = try StepWorkload(
            schedule: schedule, inputs: inputs, hidden: hidden.values, tasks: tasks, batch: batch,
            compute: compute.options, balancing: balancing?.balancing ?? .fixed, batches: batches)
        let perSecond = work.stepsFor(seconds: 0.05) * 20
        var line = Line(
            schedule: schedule.rawValue, inputs: inputs, hidden: hidden.values, tasks: tasks, batch: batch,
            threads: compute.threads)
        line.ready = true
        try printJSON(line)
        line.ready = nil
        let clock = ContinuousClock()
        while let request = readLine(), request != "quit" {
            let words = request.split(separator: " ")
            guard words.count == 2, words[0] == "run", let seconds = Double(words[1]), seconds > 0 else {
                throw InputError(
                    .syntax, at: "standard input", found: "\"\(request)\"", expected: "run SECONDS, or quit")
            }
            let slice = max(1, perSecond / 100)
            var steps = 0
            let start = clock.now
            while clock.now.seconds(since: start) < seconds {
                work.run(steps: slice)
                steps += slice
            }
            line.samplesPerSecond = Double(steps * batch) / clock.now.seconds(since: start)
            try printJSON(line)
        }
    }
}
