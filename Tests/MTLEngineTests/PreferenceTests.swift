import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Models that read a preference beside their features: a dial between tasks.
@Suite struct PreferenceTests {
    private static let tasks: [LearningTask] = [.binary("a"), .binary("b"), .regression("c")]

    private func model(
        preference: [String: Double]? = ["a": 1, "b": 4], _ architecture: some Architecture,
        tasks: [LearningTask] = tasks
    ) throws -> MultiTaskModel {
        try MultiTaskModel(inputs: 5, architecture: architecture, tasks: tasks, preference: preference)
    }

    private func trainer<Scalar: BLASScalar>(
        _: Scalar.Type, _ model: MultiTaskModel, alpha: Double = 0.8, penalty: Double = 0.5,
        schedule: Schedule = .joint, averaging: Double? = nil, threads: Int = 1, batch: Int = 23
    ) throws -> Trainer<Scalar> {
        try Trainer(
            model, optimizer: .adam(learningRate: 0.01), schedule: schedule, batchSize: batch,
            averaging: averaging, balancing: .cosmos(alpha: alpha, penalty: penalty), seed: 6,
            compute: ComputeOptions(threads: threads))
    }

    private var bottom: SharedBottom { SharedBottom(trunk: [.dense(7, .tanh)]) }

    /// Thirty steps of PyTorch's: losses, parameters, and answers at the model's own preference and at another one.
    @Test func stepsAreTheReferences() throws {
        let golden = try Golden("preference")
        let model = try model(bottom)
        let rows = try golden.dataset(Double.self, for: model)
        for threads in [1, 3] {
            let trainer = try trainer(Double.self, model, threads: threads)
            try golden.begin(trainer)
            let tolerance = Golden.Tolerance(relative: 1e-9, absolute: 1e-10)
            let preferences = try golden.tensors.values("preferences")
            for step in 0..<30 {
                try golden.train(trainer, rows, steps: step..<step + 1, tolerance)
                expectClose(
                    trainer.trainingStep.preference, Array(preferences[step * 3..<step * 3 + 3]),
                    relative: 1e-12, absolute: 1e-15, "preference of step \(step)")
            }
            try golden.checkEnd(trainer, tolerance)
            let predictor = try Predictor(model, parameters: trainer.parameters)
            for (preference, prefix) in [(nil, "answers"), (["c": 3, "a": 7] as [String: Double]?, "dial")] {
                if let preference { try predictor.setPreference(preference) }
                let logits = try predictor.logits(rows)
                for task in Self.tasks {
                    expectClose(
                        try logits.values(task.name), try golden.tensors.values("\(prefix)/\(task.name)"),
                        relative: 1e-8, absolute: 1e-9, "\(prefix), \(task.name)")
                }
            }
        }
    }

    private static let architectures: [any Architecture & Sendable] = [
        SharedBottom(trunk: [.dense(7, .tanh), .dense(4, .gelu)]),
        MMoE(experts: 2, layers: [.dense(5, .tanh)]), SeparateNetworks(layers: [.dense(5, .tanh)]),
    ]

    /// Every gradient against central differences of Σ p_t L_t - λ cos(L, p).
    @Test(arguments: architectures.indices) func gradientsAreThoseOfTheLoss(number: Int) throws {
        let architecture = Self.architectures[number]
        let model = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            architecture: architecture,
            tasks: SmallProblem.tasks.map { LearningTask($0.name, kind: $0.kind) },
            preference: [:])
        let rows: Dataset<Double> = try SmallProblem.data(Double.self, rows: 60, embedded: true)
        let trainer = try trainer(Double.self, model, penalty: 3, threads: 2, batch: 60)
        let source = try BatchSource(rows, for: model)
        func look() { trainer.trainingStep.step(source.batch(start: 0, rows: 60), updates: false) }
        let balancer = try #require(trainer.trainingStep.balancer)
        let beginning = balancer.position
        look()
        let preference = trainer.trainingStep.preference
        let point = trainer.parameters
        var analytic = [Double](repeating: 0, count: point.count)
        var skips = Set<Int>()
        for segment in model.layout.segments {
            guard segment.isTrained else {
                skips.formUnion(segment.offset..<segment.offset + segment.count)
                continue
            }
            try analytic.withUnsafeMutableBufferPointer { buffer in
                try model.layout.write(
                    trainer.gradient(segment.name), to: segment, of: try #require(buffer.baseAddress))
            }
        }
        let error = try GradientCheck.relativeError(of: analytic, at: point, skips: skips) { parameters in
            trainer.parameters = parameters
            // The same draw.
            try balancer.restore(beginning)
            look()
            #expect(trainer.trainingStep.preference == preference)
            let losses = Array(trainer.trainingStep.losses)
            let sum = zip(losses, preference).reduce(0) { $0 + $1.0 * $1.1 }
            let lengths = [losses, preference].map { sqrt($0.reduce(0) { $0 + $1 * $1 }) }
            return sum - 3 * sum / (lengths[0] * lengths[1])
        }
        #expect(error < GradientCheck.tolerance)
        withExtendedLifetime(source) {}
    }

