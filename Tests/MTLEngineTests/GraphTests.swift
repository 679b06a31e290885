import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Laws of the graph and its architectures.
@Suite struct GraphTests {
    // MARK: The same functions

    func expectSame(
        _ first: Trainer<Double>, _ second: Trainer<Double>, _ data: Dataset<Double>, steps: Int = 3
    ) throws {
        for step in 0..<steps {
            let rows = step * 60..<(step + 1) * 60
            expectClose(
                try first.step(data, rows: rows), try second.step(data, rows: rows), absolute: 1e-11, "losses"
            )
        }
        for task in SmallProblem.tasks {
            expectClose(
                try first.predict(data).values(task.name), try second.predict(data).values(task.name),
                absolute: 1e-9,
                task.name)
        }
    }

    @Test func oneExpertIsSharedBottom() throws {
        let layers: [HiddenLayer] = [.dense(8, .tanh), .dense(5, .relu)]
        let shared = try SmallProblem.trainer(SharedBottom(trunk: layers))
        for seed: UInt64 in [1, 2] {
            let mixture = try SmallProblem.trainer(MMoE(experts: 1, layers: layers), seed: seed)
            for segment in mixture.model.layout.segments where !segment.name.hasPrefix("gates") {
                try mixture.setParameter(
                    segment.name,
                    to: shared.parameter(segment.name.replacing("experts.0", with: "trunk")))
            }
            let twin = try SmallProblem.trainer(SharedBottom(trunk: layers))
            try twin.copyParameters(from: shared)
            try expectSame(mixture, twin, try SmallProblem.data(Double.self, rows: 180))
        }
    }

    @Test func oneLevelWithoutOwnExpertsIsMMoE() throws {
        let layers: [HiddenLayer] = [.dense(8, .tanh)]
        let mixture = try SmallProblem.trainer(MMoE(experts: 3, layers: layers))
        let level = try SmallProblem.trainer(PLE(levels: [PLE.Level(own: 0, shared: 3, layers: layers)]))
        try level.copyParameters(from: mixture) {
            $0.replacing("levels.0.experts.shared", with: "experts").replacing(
                "levels.0.gates", with: "gates")
        }
        try expectSame(mixture, level, try SmallProblem.data(Double.self, rows: 180))
    }

    /// With α the identity tasks do not see each other: as many networks as tasks, in their first step's gradients and
    /// their predictions.
    @Test func crossStitchWithTheIdentityIsSeparateNetworks() throws {
        let layers: [HiddenLayer] = [.dense(8, .tanh), .dense(5, .gelu)]
        let together = try SmallProblem.trainer(CrossStitch(layers: layers, own: 1))
        let data = try SmallProblem.data(Double.self, rows: 60)
        let predictions = try together.predict(data)
        let losses = try together.step(data, rows: 0..<60)
        for (index, task) in SmallProblem.tasks.enumerated() {
            let alone = try SmallProblem.trainer(CrossStitch(layers: layers, own: 1), tasks: [task])
            // The stream of a parameter is its name's: the same seed draws the same network.
            expectClose(
                try alone.predict(data).values(task.name), try predictions.values(task.name), absolute: 1e-12)
            expectClose(try alone.step(data, rows: 0..<60), [losses[index]], absolute: 1e-12)
            for segment in alone.model.layout.segments where !segment.name.hasPrefix("stitches") {
                expectClose(
                    try alone.gradient(segment.name), try together.gradient(segment.name), absolute: 1e-12,
                    segment.name)
            }
        }
    }

    @Test func permutingTasksPermutesOutputs() throws {
        let data = try SmallProblem.data(Double.self, rows: 180)
        func check(_ architecture: some Architecture) throws {
            // Streams follow names, so both begin alike.
            let first = try SmallProblem.trainer(architecture)
            let other = try SmallProblem.trainer(
                architecture, tasks: [SmallProblem.tasks[2], SmallProblem.tasks[0], SmallProblem.tasks[1]])
            for segment in first.model.layout.segments {
                // A stitch and a gate of all experts list tasks in the model's order.
                guard !segment.name.hasPrefix("stitches") else { continue }
                #expect(try first.parameter(segment.name) == (try other.parameter(segment.name)))
            }
            for step in 0..<3 {
                let rows = step * 60..<(step + 1) * 60
                let (a, b) = (try first.step(data, rows: rows), try other.step(data, rows: rows))
                expectClose(a, [b[1], b[2], b[0]], absolute: 1e-11, "losses")
            }
            for task in SmallProblem.tasks {
                expectClose(
                    try first.predict(data).values(task.name), try other.predict(data).values(task.name),
                    absolute: 1e-9)
            }
        }
        try check(SharedBottom(trunk: [.relu(9)]))
        try check(MMoE(experts: 3, layers: [.relu(9)]))
        try check(PLE.cgc(own: 1, shared: 2, layers: [.dense(6, .tanh)]))
        try check(CrossStitch(layers: [.dense(6, .tanh)]))
    }

