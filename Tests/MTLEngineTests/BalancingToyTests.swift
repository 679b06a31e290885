import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// The problem of two losses over two numbers that CAGrad (arXiv 2110.14048, figure 2) and Nash-MTL (arXiv 2202.01017, figure 1) show:
/// who comes to the Pareto front, from their starting points.
@Suite struct BalancingToyTests {
    /// Both losses and their gradients, rows of tasks, as both papers' code has them; `factor` is Nash-MTL's of the first loss.
    struct Problem {
        var factor = 1.0

        func evaluate(_ x: Double, _ y: Double) -> (losses: [Double], rows: [[Double]]) {
            let bend = 1 / (cosh(y) * cosh(y))
            let first = valley(-0.5 * (x + 7) + tanh(y), dx: -0.5, dy: bend)
            let second = valley(0.5 * (3 - x) - tanh(y) + 2, dx: -0.5, dy: -bend)
            let a = blend(first, bowl(x, y, center: 7), y)
            let b = blend(second, bowl(x, y, center: -7), y)
            return (
                [a[0], b[0]].enumerated().map { $0 == 0 ? factor * $1 : $1 },
                [
                    [factor * a[1], factor * a[2]], [b[1], b[2]],
                ]
            )
        }

        /// log |u| + 6, flat where |u| is below 5e-6: value and slopes.
        private func valley(_ u: Double, dx: Double, dy: Double) -> [Double] {
            let floor = 5e-6
            return abs(u) > floor ? [log(abs(u)) + 6, dx / u, dy / u] : [log(floor) + 6, 0, 0]
        }

        private func bowl(_ x: Double, _ y: Double, center: Double) -> [Double] {
            [
                ((x - center) * (x - center) + 0.1 * (y + 8) * (y + 8)) / 10 - 20, (x - center) / 5,
                (y + 8) / 50,
            ]
        }

        /// The valleys above y = 0, the bowls below.
        private func blend(_ above: [Double], _ below: [Double], _ y: Double) -> [Double] {
            let share = tanh(abs(y) / 2)
            let slope = 0.5 * (1 - share * share) * (y > 0 ? 1 : -1)
            let used = y > 0 ? above : below
            // At 0 both blends begin to rise, as PyTorch's clamp has it.
            if y == 0 { return [0, 0, 0.5 * (above[0] - below[0])] }
            return [used[0] * share, used[1] * share, used[2] * share + used[0] * slope]
        }
    }

    /// Adam with rate 1e-3, as in both, until the front is reached, or the minimum of the mean loss where that is wanted.
    ///
    /// - Returns: x, y, and how long the shortest convex combination of the gradients is there: 0 on the front.
    private func run(
        _ method: Balancing, _ problem: Problem, from start: [Double], steps: Int, toMinimum: Bool = false
    ) throws -> (x: Double, y: Double, gap: Double) {
        let memory = try BalancerMemory(method, tasks: Balanced.tasks(2), seed: 1)
        let judge = try BalancerMemory(.mgda(), tasks: Balanced.tasks(2), seed: 1)
        var (x, first, second, gap) = (start, [0.0, 0.0], [0.0, 0.0], Double.infinity)
        for step in 0..<steps {
            let (losses, rows) = problem.evaluate(x[0], x[1])
            if step % 200 == 0 {
                let shortest = Balanced.sum(
                    rows, Array(judge.weights(losses: losses, gram: Balanced.products(rows))))
                gap = sqrt(shortest[0] * shortest[0] + shortest[1] * shortest[1])
                if gap < 1e-3, x[1] < -5, !toMinimum || abs(x[0]) < 0.01 { break }
            }
            let weights = memory.weights(losses: losses, gram: Balanced.products(rows))
            for axis in 0..<2 {
                let g = weights[0] * rows[0][axis] + weights[1] * rows[1][axis]
                first[axis] = 0.9 * first[axis] + 0.1 * g
                second[axis] = 0.999 * second[axis] + 0.001 * g * g
                let size = sqrt(second[axis] / (1 - pow(0.999, Double(step + 1)))) + 1e-8
                x[axis] -= 1e-3 / (1 - pow(0.9, Double(step + 1))) * first[axis] / size
            }
        }
        return (x[0], x[1], gap)
    }

    private static let starts = [[-8.5, 7.5], [-8.5, -5], [9, 9]]

    /// The mean gradient stays in the valleys, from the two starting points above them.
    @Test func meanIsCaught() throws {
        for start in Self.starts {
            let end = try run(.fixed, Problem(), from: start, steps: 40_000)
            #expect((end.gap < 1e-3) == (start[1] < 0), "\(start): \(end)")
        }
    }

    @Test(arguments: [Balancing.mgda(), .pcGrad, .nashMTL(), .fairGrad(), .imtlG, .conFIG, .alignedMTL()])
    func theFrontIsReached(_ method: Balancing) throws {
        for start in Self.starts {
            let end = try run(method, Problem(), from: start, steps: 80_000)
            #expect(end.gap < 1e-3 && abs(end.x) < 7.1 && end.y < -8, "\(method.kind), \(start): \(end)")
        }
    }

    /// CAGrad and Aligned-MTL go on along the front, to the minimum of the mean loss at (0, -8.36).
    @Test(arguments: [Balancing.caGrad(), .alignedMTL()]) func minimumIsReached(_ method: Balancing) throws {
        for start in Self.starts {
            let end = try run(method, Problem(), from: start, steps: 100_000, toMinimum: true)
            #expect(abs(end.x) < 0.01 && abs(end.y + 8.355) < 0.05, "\(method.kind), \(start): \(end)")
        }
    }

    /// Nash-MTL's form: the first loss is a tenth. The bargain reaches the front from all five points, at the same place as without
    /// the factor; the mean is caught.
    @Test func bargainHasNoScale() throws {
        for start in [[-8.5, 7.5], [0, 0], [9, 9], [-7.5, -0.5], [9, -1]] {
            let end = try run(.nashMTL(), Problem(factor: 0.1), from: start, steps: 35_000)
            #expect(end.gap < 1e-3 && abs(end.x) < 7.1 && end.y < -8, "\(start): \(end)")
            let whole = try run(.nashMTL(), Problem(), from: start, steps: 35_000)
            #expect(abs(end.x - whole.x) < 0.2, "\(start): \(end), \(whole)")
        }
        let end = try run(.fixed, Problem(factor: 0.1), from: [9, 9], steps: 35_000)
        #expect(end.gap > 1e-3 && end.y > 0, "\(end)")
    }
}
