import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// What a gate over fields does over seeds: it is to lose no field, and not to be a matter of luck.
@Suite struct FieldGateTests {
    private static let fields = (0..<8).map { "f\($0)" }
    private static let seeds: ClosedRange<UInt64> = 1...8

    private func model(_ gate: FieldGate?) throws -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 0, embedded: Self.fields.map { .single($0) },
            tables: Self.fields.map { EmbeddingTable($0, rows: 8, dimension: 4) },
            featureLayers: gate.map { [$0] } ?? [], architecture: SharedBottom(trunk: [.relu(16)]),
            tasks: [.binary("click")])
    }

    /// Every field moves the logit by as much as any other.
    private func rows(_ count: Int, seed: UInt64) throws -> Dataset<Float> {
        var effects = SeededGenerator(seed: 5)
        let effect = Self.fields.map { _ in (0..<8).map { _ in effects.normal() } }
        var generator = SeededGenerator(seed: seed)
        var ids = Self.fields.map { _ in [Int32]() }
        var clicks: [Float] = []
        for _ in 0..<count {
            var logit = 0.0
            for field in Self.fields.indices {
                let id = generator.below(8)
                ids[field].append(Int32(id))
                logit += effect[field][id]
            }
            clicks.append(generator.uniform() < 1 / (1 + exp(-logit)) ? 1 : 0)
        }
        return try Dataset(
            featureNames: [], features: [], ids: zip(Self.fields, ids).map { try IDColumn($0, ids: $1) },
            labels: [("click", clicks)])
    }

    /// The area under the curve of each seed, and how many of the fields move no prediction.
    private func quality(_ gate: FieldGate?) throws -> (areas: [Double], lost: [Int]) {
        let (training, test) = (try rows(4_000, seed: 1), try rows(4_000, seed: 2))
        let labels = try test.labels("click")
        var (areas, lost) = ([Double](), [Int]())
        for seed in Self.seeds {
            let trainer = try Trainer<Float>(
                model(gate), optimizer: .adam(learningRate: 1e-2), batchSize: 200, seed: seed)
            try trainer.fit(training, until: StoppingRule(epochs: 6, patience: nil))
            let scores = try trainer.predict(test).values("click")
            areas.append(try #require(Metrics.areaUnderROC(scores: scores, labels: labels)))
            // A field that is lost hands no gradient to its vectors.
            _ = try trainer.step(training, rows: 0..<200)
            lost.append(
                try Self.fields.count { field in
                    try trainer.gradient("embeddings.\(field).weight").allSatisfy { $0 == 0 }
                })
        }
        return (areas, lost)
    }

    @Test func noSeedLosesAField() throws {
        let (areas, lost) = try quality(FieldGate())
        #expect(lost.allSatisfy { $0 == 0 })
        let spread = (areas.max() ?? 1) - (areas.min() ?? 0)
        #expect(spread < 0.01, "areas \(areas)")
        // It costs nothing beside no gate at all.
        let without = try quality(nil)
        let difference = zip(areas, without.areas).map { $0 - $1 }.reduce(0, +) / Double(areas.count)
        #expect(difference > -0.005, "areas \(areas), without \(without.areas)")
    }

    /// What the paper's ReLU does instead, so that the law above is one that can be broken.
    @Test func closedGatesLoseFields() throws {
        let (areas, lost) = try quality(FieldGate(activation: .relu))
        #expect(lost.contains { $0 > 0 })
        #expect((areas.max() ?? 0) - (areas.min() ?? 0) > 0.02, "areas \(areas)")
    }

    @Test func gatesBeginAtOne() throws {
        let with = try Trainer<Double>(model(FieldGate()), batchSize: 50, seed: 3)
        let without = try Trainer<Double>(model(nil), batchSize: 50, seed: 3)
        try without.copyParameters(from: with)
        let rows = try rows(50, seed: 3)
        let wide = try Dataset<Double>(
            featureNames: [], features: [],
            ids: rows.idColumns.map { column in
                try IDColumn(column.name, ids: (0..<50).map { column.view.ids[$0] })
            }, labels: [])
        #expect(try with.predict(wide).values("click") == without.predict(wide).values("click"))
    }
}
