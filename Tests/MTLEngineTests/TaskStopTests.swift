import MTLEngine
import MTLTestSupport
import Testing

/// A step that lets tasks rest is that of a model in which these weigh nothing and their own parameters are frozen.
@Suite struct TaskStopTests {
    struct Setting: CustomTestStringConvertible, Sendable {
        let name: String
        var architecture: any Architecture = SharedBottom(trunk: [.dense(8, .tanh), .dense(6, .gelu)])
        /// Patterns of what tasks a and c train alone.
        var own = ["heads.a.*", "heads.c.*"]
        var optimizer = Optimizer.adam(learningRate: 1e-2, weightDecay: 0.1)
        var tableOptimizer: Optimizer?
        var schedule = Schedule.joint
        var clipping = GradientClipping.none
        var averaging: Double?
        var isSliced = false
        var hasTables = true
        var batch = 60

        var testDescription: String { name }
    }

    static let settings: [Setting] = [
        Setting(name: "heads over a shared bottom"),
        Setting(name: "numbers alone", hasTables: false),
        Setting(
            name: "layers in slices", architecture: SharedBottom(trunk: [.relu(64), .relu(32)]),
            isSliced: true, hasTables: false, batch: 32),
        Setting(name: "a bound on the norm", clipping: .norm(0.05)),
        Setting(name: "a bound on the norm, numbers alone", clipping: .norm(0.05), hasTables: false),
        Setting(
            name: "momentum", optimizer: .sgd(learningRate: 0.05, momentum: 0.9, weightDecay: 0.1),
            hasTables: false),
        Setting(name: "averages", averaging: 0.9),
        Setting(
            name: "tables of their own", architecture: SeparateNetworks(layers: [.dense(8, .tanh)]),
            own: [
                "heads.a.*", "heads.c.*", "networks.a.*", "networks.c.*", "embeddings.a.*", "embeddings.c.*",
            ], tableOptimizer: .rowAdagrad(learningRate: 0.05).withRowDecay(0.01), clipping: .norm(0.05)),
        Setting(
            name: "projected tables of their own",
            architecture: SeparateNetworks(layers: [.dense(8, .tanh)]),
            own: [
                "heads.a.*", "heads.c.*", "networks.a.*", "networks.c.*", "embeddings.a.*", "embeddings.c.*",
            ], batch: 300),
        Setting(
            name: "networks that are held together",
            architecture: SoftSharing(layers: [.dense(8, .tanh)], weight: 0.1),
            own: ["heads.a.*", "heads.c.*", "networks.a.*", "networks.c.*"]),
        Setting(
            name: "selectors with a loss of their own",
            architecture: DSelectK(
                experts: 4, layers: [.dense(6, .tanh)], entropy: 0.1),
            own: ["heads.a.*", "heads.c.*", "gates.a.*", "gates.c.*"]),
        Setting(
            name: "levels",
            schedule: .hierarchical(
                Hierarchy(levels: [["b"], ["a", "c"]], turns: .steps(2), regularization: 0.1))),
    ]

    private func trainer(
        _ setting: Setting, _ tasks: [LearningTask], frozen: [String] = [], _ compute: ComputeOptions
    ) throws -> Trainer<Double> {
        let model = try MultiTaskModel(
            inputs: 6, embedded: setting.hasTables ? SmallProblem.embedded : [],
            tables: setting.hasTables ? SmallProblem.tables : [], architecture: setting.architecture,
            tasks: tasks)
        let names = model.layout.segments.filter(\.isTrained).map(\.name)
        let patterns = frozen.filter { pattern in names.contains { LayerRates.matches($0, pattern) } }
        return try Trainer(
            model, optimizer: setting.optimizer, tableOptimizer: setting.tableOptimizer,
            schedule: setting.schedule,
            layerRates: LayerRates(Dictionary(uniqueKeysWithValues: patterns.map { ($0, 0.0) })),
            batchSize: setting.batch, clipping: setting.clipping, averaging: setting.averaging, seed: 3,
            compute: compute)
    }

