import MTLEngine
import MTLTestSupport
import Testing

/// The problem of two losses over two numbers that CAGrad and Nash-MTL show: who comes to the Pareto front, from their starting
/// points.
@Suite struct ToyProblemTests {
    private static let places = ToyProblem.starts.indices

    @Test func gradientsAreDifferences() {
        let problem = ToyProblem(factor: 0.1)
        for point in ToyProblem.starts + [[2.5, 0.7], [-3, -9], [0.5, 2]] where point.y != 0 {
            let (_, first, second) = problem.evaluate(point)
            for axis in 0..<2 {
                var step = ToyProblem.Point.zero
                step[axis] = 1e-6
                let (up, down) = (problem.evaluate(point + step), problem.evaluate(point - step))
                let slopes = (up.losses - down.losses) / 2e-6
                expectClose(
                    [first[axis], second[axis]], [slopes.x, slopes.y], relative: 1e-6, absolute: 1e-8,
                    "\(point)")
            }
        }
    }

    /// Per method the starting points from which a valley catches it; all others come to the front from everywhere.
    private static let caught: [Balancing.Kind: [ToyProblem.Point]] = [
        .fixed: [[-8.5, 7.5], [9, 9]], .rlw: [[-8.5, 7.5], [9, 9]], .gradVac: [[-8.5, 7.5], [9, 9]],
        .upGrad: [[-8.5, 7.5], [9, 9]], .dualProj: [[-8.5, 7.5], [9, 9]], .metaBalance: [[9, 9]],
        .cosineGate: [[-8.5, 7.5]],
    ]

    /// Who comes to the Pareto front within CAGrad's steps.
    @Test(arguments: ToyProblem.methods) func theFrontIsReached(_ method: Balancing) throws {
        for start in ToyProblem.starts {
            let way = try ToyProblem().descend(method, from: start, steps: 100_000)
            let isCaught = Self.caught[method.kind]?.contains(start) ?? false
            #expect(way.reachesFront != isCaught, "\(method.kind), \(start): \(way.end), \(way.gap)")
            if way.reachesFront { #expect(abs(way.end.x) < 7.1 && way.end.y < -8, "\(method.kind)") }
        }
    }

    /// CAGrad and Aligned-MTL go on along the front, to the minimum of the mean loss at (0, -8.36).
    @Test(arguments: [Balancing.caGrad(), .alignedMTL()]) func minimumIsReached(_ method: Balancing) throws {
        for start in ToyProblem.starts.prefix(3) {
            let end = try ToyProblem().descend(method, from: start, steps: 100_000, toMinimum: true).end
            #expect(abs(end.x) < 0.01 && abs(end.y + 8.355) < 0.05, "\(method.kind), \(start): \(end)")
        }
    }

    /// Nash-MTL's form: the first loss is a tenth. The bargain reaches the front from all its points, at the same place as without
    /// the factor; the mean is caught.
    @Test func bargainHasNoScale() throws {
        for place in Self.places where place != 1 {
            let start = ToyProblem.starts[place]
            let tenth = try ToyProblem(factor: 0.1).descend(.nashMTL(), from: start, steps: 35_000)
            let whole = try ToyProblem().descend(.nashMTL(), from: start, steps: 35_000)
            #expect(tenth.reachesFront && whole.reachesFront)
            #expect(abs(tenth.end.x) < 7.1 && tenth.end.y < -8, "\(start): \(tenth.end)")
            #expect(abs(tenth.end.x - whole.end.x) < 0.2, "\(start): \(tenth.end), \(whole.end)")
        }
        let mean = try ToyProblem(factor: 0.1).descend(.fixed, from: [9, 9], steps: 35_000)
        #expect(!mean.reachesFront && mean.end.y > 0, "\(mean.end)")
    }
}
