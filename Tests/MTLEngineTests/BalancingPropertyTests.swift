import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Laws of the weights over random gradients: of any rank, with tasks of any scale, with tasks left out.
@Suite struct BalancingPropertyTests {
    /// Every method, some in more than one form.
    static let methods: [Balancing] =
        Balancing.Kind.allCases.map { Balancing.usual($0) } + [
            .uncertainty(.liebelKoerner, learningRate: 1), .uncertainty(learningRate: 1),
            .imtlL(learningRate: 1),
            .stch(mu: 0.01, warmup: 0), .stch(warmup: 1), .cov(momentum: 0.9), .mgda(.norm), .mgda(.loss),
            .mgda(.lossNorm), .peLTR(floor: 0.03), .caGrad(radius: 0), .caGrad(radius: 2), .nashMTL(every: 3),
            .fairGrad(alpha: 0.5), .fairGrad(alpha: 4), .alignedMTL(.median), .alignedMTL(.mean),
            .dbMTL(momentum: 0.9), .pcd(progress: 1), .cosineGate(isWeighted: true), .moDo(learningRate: 10),
            .excessMTL(stepSize: 10), .gradNorm(learningRate: 1), .ldcMTL(penalty: 100, learningRate: 1),
            .gradCraft(relaxation: 0, cosine: 0.5), Balancing.upGrad.smoothed(0.5),
            Balancing.famo().fixed(after: 1), Balancing.mgda(.norm).smoothed(0.5).fixed(after: 2),
            Balancing.gradNorm(learningRate: 1).fixed(after: 2),
            .priorities(tolerance: 0, phase: 2, learningRate: 10, momentum: 0), .autoScale(window: 2),
            .cosmos(alpha: 1e-3, penalty: 100), .autoScale(.lossScale, window: 5),
            Balancing.autoScale(window: 3).fixed(after: 40),
        ]

    /// Methods whose weights of one step follow from M alone, and do not change with its scale.
    static let scaleFree: [Balancing] = [
        .mgda(), .mgda(.none), .pcGrad, .gradVac(), .caGrad(), .caGrad(radius: 0.2), .alignedMTL(),
        .alignedMTL(.mean),
        .upGrad, .dualProj, .conFIG, .imtlG, .peLTR(floor: 0.1), .pcd(progress: 0.4), .metaBalance(),
        .cosineGate(),
    ]

    @Test(arguments: methods) func weightsAreNumbers(_ method: Balancing) throws {
        var generator = SeededGenerator(seed: 3)
        for (count, steps) in [(1, 60), (2, 60), (3, 60), (7, 60), (33, 12)] {
            let memory = try BalancerMemory(method, tasks: Balanced.tasks(count), seed: 1)
            for step in 0..<steps {
                let batch = BalancingBatch.any(count, step, &generator)
                let weights = batch.weights(memory)
                let place = "\(method.kind), \(count) tasks, step \(step): \(weights) of \(batch.losses)"
                #expect(weights.allSatisfy { $0.isFinite }, "\(place)")
                for (weight, loss) in zip(weights, batch.losses) where !loss.isFinite {
                    #expect(weight == 0, "\(place)")
                }
                batch.learn(memory)
                if step % 4 == 3 { memory.endEpoch(indicators: batch.losses.map { $0 / (1 + abs($0)) }) }
                let numbers = memory.position.numbers
                #expect(numbers.allSatisfy { $0.isFinite }, "\(place), \(numbers)")
            }
        }
    }

