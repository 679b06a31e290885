import ArgumentParser
import Foundation
import MTLData
import MTLEngine

/// A way of sharing as an experiment's file says it: a type, or an object with the type's options.
struct SharingArgument: ExpressibleByArgument {
    let name: String
    private let settings: SharingSettings

    init?(argument: String) {
        name = argument
        let text = argument.hasPrefix("{") ? argument : "{\"type\": \"\(argument)\"}"
        guard let read = try? JSONDecoder().decode(SharingSettings.self, from: Data(text.utf8)) else {
            return nil
        }
        settings = read
    }

    static let sharedBottom = SharingArgument(argument: "shared_bottom")

    /// The architecture, of hidden layers of these widths where the argument names none.
    func architecture(hidden: [Int]) throws -> any Architecture {
        var own = settings
        if own.options.isEmpty {
            own.options["layers"] = .list(hidden.map { .scalar("\($0)") })
            if let architecture = try? own.architecture({ .relu($0) }) { return architecture }
        }
        return try settings.architecture { .relu($0) }
    }

    static let help: ArgumentHelp =
        "How tasks share: a type as in an experiment, or one with options: '{\"type\": \"mmoe\", \"experts\": 4}'."
}

/// A method of balancing as an experiment's file says it: a type, or an object with the type's options.
struct BalancingArgument: ExpressibleByArgument {
    let balancing: Balancing

    init?(argument: String) {
        let text = argument.hasPrefix("{") ? argument : "\"\(argument)\""
        guard let read = try? JSONDecoder().decode(BalancingSettings.self, from: Data(text.utf8)),
            let found = try? read.balancing()
        else { return nil }
        balancing = found
    }
}

/// A training step on random numbers: the model of the throughput tables, squared error on every head, Adam.
struct StepWorkload {
    let schedule: ScheduleName
    let inputs: Int
    let hidden: [Int]
    let tasks: Int
    let batch: Int
    let compute: ComputeOptions

    let model: MultiTaskModel
    let trainer: Trainer<Float>
    private let source: BatchSource<Float>
    /// Batches in memory, used in turn.
    private let batches: Int
    /// For the ways of sharing that know scenarios.
    private static let scenarios = 4

    init(
        schedule: ScheduleName, inputs: Int, hidden: [Int], tasks: Int, batch: Int, compute: ComputeOptions,
        sharing: SharingArgument? = nil, balancing: Balancing = .fixed, ensemble: Int? = nil, batches: Int = 4
    ) throws {
        try requirePositive([inputs], option: "inputs")
        try requirePositive(hidden, option: "hidden")
        try requirePositive([tasks], option: "tasks")
        try requirePositive([batch], option: "batch")
        self.schedule = schedule
        self.inputs = inputs
        self.hidden = hidden
        self.tasks = tasks
        self.batch = batch
        self.compute = compute
        self.batches = batches
        let names = (0..<tasks).map { "task\($0)" }
        let architecture: any Architecture =
            try sharing?.architecture(hidden: hidden) ?? SharedBottom(trunk: hidden.map { .relu($0) })
        model = try MultiTaskModel(
            inputs: inputs, scenarios: Self.scenarios, architecture: architecture,
            tasks: names.map { .regression($0, weight: 1 / Double(tasks)) }, ensemble: ensemble)
        trainer = try Trainer(
            model, schedule: schedule.schedule, batchSize: batch, balancing: balancing, compute: compute)
        var generator = SeededGenerator(seed: 1)
        let rows = batch * batches
        let dataset = try Dataset<Float>(
            rowCount: rows, featureNames: (0..<inputs).map { "x\($0)" }, labelNames: names,
            scenarios: (0..<rows).map { Int32($0 * 7919 % Self.scenarios) }
        ) { x, y in
            for index in x.indices { x[index] = Float(generator.uniform()) - 0.5 }
            for index in y.indices { y[index] = Float(generator.uniform()) - 0.5 }
        }
        source = try BatchSource(dataset, for: model)
    }

    /// Takes `count` steps.
    func run(steps count: Int) {
        for step in 0..<count { trainer.step(source.batch(start: step % batches * batch, rows: batch)) }
    }

    /// Steps for about this long.
    func stepsFor(seconds: Double) -> Int {
        let clock = ContinuousClock()
        run(steps: 2)
        var count = 1
        while true {
            let start = clock.now
            run(steps: count)
            let elapsed = clock.now.seconds(since: start)
            if elapsed > 0.002 { return max(1, Int(Double(count) * seconds / elapsed)) }
            count *= 2
        }
    }

    /// Floating-point operations of the products of one step (all turns).
    var operationsPerStep: Double {
        Double(model.plan.productOperationsPerRow(model.tasks, alternating: schedule == .alternating))
            * Double(batch)
    }
}
