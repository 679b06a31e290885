import MTLEngine
import Testing

/// Slices keep the first layers' parameters in memory of their own: whoever asks or sets them must not notice.
@Suite struct SlicesTests {
    private let model: MultiTaskModel
    private let data: Dataset<Float>

    init() throws {
        model = try MultiTaskModel(
            inputs: 9, trunk: [.relu(64), .relu(64)], tasks: [.binary("a"), .regression("b")])
        var generator = SeededGenerator(seed: 3)
        data = try Dataset(
            featureNames: (0..<9).map { "x\($0)" },
            features: (0..<90 * 9).map { _ in Float(generator.normal()) },
            labels: [("a", (0..<90).map { Float($0 % 2) }), ("b", (0..<90).map { Float($0 % 7) })])
    }

    private func trainer(threads: Int, decayed: DecayedParameters = .all) throws -> Trainer<Float> {
        let trainer = try Trainer<Float>(
            model, batchSize: 30, seed: 4, compute: ComputeOptions(threads: threads, backend: .kernels))
        #expect(trainer.trainingStep.isSliced)
        return trainer
    }

    @Test(arguments: [1, 2, 3]) func askingBetweenStepsChangesNothing(threads: Int) throws {
        let (quiet, asked) = (try trainer(threads: threads), try trainer(threads: threads))
        for step in 0..<3 {
            try quiet.step(data, rows: step * 30..<step * 30 + 30)
            try asked.step(data, rows: step * 30..<step * 30 + 30)
            _ = try asked.predict(data)
            _ = try asked.gradient("trunk.0.weight")
            _ = try asked.losses(data)
            _ = asked.parameters
        }
        #expect(quiet.parameters == asked.parameters)
    }

    @Test(arguments: [1, 2]) func whatIsSetIsTaken(threads: Int) throws {
        let (first, second) = (try trainer(threads: threads), try trainer(threads: threads))
        let start = first.parameters
        try first.step(data, rows: 0..<30)
        #expect(first.parameters != start)
        // Back to the beginning, but for one weight; the moments stay.
        first.parameters = start
        #expect(first.parameters == start)
        let changed = try first.parameter("trunk.1.weight").map { $0 + 0.5 }
        try first.setParameter("trunk.1.weight", to: changed)
        #expect(try first.parameter("trunk.1.weight") == changed)
        try second.setParameter("trunk.1.weight", to: changed)
        #expect(try first.losses(data) == second.losses(data))
        let losses = try first.step(data, rows: 30..<60)
        #expect(try losses == second.step(data, rows: 30..<60))
        for name in ["trunk.0.weight", "trunk.1.weight", "heads.b.0.weight"] {
            #expect(try first.gradient(name) == second.gradient(name), "\(name)")
        }
    }

    /// The memory of the slices is of one pair of layers: turns of heads that differ share rows instead.
    @Test func turnsOfOtherLayersShareRows() throws {
        let tower: [HiddenLayer] = [.relu(64), .relu(32)]
        let model = try MultiTaskModel(
            inputs: 9, trunk: [],
            tasks: [.binary("a", tower: tower), .regression("b", tower: [.relu(64), .dense(32, .tanh)])])
        func trained(_ backend: MatrixBackend) throws -> Trainer<Float> {
            let trainer = try Trainer<Float>(
                model, schedule: .alternating(.batch), batchSize: 30, seed: 4,
                compute: ComputeOptions(backend: backend))
            for step in 0..<3 { try trainer.step(data, rows: step * 30..<step * 30 + 30) }
            return trainer
        }
        let (own, plain) = (try trained(.kernels), try trained(.openBLAS))
        for (found, expected) in zip(own.parameters, plain.parameters) {
            #expect(abs(found - expected) < 1e-4)
        }
    }

    /// Workers that share units all read the labels: one encodes them.
    @Test func labelsWithAScaleAreEncodedOnce() throws {
        var generator = SeededGenerator(seed: 3)
        let rows = 60
        let data = try Dataset<Float>(
            featureNames: (0..<9).map { "x\($0)" },
            features: (0..<rows * 9).map { _ in Float(generator.normal()) },
            labels: [("a", (0..<rows).map { Float($0 % 2) }), ("b", (0..<rows).map { 5e6 + Float($0) })])
        func trained(_ tasks: [LearningTask], _ data: Dataset<Float>, threads: Int) throws -> [Float] {
            let model = try MultiTaskModel(inputs: 9, trunk: [.relu(64), .relu(64)], tasks: tasks)
            let trainer = try Trainer<Float>(
                model, batchSize: 30, seed: 4, compute: ComputeOptions(threads: threads, backend: .kernels))
            #expect(trainer.trainingStep.isSliced)
            for step in 0..<40 {
                let start = step % 2 * 30
                try trainer.step(data, rows: start..<start + 30)
            }
            return trainer.parameters
        }
        let scaled = LearningTask("b", kind: .squaredError, labelScale: LabelScale(shift: 5e6, scale: 16))
        let encoded = try Dataset<Float>(
            featureNames: data.featureNames, features: (0..<rows).flatMap { data.features(row: $0) },
            labels: [("a", data.labels("a")), ("b", data.labels("b").map { ($0 - 5e6) / 16 })])
        let expected = try trained([.binary("a"), .regression("b")], encoded, threads: 1)
        for threads in 1...4 {
            #expect(try trained([.binary("a"), scaled], data, threads: threads) == expected, "\(threads)")
        }
    }

    @Test func largeBatchesAndWideHeadsShareRows() throws {
        func isSliced(_ model: MultiTaskModel, batch: Int) throws -> Bool {
            try Trainer<Float>(model, batchSize: batch, compute: ComputeOptions(backend: .kernels))
                .trainingStep.isSliced
        }
        #expect(try isSliced(model, batch: 64))
        #expect(try !isSliced(model, batch: 65))
        let towers = try MultiTaskModel(
            inputs: 9, trunk: [.relu(64), .relu(64)], tasks: [.binary("a", tower: [.relu(32)])])
        #expect(try !isSliced(towers, batch: 32))
        let odd = try MultiTaskModel(inputs: 9, trunk: [.relu(40), .relu(64)], tasks: [.binary("a")])
        #expect(try !isSliced(odd, batch: 32))
    }
}