    @Test(arguments: methods) func orderOfTasksDoesNotMatter(_ method: Balancing) throws {
        // What draws a number of its own for each task, or an order of them, depends on their order; LDC-MTL looks at neighbours;
        // the order of priorities is that of the tasks.
        guard ![.rlw, .pcGrad, .gradVac, .ldcMTL, .priorities, .cosmos].contains(method.kind) else { return }
        // The main task moves along.
        var generator = SeededGenerator(seed: 4)
        let (count, order) = (5, [3, 0, 4, 2, 1])
        let named = Balanced.tasks(count)
        let method = method.hasMain ? method.main(named[0].name) : method
        let one = try BalancerMemory(method, tasks: named, seed: 1)
        let other = try BalancerMemory(method, tasks: order.map { named[$0] }, seed: 1)
        for step in 0..<12 {
            let batch = BalancingBatch.plain(count, &generator)
            let moved = batch.ordered(order)
            let (weights, movedWeights) = (batch.weights(one), moved.weights(other))
            expectClose(
                movedWeights, order.map { weights[$0] }, relative: 1e-6, absolute: 1e-7,
                "\(method.kind), step \(step)")
            batch.learn(one)
            moved.learn(other)
            if step % 3 == 2 {
                one.endEpoch(indicators: batch.losses.map { 1 / (1 + $0) })
                other.endEpoch(indicators: moved.losses.map { 1 / (1 + $0) })
            }
        }
    }

    @Test(arguments: methods) func taskLeftOutIsNotThere(_ method: Balancing) throws {
        // Every task draws, and has a phase, whether it is there or not.
        guard ![.rlw, .priorities, .cosmos].contains(method.kind) else { return }
        var generator = SeededGenerator(seed: 5)
        let named = Balanced.tasks(3)
        for absent in 0..<3 {
            let there = (0..<3).filter { $0 != absent }
            let whole = try BalancerMemory(method, tasks: named, seed: 1)
            let alone = try BalancerMemory(method, tasks: there.map { named[$0] }, seed: 1)
            // The methods above have their first task as the main one.
            if method.hasMain, absent == 0 { continue }
            for step in 0..<12 {
                var batch = BalancingBatch.plain(3, &generator)
                let part = batch.ordered(there)
                batch.leaveOut(absent)
                let weights = batch.weights(whole)
                #expect(weights[absent] == 0)
                expectClose(
                    there.map { weights[$0] }, part.weights(alone), relative: 1e-9, absolute: 1e-12,
                    "\(method.kind), step \(step) without \(absent)")
                batch.learn(whole)
                part.learn(alone)
                if step % 3 == 2 {
                    whole.endEpoch(indicators: batch.losses.map { 1 / (1 + $0) })
                    alone.endEpoch(indicators: part.losses.map { 1 / (1 + $0) })
                }
            }
        }
    }

    @Test(arguments: methods) func goesOnWhereItWas(_ method: Balancing) throws {
        var generator = SeededGenerator(seed: 6)
        let batches = (0..<12).map { BalancingBatch.any(4, $0, &generator) }
        func run(_ memory: BalancerMemory, _ steps: Range<Int>) -> [[Double]] {
            steps.map { step in
                let weights = batches[step].weights(memory)
                batches[step].learn(memory)
                if step % 3 == 2 { memory.endEpoch(indicators: [0.1, 0.5, 0.9, .nan]) }
                return weights
            }
        }
        let whole = try BalancerMemory(method, tasks: Balanced.tasks(4), seed: 9)
        let expected = run(whole, 0..<12)
        for cut in [1, 5, 7] {
            let first = try BalancerMemory(method, tasks: Balanced.tasks(4), seed: 9)
            _ = run(first, 0..<cut)
            let written = try JSONEncoder().encode(first.position)
            let second = try BalancerMemory(method, tasks: Balanced.tasks(4), seed: 9)
            try second.restore(JSONDecoder().decode(BalancerPosition.self, from: written))
            #expect(run(second, cut..<12) == Array(expected[cut...]), "\(method.kind), \(cut)")
        }
    }

    @Test func seedDecidesWhatIsDrawn() throws {
        var generator = SeededGenerator(seed: 7)
        let batches = (0..<6).map { _ in BalancingBatch.plain(6, &generator) }
        for method in [Balancing.rlw, .pcGrad, .gradVac(), .cosmos()] {
            func run(_ seed: UInt64) throws -> [[Double]] {
                let memory = try BalancerMemory(method, tasks: Balanced.tasks(6), seed: seed)
                return batches.map { $0.weights(memory) }
            }
            let (one, again, other) = (try run(1), try run(1), try run(2))
            #expect(one == again, "\(method.kind)")
            #expect(one != other, "\(method.kind)")
        }
        let memory = try BalancerMemory(.rlw, tasks: Balanced.tasks(6), seed: 1)
        #expect(batches[0].weights(memory) != batches[0].weights(memory))
    }

