import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Tasks in the order of their importance, on problems whose answer is known.
@Suite struct BalancingPriorityTests {
    /// L_1 = 1 + x², L_2 = 1 + (x - 1)² with L_1 ≤ 1 + tolerance: x = √tolerance, where λ x = 1 - x.
    @Test(arguments: [(0.002, 2), (0.04, 0.5), (0.25, 0.1)])
    func theBoundIsMet(tolerance: Double, rate: Double) throws {
        let memory = try BalancerMemory(
            .priorities(order: ["a", "b"], tolerance: tolerance, phase: 2, learningRate: rate),
            tasks: Balanced.tasks(2), seed: 1)
        var x = 0.5
        for step in 0..<20_000 {
            let weights = memory.weights(losses: [1 + x * x, 1 + (x - 1) * (x - 1)])
            x -= 0.02 * (weights[0] * 2 * x + weights[1] * 2 * (x - 1))
            memory.learn(losses: [1 + x * x, 1 + (x - 1) * (x - 1)])
            guard step % 400 == 399 else { continue }
            // The most important task has the first phase for itself.
            if step == 799 { #expect(abs(x) < 1e-6 && weights[0] == 1 && weights[1] == 0) }
            memory.endEpoch()
        }
        let expected = tolerance.squareRoot()
        #expect(abs(x - expected) < 0.01 * expected, "\(x)")
        let weights = Array(memory.weights(losses: [1, 1]))
        let multiplier = (1 - expected) / expected
        expectClose([weights[0] / weights[1]], [multiplier], relative: 0.03, absolute: 0)
        expectClose([weights[0] + weights[1]], [1], relative: 1e-12, absolute: 0)
    }

    /// A bound that the others do not press on costs nothing: its multiplier is 0.
    @Test func aBoundThatIsFarAwayCostsNothing() throws {
        let memory = try BalancerMemory(
            .priorities(tolerance: 4, learningRate: 0.2), tasks: Balanced.tasks(2), seed: 1)
        var x = 0.5
        for step in 0..<4000 {
            let weights = memory.weights(losses: [1 + x * x, 1 + (x - 1) * (x - 1)])
            x -= 0.02 * (weights[0] * 2 * x + weights[1] * 2 * (x - 1))
            memory.learn(losses: [1 + x * x, 1 + (x - 1) * (x - 1)])
            if step % 500 == 499 { memory.endEpoch() }
        }
        #expect(Array(memory.weights(losses: [1, 1])) == [0, 1] && abs(x - 1) < 1e-6, "\(x)")
    }

    /// Every task has its phase, those above it a bound, those below it no weight.
    @Test func phasesFollowTheOrder() throws {
        let memory = try BalancerMemory(
            .priorities(order: ["c", "a", "b"], phase: 2, learningRate: 0), tasks: Balanced.tasks(3), seed: 1)
        let third = 1.0 / 3
        for weights in [[0, 0, 1], [0, 0, 1], [0.5, 0, 0.5], [0.5, 0, 0.5], [third, third, third]] {
            #expect(Array(memory.weights(losses: [2, 3, 4])) == weights)
            memory.learn(losses: [2, 3, 4])
            memory.endEpoch()
        }
    }

    private static let tasks: [LearningTask] = [.binary("click", weight: 1), .binary("buy", weight: 1)]

    /// Two tasks that want opposite things of one layer: what is good for one is bad for the other, unless it is told apart.
    private func rows<Scalar: BLASScalar>(_: Scalar.Type, count: Int) throws -> Dataset<Scalar> {
        var generator = SeededGenerator(seed: 17)
        let x = (0..<count * 4).map { _ in Scalar(generator.normal()) }
        func label(_ task: Int) -> [Scalar] {
            (0..<count).map { row in
                let score = Double(x[row * 4]) * (task == 0 ? 2 : -2) + Double(x[row * 4 + 1 + task])
                return 1 / (1 + exp(-score)) > generator.uniform() ? 1 : 0
            }
        }
        return try Dataset(
            featureNames: (0..<4).map { "x\($0)" }, features: x,
            labels: [("click", label(0)), ("buy", label(1))])
    }

    private func trainer<Scalar: BLASScalar>(
        _: Scalar.Type, _ balancing: Balancing, schedule: Schedule = .joint, threads: Int = 1,
        rate: Double = 0.01
    ) throws -> Trainer<Scalar> {
        // One number for both tasks: they have to share it.
        let model = try MultiTaskModel(inputs: 4, trunk: [.dense(1, .tanh)], tasks: Self.tasks)
        return try Trainer(
            model, optimizer: .adam(learningRate: rate), schedule: schedule, batchSize: 100,
            balancing: balancing, seed: 2, compute: ComputeOptions(threads: threads))
    }

    /// Whichever task comes first keeps its training loss within the bound; the other one gains by a bound that is wider.
    @Test(arguments: [["click", "buy"], ["buy", "click"]]) func theFirstTaskKeepsItsLoss(order: [String])
        throws
    {
        let rows = try rows(Double.self, count: 1000)
        let (first, second) = order == ["click", "buy"] ? (0, 1) : (1, 0)
        /// Means over the last 30 epochs.
        func losses(_ balancing: Balancing, epochs: Int) throws -> [Double] {
            let trainer = try trainer(Double.self, balancing)
            let report = try trainer.fit(rows, until: StoppingRule(epochs: epochs, patience: nil))
            return (0..<2).map { task in
                report.epochs.suffix(30).reduce(0) { $0 + $1.trainingLosses[task] } / 30
            }
        }
        let alone = try losses(.priorities(order: order, phase: 80), epochs: 80)
        let tight = try losses(.priorities(order: order, phase: 80), epochs: 240)
        let wide = try losses(.priorities(order: order, tolerance: 0.05, phase: 80), epochs: 240)
        let plain = try losses(.fixed, epochs: 240)
        let place = "\(alone), \(tight), \(wide), \(plain)"
        #expect(tight[first] < alone[first] * 1.01, "\(place)")
        #expect(wide[first] < alone[first] * 1.06 && wide[first] > alone[first] * 1.03, "\(place)")
        #expect(wide[second] < tight[second] && tight[second] < alone[second], "\(place)")
        #expect(plain[first] > 1.03 * tight[first], "\(place)")
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let rows = try rows(Float.self, count: 400)
        for schedule in [Schedule.joint, .alternating(.batch, trains: .blocks)] {
            let found = try [1, 2, 3].map { threads in
                let trainer = try trainer(Float.self, .priorities(), schedule: schedule, threads: threads)
                let report = try trainer.fit(rows, until: StoppingRule(epochs: 4, patience: nil))
                let weights = try report.epochs.map { try #require($0.taskWeights) }
                #expect(weights[0] == [1, 0] && weights[1].allSatisfy { $0 > 0 }, "\(weights)")
                return trainer.parameters
            }
            #expect(found.allSatisfy { $0 == found[0] })
        }
    }

    /// The last epoch is kept, not that of the least weighted loss, unless something else is watched; no patience ends a phase.
    @Test func theLastEpochIsKept() throws {
        let rows = try rows(Double.self, count: 400)
        var rule = StoppingRule(epochs: 8, patience: 1)
        let kept = try trainer(Double.self, .priorities(phase: 3))
        let report = try kept.fit(rows, until: rule)
        #expect(report.epochs.count == 8 && report.bestEpoch == 8)
        rule.watch = .loss(task: "click")
        let watched = try trainer(Double.self, .priorities(phase: 3), rate: 0.1)
        let other = try watched.fit(rows, until: rule)
        let losses = other.epochs.map(\.watchedLoss)
        #expect(other.bestEpoch.map { losses[$0 - 1] } == losses.min())
        rule.stop = .eachTask
        rule.watch = .weightedLoss
        let error = failure { try watched.fit(rows, until: rule) }
        #expect(error?.found == "priorities beside stop: each_task")
    }
}
