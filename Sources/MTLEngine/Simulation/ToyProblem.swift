#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Two losses over two numbers, the problem on which CAGrad (arXiv 2110.14048, figure 2) and Nash-MTL (arXiv 2202.01017, figure 1) show
/// who comes to the Pareto front, as both papers' code has it.
///
/// Above y = 0 each loss is a narrow valley, which catches the mean gradient; below it two bowls around (±7, -8), between which the
/// front is the line near y = -8.36.
package struct ToyProblem: Sendable {
    package typealias Point = SIMD2<Double>

    /// What the first loss is multiplied with: 1 in CAGrad's form, .1 in Nash-MTL's.
    package var factor = 1.0

    package init(factor: Double = 1) { self.factor = factor }

    /// The starting points of both papers: CAGrad's are the first three, Nash-MTL's all but the second.
    package static let starts: [Point] = [
        [-8.5, 7.5], [-8.5, -5], [9, 9], [0, 0], [-7.5, -0.5], [9, -1],
    ]

    /// The methods that may be tried: losses below 0 have no logarithms and no ratios.
    package static let methods: [Balancing] = [
        .fixed, .rlw, .mgda(), .peLTR(), .pcGrad, .gradVac(), .caGrad(), .gradCraft(), .nashMTL(),
        .fairGrad(), .alignedMTL(), .upGrad, .dualProj, .conFIG, .imtlG, .metaBalance(), .pcd(),
        .cosineGate(),
    ]

    /// Both losses and their gradients.
    package func evaluate(_ point: Point) -> (losses: Point, first: Point, second: Point) {
        let (x, y) = (point.x, point.y)
        let bend = 1 / (cosh(y) * cosh(y))
        let above = (
            valley(-0.5 * (x + 7) + tanh(y), dx: -0.5, dy: bend),
            valley(0.5 * (3 - x) - tanh(y) + 2, dx: -0.5, dy: -bend)
        )
        let first = blend(above.0, bowl(point, center: 7), y)
        let second = blend(above.1, bowl(point, center: -7), y)
        return ([factor * first.value, second.value], factor * first.slope, second.slope)
    }

    private typealias Part = (value: Double, slope: Point)

    /// log |u| + 6, flat where |u| is below 5e-6.
    private func valley(_ u: Double, dx: Double, dy: Double) -> Part {
        let floor = 5e-6
        return abs(u) > floor ? (log(abs(u)) + 6, [dx / u, dy / u]) : (log(floor) + 6, .zero)
    }

    private func bowl(_ point: Point, center: Double) -> Part {
        let (x, y) = (point.x - center, point.y + 8)
        return ((x * x + 0.1 * y * y) / 10 - 20, [x / 5, y / 50])
    }

    /// The valleys above y = 0, the bowls below.
    private func blend(_ above: Part, _ below: Part, _ y: Double) -> Part {
        // At 0 both blends begin to rise, as PyTorch's clamp has it.
        if y == 0 { return (0, [0, 0.5 * (above.value - below.value)]) }
        let share = tanh(abs(y) / 2)
        let rise = 0.5 * (1 - share * share) * (y > 0 ? 1 : -1)
        let used = y > 0 ? above : below
        return (used.value * share, used.slope * share + [0, used.value * rise])
    }

    // MARK: Descent

    /// The way that a method takes.
    package struct Descent: Sendable {
        /// The points that it passed, the start and the end among them.
        package var points: [Point] = []
        /// The length of the shortest convex combination of the gradients at its end: 0 on the front.
        package var gap = Double.infinity

        /// Where it ended.
        package var end: Point { points.last ?? .zero }
        package var reachesFront: Bool { gap < ToyProblem.tolerance && end.y < -5 }
    }

    private static let tolerance = 1e-3
    private static let tasks: [LearningTask] = [.regression("first"), .regression("second")]
    /// Steps from one look at the gap, and from one kept point, to the next.
    private static let interval = 200

    /// Goes down with Adam at a rate of 1e-3, as in both papers' code, until the front is reached.
    ///
    /// - Parameter toMinimum: whether to go on along the front until the mean loss is least, at x = 0.
    package func descend(
        _ method: Balancing, from start: Point, steps: Int, toMinimum: Bool = false
    ) throws(InputError) -> Descent {
        let memory = try BalancerMemory(method, tasks: Self.tasks, seed: 1)
        let judge = try BalancerMemory(.mgda(), tasks: Self.tasks, seed: 1)
        let numbers = AlignedStorage<Double>(zeroed: 6)
        let gram = numbers.base + 2
        var (point, moment, square) = (start, Point.zero, Point.zero)
        var found = Descent()
        func sum(_ balancer: BalancerMemory, _ first: Point, _ second: Point) -> Point {
            let weights = balancer.weights(losses: numbers.base, gram: gram)
            return weights[0] * first + weights[1] * second
        }
        for step in 0...steps {
            let (losses, first, second) = evaluate(point)
            (numbers.base[0], numbers.base[1]) = (losses.x, losses.y)
            gram[0] = (first * first).sum()
            gram[1] = (first * second).sum()
            gram[2] = gram[1]
            gram[3] = (second * second).sum()
            if step % Self.interval == 0 || step == steps {
                found.points.append(point)
                let shortest = sum(judge, first, second)
                found.gap = (shortest * shortest).sum().squareRoot()
                if found.reachesFront, !toMinimum || abs(point.x) < 0.01 { break }
            }
            guard step < steps else { break }
            let direction = sum(memory, first, second)
            moment = 0.9 * moment + 0.1 * direction
            square = 0.999 * square + 0.001 * direction * direction
            let scale = 1 - pow(0.999, Double(step + 1))
            let size = (square / scale).squareRoot() + 1e-8
            point -= 1e-3 / (1 - pow(0.9, Double(step + 1))) * moment / size
        }
        return found
    }
}