    /// Rows whose tasks want opposite things of one number.
    private func conflict<Scalar: BLASScalar>(_: Scalar.Type, count: Int) throws -> Dataset<Scalar> {
        var generator = SeededGenerator(seed: 23)
        let x = (0..<count * 5).map { _ in Scalar(generator.normal()) }
        func label(_ sign: Double) -> [Scalar] {
            (0..<count).map { row in
                1 / (1 + exp(-3 * sign * Double(x[row * 5]))) > generator.uniform() ? 1 : 0
            }
        }
        return try Dataset(
            featureNames: (0..<5).map { "x\($0)" }, features: x, labels: [("a", label(1)), ("b", label(-1))])
    }

    /// Both heads read the same number with weights of their own signs taken away: what is good for one is bad for the other.
    private struct OneLogit: Architecture {
        func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
            let hidden = graph.dense(graph.features, units: 8, activation: .tanh, name: "hidden")
            let one = graph.dense(hidden, units: 1, activation: .identity, name: "one")
            return graph.tasks.map { _ in graph.scale(one, by: 1) }
        }
    }

    /// The dial moves: the more a task is asked for, the lower its loss, from one end to the other.
    @Test(arguments: [0, 0.01]) func theDialMoves(penalty: Double) throws {
        let tasks: [LearningTask] = [.binary("a"), .binary("b")]
        let model = try model(preference: [:], OneLogit(), tasks: tasks)
        let rows = try conflict(Double.self, count: 1000)
        let trainer = try trainer(Double.self, model, alpha: 1, penalty: penalty, batch: 50)
        try trainer.fit(rows, until: StoppingRule(epochs: 30, patience: nil))
        #expect(model.preference == [0.5, 0.5])
        #expect(try trainer.parameter("preference") == [0.5, 0.5])
        let predictor = try Predictor(model, parameters: trainer.parameters)
        var found: [[Double]] = []
        for share in [0, 0.25, 0.5, 0.75, 1] {
            try predictor.setPreference(["a": share, "b": 1 - share])
            let predictions = try predictor.predict(rows)
            found.append(
                try tasks.map { task in
                    zip(try predictions.values(task.name), try rows.labels(task.name)).reduce(0) {
                        $0 - log($1.1 == 1 ? $1.0 : 1 - $1.0) / 1000
                    }
                })
        }
        for (less, more) in zip(found, found.dropFirst()) {
            #expect(more[0] < less[0] && more[1] > less[1], "\(found)")
        }
        // At the ends each task has what it would have alone: the entropy of its labels, about .3; the other one suffers.
        #expect(found[4][0] < 0.45 && found[0][1] < 0.45 && found[0][0] > 1 && found[4][1] > 1, "\(found)")
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let rows: Dataset<Float> = try SmallProblem.data(Float.self, rows: 400, embedded: true)
        for architecture in Self.architectures {
            let model = try MultiTaskModel(
                inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
                architecture: architecture, tasks: SmallProblem.tasks, preference: [:])
            let found = try [1, 2, 3].map { threads in
                let trainer = try trainer(
                    Float.self, model, averaging: 0.9, threads: threads, batch: 150)
                try trainer.fit(rows, until: StoppingRule(epochs: 3))
                #expect(trainer.isFinite)
                let average = try #require(trainer.averagedParameters)
                for segment in model.layout.segments where segment.name.hasPrefix("preference") {
                    let third = [Float](repeating: 1 / 3, count: 3)
                    #expect(model.layout.read(segment, from: average) == third)
                    #expect(try trainer.parameter(segment.name) == third)
                }
                return trainer.parameters
            }
            #expect(found.allSatisfy { $0 == found[0] })
        }
    }

    /// A run that goes on from the method's position and the step's memory is the one that never stopped.
    @Test func aPositionIsAllThatARunNeeds() throws {
        let model = try model(bottom)
        let rows = try Golden("preference").dataset(Float.self, for: model)
        let whole = try trainer(Float.self, model)
        for _ in 0..<3 { try whole.step(rows, rows: 0..<23) }
        let (position, counters) = (whole.trainingStep.balancer?.position, whole.trainingStep.counters)
        var parts = Dictionary(
            uniqueKeysWithValues: whole.trainingStep.memories.map { ($0.name, Array($0.values)) })
        parts["parameters"] = whole.parameters
        for _ in 0..<3 { try whole.step(rows, rows: 0..<23) }
        let second = try trainer(Float.self, model)
        try second.restore(position)
        second.restore(counters, nil) { name, memory in _ = memory.update(fromContentsOf: parts[name] ?? []) }
        for _ in 0..<3 { try second.step(rows, rows: 0..<23) }
        #expect(second.parameters == whole.parameters)
    }

    @Test(
        arguments: [
            (["d": 1], "preference", "\"d\", which is no task"), (["a": -1], "preference, a", "-1.0"),
            (["a": .nan], "preference, a", "nan"), (["a": .infinity], "preference, a", "inf"),
            (["a": 0, "b": 0], "preference", "0 for every task"),
        ] as [([String: Double], String, String)])
    func badPreferencesAreRefused(_ preference: [String: Double], _ place: String, _ found: String) throws {
        let asked = try Predictor<Float>(
            model(bottom), parameters: [Float](repeating: 0, count: model(bottom).layout.count))
        for error in [
            failure { _ = try self.model(preference: preference, bottom) },
            failure { try asked.setPreference(preference) },
        ] {
            #expect(error?.place == place && error?.found == found, "\(String(describing: error))")
        }
    }

    @Test func whatHasNoMeaningIsRefused() throws {
        let (plain, dial) = (try model(preference: nil, bottom), try model(bottom))
        func found(
            _ model: MultiTaskModel, _ balancing: Balancing, schedule: Schedule = .joint
        ) -> InputError? {
            failure { _ = try Trainer<Float>(model, schedule: schedule, balancing: balancing) }
        }
        #expect(found(plain, .cosmos())?.found == "cosmos of a model that reads no preference")
        #expect(found(dial, .fixed)?.found == "fixed of a model that reads a preference")
        #expect(found(dial, .famo())?.found == "famo of a model that reads a preference")
        #expect(found(dial, .cosmos()) == nil && found(plain, .fixed) == nil)
        #expect(found(dial, Balancing.cosmos().smoothed(0.5))?.place == "balancing, smoothing")
        #expect(found(dial, Balancing.cosmos().fixed(after: 1))?.place == "balancing, fixed_after")
        #expect(
            found(dial, .cosmos(), schedule: .alternating(.batch))?.found.contains("a turn of a alone")
                == true)
        let packed = try MultiTaskModel(
            inputs: 5, architecture: bottom, tasks: Self.tasks, ensemble: 2, preference: [:])
        #expect(found(packed, .cosmos())?.found.contains("packed ensemble") == true)
        let asked = try Predictor<Float>(
            plain, parameters: [Float](repeating: 0, count: plain.layout.count))
        #expect(failure { try asked.setPreference(["a": 1]) }?.found == "a model that reads none")
    }

    /// Shares are of any sum, beyond what a number holds too.
    @Test func sharesAreOfAnySum() throws {
        #expect(
            try model(preference: ["a": 1e308, "b": 1e308, "c": 1e308], bottom).preference?[1] == 1.0 / 3)
        #expect(try model(preference: ["c": 1e-300], bottom).preference == [0, 0, 1])
        #expect(try model(preference: ["a": 1, "b": 3], bottom).preference == [0.25, 0.75, 0])
    }

    /// Mean and variance of a gamma distribution are its shape.
    @Test(arguments: [0.05, 0.5, 1, 2.5, 40]) func gammaNumbersHaveTheirMoments(shape: Double) {
        var generator = SeededGenerator(seed: 8)
        let numbers = (0..<40_000).map { _ in generator.gamma(shape) }
        let mean = numbers.reduce(0, +) / 40_000
        let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40_000
        #expect(numbers.allSatisfy { $0 >= 0 && $0.isFinite })
        // Standard errors are √(shape/n) and √((2 shape² + 6 shape)/n).
        #expect(abs(mean - shape) < 5 * (shape / 40_000).squareRoot(), "\(mean)")
        #expect(
            abs(variance - shape) < 5 * ((2 * shape * shape + 6 * shape) / 40_000).squareRoot(), "\(variance)"
        )
    }
}
