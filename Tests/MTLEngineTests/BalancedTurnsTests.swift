import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Tasks that are weighed against each other while they take turns.
@Suite struct BalancedTurnsTests {
    private static let tasks: [LearningTask] = [
        .binary("a", weight: 0.7, tower: [.dense(4, .tanh)]), .binary("b", weight: 1.5), .binary("c"),
        .binary("d", weight: 0.6),
    ]
    private static let pairs = Schedule.hierarchical(
        Hierarchy(levels: [["a", "b"], ["c", "d"]], turns: .batch))
    private static let blocks = Schedule.alternating(.batch, trains: .blocks)

    private func trainer<Scalar: BLASScalar>(
        _: Scalar.Type, _ balancing: Balancing, _ schedule: Schedule = .joint,
        tasks: [LearningTask] = tasks, threads: Int = 1
    ) throws -> Trainer<Scalar> {
        let model = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            architecture: SharedBottom(trunk: [.dense(7, .tanh), .relu(5)]), tasks: tasks)
        return try Trainer(
            model, schedule: schedule, batchSize: 150, balancing: balancing, seed: 4,
            compute: ComputeOptions(threads: threads))
    }

    /// Four tasks by one number each; those that are not `known` have no label among the first 150 rows.
    private func rows<Scalar: BLASScalar>(
        _: Scalar.Type, known: Set<String> = ["a", "b", "c", "d"], count: Int = 150
    ) throws -> Dataset<Scalar> {
        var generator = SeededGenerator(seed: 31)
        let x = (0..<count * 6).map { _ in Scalar(generator.normal()) }
        let ids = (0..<count).map { _ in Int32(generator.below(9)) }
        let bags = (0..<count).map { _ in (0..<generator.below(5)).map { _ in Int32(generator.below(7)) } }
        return try Dataset(
            featureNames: (0..<6).map { "x\($0)" }, features: x,
            ids: [IDColumn("user", ids: ids), IDColumn("history", bags: bags)],
            labels: Self.tasks.enumerated().map { place, task in
                (
                    task.name,
                    (0..<count).map { row in
                        (!known.contains(task.name) && row < 150) || (row + place) % 6 == 0
                            ? .nan : x[row * 6 + place] > 0 ? 1 : 0
                    }
                )
            })
    }

    private func look(_ trainer: Trainer<Double>, _ rows: Dataset<Double>, turn: Int) throws -> [String:
        [Double]]
    {
        let source = try BatchSource(rows, for: trainer.model)
        withExtendedLifetime(source) {
            _ = trainer.trainingStep.step(source.batch(start: 0, rows: 150), turn: turn, updates: false)
        }
        var found: [String: [Double]] = [:]
        for segment in trainer.model.layout.segments where segment.isTrained {
            found[segment.name] = try trainer.gradient(segment.name)
        }
        return found
    }

    /// Weights that are known beforehand are of all tasks, and multiply the loss of those whose turn it is.
    @Test(arguments: [
        Balancing.uncertainty(learningRate: 0.3), .imtlL(learningRate: 0.3), .dwa(temperature: 0.2), .rlw,
        .cov(),
        .decay(gamma: 0.5, tasks: ["b": 0.9]),
    ])
    func lossesOfTheTurnAreMultiplied(_ method: Balancing) throws {
        let rows = try rows(Double.self)
        for schedule in [Schedule.alternating(.batch), Self.pairs, Self.blocks] {
            let balanced = try trainer(Double.self, method, schedule)
            for step in 0..<6 {
                try balanced.step(rows, rows: 0..<150)
                if step % 2 == 1 { balanced.trainingStep.balancer?.endEpoch() }
            }
            for turn in balanced.schedulePlan.turns.indices {
                let found = try look(balanced, rows, turn: turn)
                let weights = balanced.trainingStep.taskWeights
                #expect(weights.allSatisfy { $0 > 0 } && Set(weights).count > 1, "\(weights)")
                let weighed = zip(Self.tasks, weights).map { own, weight in
                    LearningTask.binary(own.name, weight: weight * own.weight, tower: own.tower)
                }
                let plain = try trainer(Double.self, .fixed, schedule, tasks: weighed)
                plain.parameters = balanced.parameters
                for (name, expected) in try look(plain, rows, turn: turn) {
                    expectClose(
                        try #require(found[name]), expected, relative: 1e-10, absolute: 1e-14,
                        "\(method.kind), \(name), turn \(turn)")
                }
            }
        }
    }

    /// In a turn of two tasks a method does what it does in a batch that has no labels of the others.
    @Test(arguments: [
        Balancing.mgda(.norm), .caGrad(), .pcGrad, .gls, .famo(), .softOptimalUncertainty(), .stch(warmup: 0),
        .excessMTL(stepSize: 0.5), .gradNorm(learningRate: 0.5), .autoScale(window: 2),
        .mgda(.norm).withGradients(of: .parameters), .autoScale(window: 2).withGradients(of: .layers),
    ])
    func aTurnIsABatchOfItsTasks(_ method: Balancing) throws {
        let all = try rows(Double.self, count: 180)
        for (turn, known) in [["a", "b"], ["c", "d"]].enumerated() {
            let turns = try trainer(Double.self, method, Self.pairs)
            let joint = try trainer(Double.self, method)
            let some = try rows(Double.self, known: Set(known), count: 180)
            let source = try BatchSource(all, for: turns.model)
            for step in 0..<5 {
                joint.parameters = turns.parameters
                try joint.step(some, rows: 0..<150)
                withExtendedLifetime(source) {
                    _ = turns.trainingStep.step(source.batch(start: 0, rows: 150), turn: turn)
                }
                let (found, expected) = (turns.trainingStep.taskWeights, joint.trainingStep.taskWeights)
                expectClose(found, expected, relative: 1e-9, absolute: 1e-13, "\(method.kind), step \(step)")
                #expect(expected.count { $0 != 0 } == 2)
                for segment in turns.model.layout.segments where segment.isTrained {
                    expectClose(
                        try turns.gradient(segment.name), try joint.gradient(segment.name), relative: 1e-9,
                        absolute: 1e-13, "\(method.kind), \(segment.name), step \(step)")
                }
                if step == 1 { for one in [turns, joint] { one.trainingStep.balancer?.endEpoch() } }
            }
        }
    }

    /// Of two blocks what tasks share gets the weighted sum, and what is one task's own is left as it is by methods of gradients.
    @Test func onlyWhatIsSharedIsWeighed() throws {
        let rows = try rows(Double.self)
        let balanced = try trainer(Double.self, .mgda(.norm), Self.blocks)
        let joint = try trainer(Double.self, .mgda(.norm))
        let plain = try trainer(Double.self, .fixed)
        for trainer in [joint, plain] { trainer.parameters = balanced.parameters }
        let (shared, own) = (try look(balanced, rows, turn: 0), try look(balanced, rows, turn: 1))
        let (whole, alone) = (try look(joint, rows, turn: 0), try look(plain, rows, turn: 0))
        for name in ["embeddings.user.weight", "trunk.0.weight", "trunk.1.bias"] {
            expectClose(
                try #require(shared[name]), try #require(whole[name]), relative: 1e-10, absolute: 1e-14, name)
            #expect(shared[name] != alone[name] && own[name]?.allSatisfy { $0 == 0 } == true)
        }
        for name in ["heads.a.0.weight", "heads.b.0.weight"] {
            expectClose(
                try #require(own[name]), try #require(alone[name]), relative: 1e-10, absolute: 1e-14, name)
        }
    }

    private static let runs: [(Balancing, Schedule)] = [
        (.uncertainty(), .alternating(.batch)), (.dwa(), .alternating(.epoch)),
        (.rlw, .alternating(.steps(2), order: .shuffled)), (.lbtw(), .alternating(.batch, trains: .heads)),
        (.famo(), pairs), (.caGrad().smoothed(0.5), pairs), (.gradNorm(), blocks), (.metaBalance(), blocks),
        (.autoScale(window: 3), blocks), (.autoScale(.lossScale), .alternating(.batch)),
        (.caGrad().withGradients(of: .parameters), pairs), (.upGrad.withGradients(of: .layers), blocks),
        (
            .excessMTL(stepSize: 0.5),
            .hierarchical(
                Hierarchy(
                    levels: [["a", "b"], ["c", "d"]], turns: .epoch, regularization: 0.1, unfreezeEvery: 1))
        ),
    ]

    @Test(arguments: runs.indices) func bitsDoNotDependOnThreads(number: Int) throws {
        let (method, schedule) = Self.runs[number]
        let rows = try rows(Float.self, count: 400)
        let found = try [1, 2, 3].map { threads in
            let trainer = try trainer(Float.self, method, schedule, threads: threads)
            let report = try trainer.fit(rows, until: StoppingRule(epochs: 6, patience: nil))
            #expect(trainer.isFinite)
            let weights = report.epochs.compactMap(\.taskWeights)
            // An epoch of frozen layers has none; a task without a turn neither.
            #expect(!weights.isEmpty && weights.joined().allSatisfy { $0.isNaN || $0 > 0 }, "\(weights)")
            return trainer.parameters
        }
        #expect(found.allSatisfy { $0 == found[0] })
    }

    /// A run that goes on from the method's position and the step's memory is the one that never stopped.
    @Test(arguments: runs.indices) func aPositionIsAllThatARunNeeds(number: Int) throws {
        let (method, schedule) = Self.runs[number]
        let rows = try rows(Float.self)
        let whole = try trainer(Float.self, method, schedule)
        for _ in 0..<3 { try whole.step(rows, rows: 0..<150) }
        whole.trainingStep.balancer?.endEpoch()
        try whole.step(rows, rows: 0..<150)
        let (position, counters) = (whole.trainingStep.balancer?.position, whole.trainingStep.counters)
        var parts = Dictionary(
            uniqueKeysWithValues: whole.trainingStep.memories.map { ($0.name, Array($0.values)) })
        parts["parameters"] = whole.parameters
        for _ in 0..<3 { try whole.step(rows, rows: 0..<150) }
        let second = try trainer(Float.self, method, schedule)
        try second.restore(position)
        second.restore(counters, nil) { name, memory in _ = memory.update(fromContentsOf: parts[name] ?? []) }
        for _ in 0..<3 { try second.step(rows, rows: 0..<150) }
        #expect(second.parameters == whole.parameters)
    }

    @Test func whatHasNoMeaningIsRefused() throws {
        func found(_ method: Balancing, _ schedule: Schedule) -> InputError? {
            failure { _ = try self.trainer(Float.self, method, schedule) }
        }
        let three = Schedule.hierarchical(Hierarchy(levels: [["a", "b", "c"], ["d"]], turns: .batch))
        for (method, schedule, owner) in [
            (Balancing.mgda(), Schedule.alternating(.batch), "a"), (.famo(), .alternating(.batch), "a"),
            (.upGrad, three, "d"), (.gls, three, "d"), (.gradNorm(), three, "d"),
            (.priorities(), .alternating(.batch), "a"), (.priorities(), three, "d"),
            (.autoScale(), three, "d"),
        ] {
            let error = found(method, schedule)
            #expect(error?.place == "balancing")
            #expect(
                error?.found.hasSuffix("beside a turn of \(owner) alone") == true, "\(error?.found ?? "")")
            #expect(error?.expected.contains("dwa") == true && error?.expected.contains("famo") == false)
        }
        for method in [Balancing.uncertainty(), .dwa(), .rlw, .decay(), .cov(), .imtlL(), .lbtw(), .dtp()] {
            #expect(found(method, .alternating(.batch)) == nil && found(method, three) == nil)
        }
        let heads = Schedule.alternating(.batch, trains: .heads)
        #expect(found(.mgda(), heads)?.found.contains("train nothing that tasks share") == true)
        #expect(found(.nashMTL(every: 2), Self.pairs)?.place == "balancing, every")
        #expect(found(.nashMTL(every: 2), Self.blocks) == nil)
        #expect(found(.nashMTL(), Self.pairs) == nil)
        #expect(found(.metaBalance(main: "c"), Self.pairs)?.found.contains("a turn of a, b") == true)
        #expect(found(.metaBalance(main: "c"), Self.blocks) == nil)
    }
}