    /// Of tasks a, b and c the first rests, or the first and the last.
    @Test(arguments: settings, [1, 2])
    func restingIsWeighingNothingAndBeingFrozen(setting: Setting, count: Int) throws {
        let stopped = count == 1 ? [0] : [0, 2]
        // In a level whose tasks all rest nothing is left to compare: its turns are the loop's to skip.
        guard count == 1 || setting.schedule == .joint else { return }
        let tasks = SmallProblem.tasks.enumerated().map { index, task in
            LearningTask(
                task.name, kind: task.kind, weight: stopped.contains(index) ? 0 : task.weight,
                tower: task.tower)
        }
        let frozen = setting.own.filter { name in
            stopped.contains { name.contains(".\(SmallProblem.tasks[$0].name).") }
        }
        let data = try SmallProblem.data(Double.self, rows: 3 * setting.batch, embedded: setting.hasTables)
        for threads in [1, 2] {
            let compute = ComputeOptions(threads: threads, backend: setting.isSliced ? .kernels : .automatic)
            let resting = try trainer(setting, SmallProblem.tasks, compute)
            #expect(!setting.isSliced || resting.trainingStep.isSliced)
            let reference = try trainer(setting, tasks, frozen: frozen, compute)
            let begun = resting.parameters
            resting.trainingStep.stop(Set(stopped))
            for step in 0..<6 {
                let rows = step % 3 * setting.batch..<(step % 3 + 1) * setting.batch
                let (found, expected) = (
                    try resting.step(data, rows: rows), try reference.step(data, rows: rows)
                )
                expectClose(found, expected, relative: 1e-12, absolute: 1e-12, setting.name)
            }
            expectClose(
                resting.parameters, reference.parameters, relative: 1e-11, absolute: 1e-12, setting.name)
            if let averaged = resting.averagedParameters {
                expectClose(
                    averaged, try #require(reference.averagedParameters), relative: 1e-11, absolute: 1e-12)
            }
            var moved = 0
            for segment in resting.model.layout.segments {
                let range = segment.offset..<segment.offset + segment.count
                let isOwn = frozen.contains { LayerRates.matches(segment.name, $0) }
                let isStill = range.allSatisfy { resting.parameters[$0] == begun[$0] }
                #expect(isStill || !isOwn, "\(segment.name)")
                if !isStill { moved += 1 }
            }
            #expect(moved > 0)
        }
    }

    /// From the middle of training on, all that others train has the very bits that it has where the task's labels are missing.
    @Test(arguments: [1, 2, 3])
    func othersGoOnToTheSameBits(threads: Int) throws {
        let setting = Setting(name: "tables", optimizer: .adam(learningRate: 1e-2))
        let (compute, batch) = (ComputeOptions(threads: threads), setting.batch)
        let all = try SmallProblem.data(Float.self, rows: 6 * batch, embedded: true)
        let without = try SmallProblem.data(
            Float.self, rows: 6 * batch, embedded: true,
            labelled: { row, task in (task != 0 || row < 3 * batch) && (row + task) % 5 != 0 })
        func run(rests: Bool) throws -> Trainer<Float> {
            let model = try MultiTaskModel(
                inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
                trunk: [.dense(8, .tanh)], tasks: SmallProblem.tasks)
            let trainer = try Trainer<Float>(
                model, optimizer: setting.optimizer, batchSize: batch, seed: 3, compute: compute)
            for step in 0..<3 { try trainer.step(all, rows: step * batch..<(step + 1) * batch) }
            if rests { trainer.trainingStep.stop([0]) }
            for step in 3..<6 {
                try trainer.step(rests ? all : without, rows: step * batch..<(step + 1) * batch)
            }
            return trainer
        }
        let (rested, missed) = (try run(rests: true), try run(rests: false))
        for segment in rested.model.layout.segments {
            let (found, expected) = (
                try rested.parameter(segment.name), try missed.parameter(segment.name)
            )
            #expect((found == expected) == !segment.name.hasPrefix("heads.a"), "\(segment.name)")
        }
    }

    @Test func aTaskThatGoesOnAgainLearnsAgain() throws {
        let setting = Setting(name: "numbers", hasTables: false)
        let trainer = try trainer(setting, SmallProblem.tasks, ComputeOptions())
        let data = try SmallProblem.data(Double.self, rows: 60)
        trainer.trainingStep.stop([0, 1, 2])
        let begun = trainer.parameters
        try trainer.step(data, rows: 0..<60)
        #expect(trainer.parameters == begun)
        trainer.trainingStep.stop([])
        try trainer.step(data, rows: 0..<60)
        #expect(zip(trainer.parameters, begun).allSatisfy { $0 != $1 })
    }
}