    @Test(arguments: scaleFree) func scaleOfAllDoesNotMatter(_ method: Balancing) throws {
        var generator = SeededGenerator(seed: 8)
        for scale in [1e-12, 1e-3, 1e12] {
            let one = try BalancerMemory(method, tasks: Balanced.tasks(5), seed: 1)
            let other = try BalancerMemory(method, tasks: Balanced.tasks(5), seed: 1)
            for _ in 0..<4 {
                let batch = BalancingBatch.plain(5, &generator)
                let scaled = BalancingBatch(
                    losses: batch.losses, rows: batch.rows.map { $0.map { $0 * scale } })
                expectClose(
                    scaled.weights(other), batch.weights(one), relative: 1e-7, absolute: 1e-9,
                    "\(method.kind) times \(scale)")
            }
        }
    }

    /// What a task is measured in changes no direction of these.
    @Test(arguments: [Balancing.nashMTL(), .imtlG, .conFIG, .mgda(.norm), .dbMTL(momentum: 0)])
    func scaleOfOneDoesNotMatter(_ method: Balancing) throws {
        var generator = SeededGenerator(seed: 9)
        for scale in [1e-12, 1e-6, 1e6, 1e12] {
            for _ in 0..<4 {
                let batch = BalancingBatch.plain(4, &generator)
                // A loss in another unit has a gradient in that unit too.
                let losses = batch.losses.enumerated().map { $0 == 1 ? $1 * scale : $1 }
                let rows = batch.rows.enumerated().map { task, row in row.map { task == 1 ? $0 * scale : $0 }
                }
                let memory = try BalancerMemory(method, tasks: Balanced.tasks(4), seed: 1)
                let direction = unit(Balanced.sum(batch.rows, batch.weights(memory)))
                let fresh = try BalancerMemory(method, tasks: Balanced.tasks(4), seed: 1)
                let scaled = BalancingBatch(losses: losses, rows: rows)
                // 1e-8 beside a loss of 1e-12 is not nothing, and dual balancing has that.
                guard method.kind != .dbMTL || scale > 1 else { continue }
                expectClose(
                    unit(Balanced.sum(rows, scaled.weights(fresh))), direction, absolute: 1e-6,
                    "\(method.kind), one task times \(scale)")
            }
        }
    }

    /// A(diag(c) J) is linear in c.
    @Test(arguments: [Balancing.pcGrad, .conFIG, .fixed]) func linearUnderScaling(_ method: Balancing) throws
    {
        var generator = SeededGenerator(seed: 10)
        for _ in 0..<10 {
            let batch = BalancingBatch.plain(4, &generator)
            func direction(_ factors: [Double]) throws -> [Double] {
                let rows = zip(batch.rows, factors).map { row, factor in row.map { $0 * factor } }
                let memory = try BalancerMemory(method, tasks: Balanced.tasks(4), seed: 1)
                return Balanced.sum(rows, BalancingBatch(losses: batch.losses, rows: rows).weights(memory))
            }
            let one = (0..<4).map { _ in generator.uniform() + 0.1 }
            let other = (0..<4).map { _ in 10 * generator.uniform() + 0.1 }
            let both = try zip(direction(one), direction(other)).map { 2 * $0 + 3 * $1 }
            expectClose(
                try direction(zip(one, other).map { 2 * $0 + 3 * $1 }), both, absolute: 1e-9,
                "\(method.kind)")
        }
    }

    private func unit(_ x: [Double]) -> [Double] {
        let size = sqrt(x.reduce(0) { $0 + $1 * $1 })
        return x.map { $0 / size }
    }
}

extension Balancing {
    /// The same method with its main task's name.
    fileprivate func main(_ name: String) -> Balancing {
        switch method {
        case .metaBalance: .metaBalance(main: name)
        case .pcd(_, let progress, _): .pcd(main: name, progress: progress)
        case .cosineGate(_, let isWeighted): .cosineGate(main: name, isWeighted: isWeighted)
        default: self
        }
    }
}
