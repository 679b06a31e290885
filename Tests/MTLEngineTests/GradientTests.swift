import Foundation
import MTLEngine
import Testing

@Suite struct GradientTests {
    static let kinds: [LearningTask.Kind] = [
        .binary, .multiclass(classes: 3), .squaredError, .huber(delta: 0.7),
    ]
    static let computes =
        InstructionSet.allCases.filter(\.isAvailable).map {
            ComputeOptions(threads: 1, backend: .kernels, instructions: $0)
        } + [ComputeOptions(threads: 1, backend: .openBLAS)]

    /// Every activation under every loss, with and without missing labels, in the trunk and in a tower.
    @Test(arguments: Activation.allCases, kinds)
    func matchesCentralDifference_B13_I5_7_3(activation: Activation, kind: LearningTask.Kind) throws {
        let model = try SharedBottom(
            inputs: 5, trunk: [.dense(7, activation), .dense(3, activation)],
            tasks: [
                LearningTask("plain", kind: kind, weight: 0.7),
                LearningTask("tower", kind: kind, weight: 1.3, tower: [.dense(4, activation)]),
            ])
        for missing in [0, 0.4] {
            for compute in Self.computes {
                let error = try GradientCheck.relativeError(
                    of: model, rows: 13, missing: missing, compute: compute)
                #expect(error < GradientCheck.tolerance, "missing \(missing), \(compute)")
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
            let model = try SharedBottom(inputs: 11, trunk: trunk, tasks: tasks)
            for compute in Self.computes {
                for gathered in [false, true] {
                    let error = try GradientCheck.relativeError(
                        of: model, rows: 29, missing: 0.3, compute: compute, gathered: gathered)
                    #expect(error < GradientCheck.tolerance, "\(trunk.count) shared layers, \(compute)")
                }
            }
        }
    }

    /// More rows than a chunk holds, so that gradients accumulate over chunks.
    @Test func matchesCentralDifference_severalChunks() throws {
        let model = try SharedBottom(
            inputs: 3, trunk: [.dense(2, .tanh)], tasks: [.binary("a"), .regression("b", huberDelta: 1)])
        let plan = RowPlan(
            model: model, batch: 20_000, elementsPerRow: model.trainingElementsPerRow, backend: .kernels,
            workers: 2,
            scalar: Double.self)
        #expect(plan.chunkRows < 20_000)
        let error = try GradientCheck.relativeError(
            of: model, rows: 20_000, missing: 0.2, compute: ComputeOptions(threads: 2, backend: .kernels))
        #expect(error < GradientCheck.tolerance)
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