    @Test func expertsBeginDifferently() throws {
        let trainer = try SmallProblem.trainer(MMoE(experts: 4, layers: [.relu(8)]))
        let experts = try (0..<4).map { try trainer.parameter("experts.\($0).0.weight") }
        for (index, one) in experts.enumerated() {
            for other in experts[..<index] { #expect(zip(one, other).allSatisfy { $0 != $1 }) }
        }
    }

    // MARK: Everything at once

    func everything(
        threads: Int, schedule: Schedule, clipping: GradientClipping, batch: Int = 300
    ) throws -> (bits: [UInt32], predictions: [Float]) {
        let model = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            scenarios: 4, architecture: Everything(), tasks: SmallProblem.tasks)
        let trainer = try Trainer<Float>(
            model, schedule: schedule, batchSize: batch, clipping: clipping, seed: 6,
            compute: ComputeOptions(threads: threads, backend: .kernels))
        let data = try SmallProblem.data(
            Float.self, rows: 2500, scenarios: 4, embedded: true)
        try trainer.fit(data, until: StoppingRule(epochs: 2, steps: 9, patience: nil))
        return (trainer.parameters.map(\.bitPattern), try trainer.predict(data).values("c"))
    }

    @Test(arguments: [Schedule.joint, .alternating(.batch)])
    func sameBitsForAnyThreads(schedule: Schedule) throws {
        for (clipping, batch) in [(GradientClipping.none, 300), (.norm(0.5), 1300), (.value(0.01), 30)] {
            let first = try everything(threads: 1, schedule: schedule, clipping: clipping, batch: batch)
            for threads in [1, 2, 3] {
                let again = try everything(
                    threads: threads, schedule: schedule, clipping: clipping, batch: batch)
                #expect(first.bits == again.bits, "\(threads) threads, \(clipping)")
                #expect(first.predictions == again.predictions)
            }
        }
    }

    @Test func aRowsPredictionDoesNotDependOnItsNeighbours() throws {
        let model = try MultiTaskModel(
            inputs: 6, scenarios: 4, architecture: Everything(), tasks: SmallProblem.tasks)
        let trainer = try Trainer<Float>(model, batchSize: 200, compute: ComputeOptions(threads: 2))
        let data = try SmallProblem.data(
            Float.self, rows: 600, scenarios: 4)
        try trainer.fit(data, until: StoppingRule(epochs: 2, patience: nil))
        let all = try trainer.predict(data).values("c")
        for row in [0, 3, 127, 128, 599] {
            let alone = try Dataset<Float>(
                featureNames: data.featureNames, features: data.features(row: row), labels: [],
                scenarios: [Int32(SmallProblem.scenario(row, of: 4))])
            #expect(try trainer.predict(alone).values("c") == [all[row]])
        }
    }

    /// Not a bit of a scenario that the batch does not have moves, and its gradient is exactly 0.
    @Test func aScenarioWithoutRowsRests() throws {
        let model = try MultiTaskModel(
            inputs: 6, scenarios: 3, architecture: Everything(), tasks: SmallProblem.tasks)
        let trainer = try Trainer<Float>(model, batchSize: 100)
        var generator = SeededGenerator(seed: 2)
        func batch(_ scenarios: Int) throws -> Dataset<Float> {
            try Dataset(
                featureNames: (0..<6).map { "x\($0)" },
                features: (0..<600).map { _ in Float(generator.normal()) },
                labels: SmallProblem.tasks.map { ($0.name, (0..<100).map { Float($0 % 2) }) },
                scenarios: (0..<100).map { Int32($0 % scenarios) })
        }
        try trainer.step(try batch(3), rows: 0..<100)
        let mine = model.layout.segments.map(\.name).filter { $0.contains(".2.") && !$0.hasPrefix("e.") }
        #expect(mine.count == 11)
        for name in mine where !name.contains("running") && !name.contains("tracked") {
            #expect(try trainer.gradient(name).contains { $0 != 0 }, "\(name)")
        }
        let before = try mine.map { try trainer.parameter($0) }
        try trainer.step(try batch(2), rows: 0..<100)
        for (name, old) in zip(mine, before) {
            #expect(try trainer.parameter(name) == old, "\(name)")
            #expect(try trainer.gradient(name).allSatisfy { $0 == 0 }, "\(name)")
        }
        #expect(try trainer.gradient("own.1.weight").contains { $0 != 0 })
    }

    /// In a turn the other tasks' towers, gates and own experts rest, bit for bit.
    @Test func otherTasksRestInATurn() throws {
        let model = try MultiTaskModel(
            inputs: 6, architecture: PLE.cgc(own: 2, shared: 1, layers: [.relu(8)]), tasks: SmallProblem.tasks
        )
        let trainer = try Trainer<Float>(model, schedule: .alternating(.steps(1)), batchSize: 50)
        let before = try model.layout.segments.map { try trainer.parameter($0.name) }
        try trainer.fit(
            try SmallProblem.data(Float.self, rows: 50),
            until: StoppingRule(epochs: 1, steps: 1, patience: nil))
        for (segment, old) in zip(model.layout.segments, before) {
            let isOthers = [".b.", ".c."].contains { segment.name.contains($0) }
            #expect((try trainer.parameter(segment.name) == old) == isOthers, "\(segment.name)")
        }
    }

