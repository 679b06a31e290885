import MTLEngine
import MTLTestSupport
import Testing

/// The moving average of the parameters against its plain text: all of it, after every turn.
@Suite struct AveragingTests {
    // Reached in step 37; the tests take steps on both sides of it.
    private static let decay = 0.8

    /// The average as PyTorch's `AveragedModel` computes it: eagerly, and moving statistics are copied.
    private struct Plain {
        let layout: ParameterLayout
        var values: [Double] = []
        private var step = 0.0

        init(layout: ParameterLayout) { self.layout = layout }

        mutating func take(_ parameters: [Double]) {
            step += 1
            let keep = min(AveragingTests.decay, (step - 1) / (step + 8))
            values = values.isEmpty ? parameters : zip(values, parameters).map { keep * $0 + (1 - keep) * $1 }
            for segment in layout.segments where !segment.isTrained {
                let range = segment.offset..<segment.offset + segment.count
                values.replaceSubrange(range, with: parameters[range])
            }
        }
    }

    private func trainer(
        _ architecture: some Architecture, scenarios: Int, alternating: Bool,
        clipping: GradientClipping = .none,
        threads: Int = 2
    ) throws -> Trainer<Double> {
        let model = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables, scenarios: scenarios,
            architecture: architecture, tasks: SmallProblem.tasks)
        return try Trainer(
            model, optimizer: .adam(learningRate: 1e-2),
            schedule: alternating ? .alternating(.batch) : .joint,
            batchSize: 12, clipping: clipping, averaging: Self.decay, seed: 3,
            compute: ComputeOptions(threads: threads))
    }

    private func check(_ trainer: Trainer<Double>, scenarios: Int, _ what: String) throws {
        // Scenario 2 comes in the last rows only, task "b" has no label in some batches.
        let data = try SmallProblem.data(
            Double.self, rows: 96, scenarios: scenarios, embedded: true,
            scenario: { scenarios == 1 ? 0 : $0 < 72 ? $0 % 2 : 2 },
            labelled: { row, task in task != 1 || row / 12 % 3 == 0 })
        let source = try BatchSource(data, for: trainer.model)
        let turns = trainer.schedule != .joint ? trainer.model.tasks.count : 1
        var plain = Plain(layout: trainer.model.layout)
        #expect(trainer.averagedParameters == trainer.parameters)
        for step in 0..<48 {
            for turn in 0..<turns {
                let stepped = trainer.trainingStep.step(
                    source.batch(start: step % 8 * 12, rows: 12), turn: turn)
                if stepped { plain.take(trainer.parameters) }
            }
            let found = try #require(trainer.averagedParameters)
            expectClose(found, plain.values, relative: 1e-12, absolute: 1e-13, "\(what), step \(step)")
        }
        #expect(plain.values != trainer.parameters)
    }

    @Test(arguments: [false, true]) func isItsPlainText(alternating: Bool) throws {
        let layers: [HiddenLayer] = [.relu(9), .dense(5, .tanh)]
        try check(
            try trainer(SharedBottom(trunk: layers), scenarios: 1, alternating: alternating), scenarios: 1,
            "shared bottom")
        try check(
            try trainer(
                SharedBottom(trunk: layers), scenarios: 1, alternating: alternating, clipping: .norm(0.1)),
            scenarios: 1, "clipped")
        try check(
            try trainer(MMoE(experts: 3, layers: layers), scenarios: 1, alternating: alternating),
            scenarios: 1, "mmoe")
        try check(
            try trainer(
                PLE(levels: [PLE.Level(own: 1, shared: 2, layers: layers)]), scenarios: 1,
                alternating: alternating),
            scenarios: 1, "cgc")
        try check(
            try trainer(STAR(layers: layers), scenarios: 3, alternating: alternating), scenarios: 3, "star")
        try check(
            try trainer(
                SharedBottom(trunk: [.dense(9, .relu, normalization: .batch)]), scenarios: 1,
                alternating: alternating), scenarios: 1, "batch norm")
        // Parameters that move between steps too.
        try check(
            try trainer(
                TraceNormSharing(layers: layers, weight: 0.1, updateEvery: 2), scenarios: 1,
                alternating: alternating),
            scenarios: 1, "trace norm")
    }

    /// Rows that were left alone catch up with the parameters that they had, not with those that are set.
    @Test func parametersFromOutsideComeAfterThatStep() throws {
        let layers: [HiddenLayer] = [.relu(9)]
        let trainer = try trainer(SharedBottom(trunk: layers), scenarios: 1, alternating: true)
        let data = try SmallProblem.data(Double.self, rows: 48, embedded: true)
        var plain = Plain(layout: trainer.model.layout)
        let source = try BatchSource(data, for: trainer.model)
        for step in 0..<6 {
            for turn in trainer.model.tasks.indices {
                if trainer.trainingStep.step(source.batch(start: step, rows: 1), turn: turn) {
                    plain.take(trainer.parameters)
                }
            }
            switch step {
            case 2: trainer.parameters = trainer.parameters.map { $0 + 1 }
            case 3:
                let name = "embeddings.item.weight"
                try trainer.setParameter(name, to: try trainer.parameter(name).map { $0 - 3 })
            case 4: trainer.initialize()
            default: break
            }
            // What pads the vector before the tables belongs to nobody.
            let average = try #require(trainer.averagedParameters)
            for segment in trainer.model.layout.segments {
                let range = segment.offset..<segment.offset + segment.count
                expectClose(
                    Array(average[range]), Array(plain.values[range]), relative: 1e-12, absolute: 1e-13,
                    "step \(step), \(segment.name)")
            }
        }
    }

    /// A run that stores its average goes on bit by bit as one that takes it from there.
    @Test func resumes() throws {
        let data = try SmallProblem.data(Double.self, rows: 60, embedded: true)
        func run(stopping: Bool) throws -> [UInt64] {
            let trainer = try trainer(SharedBottom(trunk: [.relu(9)]), scenarios: 1, alternating: true)
            for step in 0..<10 {
                try trainer.step(data, rows: step % 5 * 12..<step % 5 * 12 + 3)
                guard step == 4, let average = trainer.trainingStep.average else { continue }
                guard stopping else { continue }
                let (counters, stamps) = (trainer.trainingStep.counters, average.position)
                let kept =
                    [("parameters", trainer.parameters)]
                    + trainer.trainingStep.memories.map { ($0.name, Array($0.values)) }
                // What lies in it is lost.
                try trainer.step(data, rows: 0..<12)
                _ = trainer.averagedParameters
                trainer.restore(counters, stamps) { name, target in
                    for part in kept where part.0 == name { _ = target.update(fromContentsOf: part.1) }
                }
            }
            return try #require(trainer.averagedParameters).map(\.bitPattern)
        }
        #expect(try run(stopping: true) == run(stopping: false))
    }

    @Test func staysWithTheModelWithoutSlices() throws {
        let model = try MultiTaskModel(
            inputs: 6, trunk: [.relu(64), .relu(64)], tasks: [.binary("a"), .regression("b")])
        let compute = ComputeOptions(threads: 2, backend: .kernels)
        let sliced = try Trainer<Float>(model, batchSize: 24, seed: 3, compute: compute)
        let averaged = try Trainer<Float>(model, batchSize: 24, averaging: 0, seed: 3, compute: compute)
        #expect(sliced.trainingStep.isSliced && !averaged.trainingStep.isSliced)
        let data = try SmallProblem.data(Float.self, rows: 24)
        try averaged.step(data, rows: 0..<24)
        // Nothing of the past is kept.
        #expect(averaged.averagedParameters == averaged.parameters)
        #expect(sliced.averagedParameters == nil)
    }

    @Test(arguments: [-0.1, 1, .nan]) func wrongDecaysAreNamed(decay: Double) {
        let error = failure {
            let model = try MultiTaskModel(inputs: 2, trunk: [], tasks: [.binary("a")])
            _ = try Trainer<Float>(model, averaging: decay)
        }
        #expect(error?.place == "averaging")
    }
}
