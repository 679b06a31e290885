import Foundation
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct GradientTests {
    static let kinds: [LearningTask.Kind] = [
        .binary, .multiclass(classes: 3), .squaredError, .huber(delta: 0.7), .quantile(level: 0.3), .poisson,
        .tweedie(power: 1.4), .zeroInflatedLognormal, .ordinal(classes: 4),
    ]
    static let computes =
        ComputeOptions.everyLevel + [ComputeOptions(threads: 1, backend: .openBLAS)]

    /// Every activation under every loss, with and without missing labels, in the trunk and in a tower.
    @Test(arguments: Activation.allCases, kinds)
    func matchesCentralDifference_B13_I5_7_3(activation: Activation, kind: LearningTask.Kind) throws {
        let model = try MultiTaskModel(
            inputs: 5, trunk: [.dense(7, activation), .dense(3, activation)],
            tasks: [
                LearningTask("plain", kind: kind, weight: 0.7),
                LearningTask("tower", kind: kind, weight: 1.3, tower: [.dense(4, activation)]),
            ])
        for missing in [0, 0.4] {
            for compute in Self.computes {
                try GradientCheck.expectAgreement(
                    of: model, rows: 13, missing: missing, compute: compute, "missing \(missing)")
            }
        }
    }

    /// Blocks side by side, groups that join over one trunk, deep towers, and no trunk at all.
    @Test func matchesCentralDifference_manyHeads() throws {
        let tower: [HiddenLayer] = [.dense(6, .gelu), .relu(5)]
        let tasks = [
            LearningTask.binary("a", weight: 0.3, tower: tower), .regression("b", weight: 0, tower: []),
            .binary("c", weight: 2, tower: tower), .multiclass("d", classes: 4, weight: 0.5),
            .regression("e", huberDelta: 0.5, weight: 0.25, tower: tower), .binary("f", weight: 1),
            .multiclass("g", classes: 4, weight: 1.5),
        ]
        for trunk in [[], [HiddenLayer.relu(9)], [.dense(9, .tanh), .dense(17, .gelu)]] {
            let model = try MultiTaskModel(inputs: 11, trunk: trunk, tasks: tasks)
            for compute in Self.computes {
                for gathered in [false, true] {
                    try GradientCheck.expectAgreement(
                        of: model, rows: 29, compute: compute, gathered: gathered,
                        "\(trunk.count) shared layers")
                }
            }
        }
    }

    /// Tables behind single ids, bags with weights and a table that two features share, under layers, under heads alone,
    /// with and without dense features.
    @Test func matchesCentralDifference_embeddings() throws {
        let tables = [
            EmbeddingTable("user", rows: 9, dimension: 3), EmbeddingTable("item", rows: 7, dimension: 16),
            EmbeddingTable("tag", rows: 4, dimension: 5),
        ]
        let embedded: [EmbeddedFeature] = [
            .single("user"), .single("item"),
            .bag("history", table: "item", pooling: .mean, maximumCount: 5),
            .bag("tags", table: "tag", pooling: .sum, maximumCount: 3),
        ]
        let tasks = [LearningTask.binary("a", weight: 0.3), .regression("b", tower: [.dense(6, .gelu)])]
        for trunk in [[], [HiddenLayer.dense(9, .tanh)]] {
            for inputs in [0, 2] {
                let model = try MultiTaskModel(
                    inputs: inputs, embedded: embedded, tables: tables, trunk: trunk, tasks: tasks)
                for compute in Self.computes + [ComputeOptions(threads: 3)] {
                    for gathered in [false, true] {
                        try GradientCheck.expectAgreement(
                            of: model, rows: 37, compute: compute, gathered: gathered, "\(trunk.count) layers"
                        )
                    }
                }
            }
        }
    }

    /// A row's weight is its share of the loss.
    @Test func matchesCentralDifference_weights() throws {
        let model = try MultiTaskModel(
            inputs: 3, trunk: [.dense(5, .tanh)],
            tasks: [.binary("a"), .multiclass("b", classes: 3), .regression("c", huberDelta: 1)])
        for compute in Self.computes {
            try GradientCheck.expectAgreement(
                of: model, rows: 41, compute: compute, weighted: true)
        }
    }

    /// More rows than a chunk holds, so that tables' gradients go on from chunk to chunk.
    @Test func matchesCentralDifference_embeddingsInSeveralChunks() throws {
        let model = try MultiTaskModel(
            inputs: 1,
            embedded: [.single("user"), .bag("tags", pooling: .mean, maximumCount: 3)],
            tables: [
                EmbeddingTable("user", rows: 5, dimension: 2), EmbeddingTable("tags", rows: 4, dimension: 2),
            ], trunk: [.dense(2, .tanh)], tasks: [.binary("a")])
        for threads in [1, 2] {
            try GradientCheck.expectAgreement(
                of: model, rows: 15_000, missing: 0.2,
                compute: ComputeOptions(threads: threads, backend: .kernels))
        }
    }

    /// More rows than a chunk holds, so that gradients accumulate over chunks.
    @Test func matchesCentralDifference_severalChunks() throws {
        let model = try MultiTaskModel(
            inputs: 3, trunk: [.dense(2, .tanh)], tasks: [.binary("a"), .regression("b", huberDelta: 1)])
        for threads in [1, 2] {
            let compute = ComputeOptions(threads: threads, backend: .openBLAS)
            let plan = try Trainer<Double>(model, batchSize: 3000, compute: compute).trainingStep.rowPlan
            #expect(plan.chunkRows < 3000)
            try GradientCheck.expectAgreement(
                of: model, rows: 3000, missing: 0.2, compute: compute)
        }
    }

    /// A copy of one backward pass (tanh layer, squared error), right and with one sign turned: the check tells.
    @Test(arguments: [1.0, -1.0])
    func checkFailsOnAWrongSign(sign: Double) {
        let x = [0.3, -1.2, 0.8]
        let point = [0.5, -0.4, 0.9]
        func output(_ w: [Double]) -> Double { tanh(zip(w, x).reduce(0) { $0 + $1.0 * $1.1 }) }
        let h = output(point)
        let gradient = x.map { 2 * (h - 0.25) * (1 - sign * h * h) * $0 }
        let error = GradientCheck.relativeError(of: gradient, at: point) { w in
            (output(w) - 0.25) * (output(w) - 0.25)
        }
        #expect((error < GradientCheck.tolerance) == (sign > 0))
    }
}