    @Test func noGradientPassesAStop() throws {
        let trainer = try SmallProblem.trainer(
            Probe { graph in
                let h = graph.dense(graph.features, units: 9, activation: .tanh, name: "h")
                let k = graph.dense(graph.features, units: 9, activation: .tanh, name: "k")
                return graph.heads([h.stopped, graph.multiply(k, h.stopped), k])
            })
        let before = try trainer.parameter("h.weight")
        try trainer.step(try SmallProblem.data(Double.self, rows: 60), rows: 0..<60)
        #expect(try trainer.parameter("h.weight") == before)
        #expect(try trainer.gradient("h.weight").allSatisfy { $0 == 0 })
        #expect(try trainer.gradient("k.weight").contains { $0 != 0 })
    }

    // MARK: Options

    @Test func theNormIsCut() throws {
        let data = try SmallProblem.data(Double.self, rows: 60)
        func step(_ clipping: GradientClipping) throws -> [Double] {
            let model = try MultiTaskModel(
                inputs: 6, architecture: SharedBottom(trunk: [.relu(7)]), tasks: SmallProblem.tasks)
            let trainer = try Trainer<Double>(
                model, optimizer: .sgd(learningRate: 1), batchSize: 60, clipping: clipping, seed: 2)
            let before = trainer.parameters
            try trainer.step(data, rows: 0..<60)
            return zip(before, trainer.parameters).map { $0 - $1 }
        }
        let whole = try step(.none)
        let norm = whole.reduce(0) { $0 + $1 * $1 }.squareRoot()
        expectClose(try step(.norm(norm / 3)), whole.map { $0 / 3 }, absolute: 1e-5)
        expectClose(try step(.norm(norm * 2)), whole, absolute: 0)
        expectClose(try step(.value(0.02)), whole.map { max(-0.02, min(0.02, $0)) }, absolute: 1e-12)
        #expect(throws: InputError.self) { try step(.norm(0)) }
    }

    @Test func dropoutDropsItsShare() throws {
        let model = try MultiTaskModel(
            inputs: 6,
            architecture: Probe { graph in
                let x = graph.dropout(graph.features, rate: 0.25)
                return graph.heads([x, x, x])
            }, tasks: [.regression("a"), .regression("b"), .regression("c")])
        // With weights 0 and labels -1/2, the gradient of a weight is the mean of what is left of its feature of ones.
        let rows = 4000
        let data = try Dataset<Double>(
            featureNames: (0..<6).map { "x\($0)" }, features: [Double](repeating: 1, count: rows * 6),
            labels: model.tasks.map { ($0.name, [Double](repeating: -0.5, count: rows)) })
        let trainer = try Trainer<Double>(
            model, optimizer: .sgd(learningRate: 0), batchSize: rows, seed: 2)
        trainer.parameters = trainer.parameters.map { _ in 0 }
        try trainer.step(data, rows: 0..<rows)
        let first = try trainer.gradient("heads.a.0.weight")
        for mean in first { #expect(abs(mean - 1) < 0.04 && mean != 1) }
        #expect(Set(first).count == 6)
        try trainer.step(data, rows: 0..<rows)
        #expect(try trainer.gradient("heads.a.0.weight") != first)
        #expect(try trainer.predict(data).values("a").allSatisfy { $0 == 0 })
    }

    @Test func wrongInputIsRefused() throws {
        func model(_ architecture: some Architecture) throws -> MultiTaskModel {
            try MultiTaskModel(inputs: 6, scenarios: 2, architecture: architecture, tasks: SmallProblem.tasks)
        }
        #expect(throws: InputError.self) { try model(MMoE(experts: 0, layers: [.relu(3)])) }
        #expect(throws: InputError.self) { try model(MMoE(experts: 2, layers: [])) }
        #expect(throws: InputError.self) { try model(MMoE(experts: 2, layers: [.relu(3)], temperature: 0)) }
        #expect(throws: InputError.self) { try model(PLE(levels: [])) }
        #expect(throws: InputError.self) { try model(CrossStitch(layers: [.relu(0)])) }
        let trainer = try Trainer<Double>(model(Everything()))
        #expect(throws: InputError.self) {
            try trainer.predict(
                try SmallProblem.data(Double.self, rows: 10, scenarios: 3))
        }
        let without = try Dataset<Double>(
            featureNames: (0..<6).map { "x\($0)" }, features: [Double](repeating: 1, count: 60), labels: [])
        #expect(throws: InputError.self) { try trainer.predict(without) }
    }
}
