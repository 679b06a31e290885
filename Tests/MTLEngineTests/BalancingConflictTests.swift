import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// What the methods that know of conflicts promise, and that their solvers come to the end.
@Suite struct BalancingConflictTests {
    /// Random products of up to 40 tasks, some of fewer dimensions than tasks.
    private static let batches: [BalancingBatch] = {
        var generator = SeededGenerator(seed: 21)
        return (0..<60).map { number in
            var batch = BalancingBatch.plain([2, 3, 5, 9, 40][number % 5], &generator)
            switch number % 4 {
            case 1: batch.rows = batch.rows.map { Array($0.prefix(2)) }
            case 2:
                batch.rows = batch.rows.enumerated().map { task, row in
                    row.map { $0 * pow(10, Double(task % 7) - 3) }
                }
            case 3: batch.rows = batch.rows.map { row in row.map(abs) }
            default: break
            }
            return batch
        }
    }()

    private func weights(_ method: Balancing, _ batch: BalancingBatch) throws -> [Double] {
        batch.weights(try BalancerMemory(method, tasks: Balanced.tasks(batch.rows.count), seed: 1))
    }

    private func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }

    /// Each task's cosine with the direction; 0 of a direction that is 0 to rounding.
    private func cosines(_ batch: BalancingBatch, _ weights: [Double]) -> [Double] {
        let direction = Balanced.sum(batch.rows, weights)
        let parts = zip(batch.rows, weights).map { abs($1) * sqrt(dot($0, $0)) }.reduce(0, +)
        let size = sqrt(dot(direction, direction))
        return batch.rows.map { size > 1e-6 * parts ? dot($0, direction) / size / sqrt(dot($0, $0)) : 0 }
    }

    @Test(arguments: [Balancing.mgda(), .mgda(.norm), .nashMTL(), .fairGrad(alpha: 2)])
    func noLossRises(_ method: Balancing) throws {
        for (number, batch) in Self.batches.enumerated() {
            let least = cosines(batch, try weights(method, batch)).min() ?? 0
            #expect(least > -1e-6, "\(method.kind), batch \(number): \(least)")
        }
    }

    /// Of the mean some do: the law above is one that can be broken by these batches.
    @Test func meanRaisesSome() throws {
        let broken = try Self.batches.filter { cosines($0, try weights(.fixed, $0)).contains { $0 < -0.1 } }
        #expect(broken.count > 20)
    }

    /// (M/tr M + 1e-4) v ≥ 0 is what the regularised problem promises.
    @Test(arguments: [Balancing.upGrad, .dualProj]) func projectionsAreInTheCone(_ method: Balancing) throws {
        for (number, batch) in Self.batches.enumerated() {
            let weights = try weights(method, batch)
            let direction = Balanced.sum(batch.rows, weights)
            let trace = batch.rows.reduce(0) { $0 + dot($1, $1) }
            for (row, weight) in zip(batch.rows, weights) {
                #expect(weight >= 0)
                #expect(
                    dot(row, direction) / trace + 1e-4 * weight > -1e-12, "\(method.kind), batch \(number)")
            }
            // Without a conflict it is the mean.
            if number % 4 == 3 {
                expectClose(weights, weights.map { _ in 1 / Double(weights.count) }, absolute: 1e-12)
            }
        }
    }

    @Test(arguments: [Balancing.conFIG, .imtlG]) func cosinesAreEqual(_ method: Balancing) throws {
        // As many dimensions as tasks: else no direction has the same cosine with all.
        for batch in Self.batches where batch.rows.count <= 9 && batch.rows[0].count > 2 {
            let cosines = cosines(batch, try weights(method, batch))
            #expect(cosines[0] > 0, "\(method.kind)")
            expectClose(cosines, cosines.map { _ in cosines[0] }, absolute: 1e-9, "\(method.kind)")
        }
    }

    /// w is the shortest where no gradient's product with Σ w g is below the square of it.
    @Test func minimumNormIsTheLeast() throws {
        for (number, batch) in Self.batches.enumerated() {
            let weights = try weights(.mgda(), batch)
            expectClose([weights.reduce(0, +)], [1], absolute: 1e-12)
            #expect(weights.allSatisfy { $0 >= 0 })
            let direction = Balanced.sum(batch.rows, weights)
            let longest = batch.rows.map { dot($0, $0) }.max() ?? 0
            for row in batch.rows {
                #expect(
                    dot(row, direction) > dot(direction, direction) - 1e-9 * max(longest, dot(row, row)),
                    "batch \(number)")
            }
        }
    }

    /// Of all directions within c ‖g₀‖ of the mean none gains more for the worst task: the bound by any point of the simplex is no
    /// lower.
    @Test(arguments: [0.2, 0.5, 0.9]) func conflictAversionIsTheBest(_ radius: Double) throws {
        var generator = SeededGenerator(seed: 22)
        for (number, batch) in Self.batches.enumerated() {
            let count = batch.rows.count
            let weights = try weights(.caGrad(radius: radius, isRescaled: false), batch)
            let mean = Balanced.sum(batch.rows, batch.rows.map { _ in 1 / Double(count) })
            let direction = Balanced.sum(batch.rows, weights)
            let size = sqrt(dot(mean, mean))
            let away = zip(direction, mean).map { $0 - $1 }
            #expect(sqrt(dot(away, away)) < radius * size * (1 + 1e-6), "batch \(number)")
            let worst = batch.rows.map { dot($0, direction) }.min() ?? 0
            let scale = batch.rows.map { sqrt(dot($0, $0)) }.max() ?? 0
            let others = (0..<40).map { _ in (0..<count).map { _ in -log(1 - generator.uniform()) } }
            for other in others + [weights.map { $0 - (weights.min() ?? 0) }] {
                let sum = other.reduce(0, +)
                guard sum > 0 else { continue }
                let mixed = Balanced.sum(batch.rows, other.map { $0 / sum })
                let bound = dot(mixed, mean) + radius * size * sqrt(dot(mixed, mixed))
                #expect(worst < bound + 1e-7 * scale * size, "batch \(number)")
            }
        }
    }

    /// Every task but the first gets its share of progress, where any direction gives it.
    @Test func prioritiesAreKept() throws {
        let progress = 0.3
        for (number, batch) in Self.batches.enumerated()
        where batch.rows.count <= 9 && batch.rows[0].count > 2 {
            let weights = try weights(.pcd(progress: progress), batch)
            let direction = Balanced.sum(batch.rows, weights)
            let main = batch.rows[0]
            expectClose([dot(direction, direction)], [dot(main, main)], relative: 1e-9, absolute: 0)
            // The direction is rescaled; before, the main task's weight times its length is 1.
            let scale = 1 / (weights[0] * sqrt(dot(main, main)))
            for row in batch.rows.dropFirst() {
                #expect(
                    scale * dot(row, direction) / sqrt(dot(row, row)) > progress - 1e-8, "batch \(number)")
            }
        }
        // Against two that cancel out there is none: then the main gradient.
        let batch = BalancingBatch(losses: [1, 1, 1], rows: [[1, 0], [0, 2], [0, -3]])
        #expect(try weights(.pcd(progress: 0.5), batch) == [1, 0, 0])
    }

    /// M w = w^(-1/α), row by row.
    @Test(arguments: [0.5, 1, 3]) func bargainsAreAtRest(_ alpha: Double) throws {
        for (number, batch) in Self.batches.enumerated()
        where batch.rows.count <= 9 && batch.rows[0].count > 2 {
            let weights = try weights(.fairGrad(alpha: alpha), batch)
            let direction = Balanced.sum(batch.rows, weights)
            for (row, weight) in zip(batch.rows, weights) {
                expectClose(
                    [dot(row, direction) * pow(weight, 1 / alpha)], [1], absolute: 1e-6,
                    "α \(alpha), batch \(number)"
                )
            }
        }
    }

    /// Written out for two tasks.
    @Test func twoTasksByHand() throws {
        // Orthogonal, lengths 1 and 2: M is diag(1, 4).
        let apart = BalancingBatch(losses: [1, 1], rows: [[1, 0], [0, 2]])
        expectClose(try weights(.mgda(), apart), [0.8, 0.2], absolute: 1e-15)
        expectClose(try weights(.pcGrad, apart), [1, 1], absolute: 1e-15)
        expectClose(try weights(.imtlG, apart), [2.0 / 3, 1.0 / 3], absolute: 1e-15)
        expectClose(try weights(.conFIG, apart), [1.5, 0.75], absolute: 1e-15)
        expectClose(try weights(.fairGrad(), apart), [1, 0.5], absolute: 1e-8)
        expectClose(try weights(.alignedMTL(), apart), [0.5, 0.25], absolute: 1e-15)
        // Against each other, 120°: the sum is between them.
        let half = 0.5 * sqrt(3)
        let against = BalancingBatch(losses: [1, 1], rows: [[1, 0], [-0.5, half]])
        expectClose(try weights(.pcGrad, against), [1.5, 1.5], absolute: 1e-12)
        expectClose(try weights(.mgda(), against), [0.5, 0.5], absolute: 1e-12)
        // Opposite: what is left is nothing, and it is a number.
        let opposite = BalancingBatch(losses: [1, 1], rows: [[1, 0], [-2, 0]])
        expectClose(Balanced.sum(opposite.rows, try weights(.mgda(), opposite)), [0, 0], absolute: 1e-12)
        expectClose(Balanced.sum(opposite.rows, try weights(.pcGrad, opposite)), [0, 0], absolute: 1e-12)
        #expect(try weights(.cosineGate(), against) == [1, 0])
    }
}
