import MTLEngine
import MTLTestSupport
import Testing

@Suite struct PiecewiseBinsTests {
    /// The encoding as the paper writes it, summed.
    private func written(_ value: Double, _ edges: [Double]) -> Double {
        zip(edges, edges.dropFirst()).reduce(0) { $0 + min(1, max(0, (value - $1.0) / ($1.1 - $1.0))) }
    }

    @Test func positionsAreTheEncodingsSums() throws {
        var generator = SeededGenerator(seed: 4)
        for round in 0..<60 {
            let values = (0..<1 + generator.below(400)).map { _ in
                switch round % 3 {
                case 0: Double(generator.below(12))
                case 1: generator.below(2) == 0 ? 0 : (3 * generator.normal()).rounded()
                default: generator.normal() * 1e6
                }
            }
            let count = 1 + generator.below(20)
            let bins = PiecewiseBins(values, count: count)
            #expect(bins.count >= 1 && bins.count <= count)
            #expect(zip(bins.edges, bins.edges.dropFirst()).allSatisfy { $0 < $1 })
            if Set(values).count > 1 {
                #expect(bins.edges.first == values.min() && bins.edges.last == values.max())
            }
            for value in values + [-1e9, 1e9] + (0..<20).map({ _ in 4 * generator.normal() }) {
                let position = bins.position(of: value)
                #expect(abs(position - written(value, bins.edges)) < 1e-9 * Double(count), "\(value) \(bins)")
            }
        }
    }

    /// Most customers have 0; the rest of the bins are over the others.
    @Test func aFrequentValueTakesOneEdge() {
        let values = [Double](repeating: 0, count: 9500) + (1...500).map { Double($0) }
        let bins = PiecewiseBins(values, count: 10)
        #expect(bins.count == 10 && bins.edges[0] == 0)
        for (edge, next) in zip(bins.edges.dropFirst(), bins.edges.dropFirst(2)) {
            #expect((40...70).contains(next - edge), "\(bins.edges)")
        }
        let both = PiecewiseBins(values + [Double](repeating: 250.5, count: 9000), count: 10)
        #expect(both.edges.contains(0) && both.edges.contains(250.5) && both.count == 10)
        #expect(PiecewiseBins([3, 1, 2, 2], count: 9).edges == [1, 2, 3])
    }

    @Test func nothingAndOneValueHaveABin() {
        #expect(PiecewiseBins([], count: 5).edges == [0, 1])
        #expect(PiecewiseBins([.nan, .infinity], count: 5).edges == [0, 1])
        #expect(PiecewiseBins([7, 7], count: 5).edges == [7, 8])
        let large = PiecewiseBins([1e300], count: 5)
        #expect(large.count == 1 && large.position(of: 1e300) == 0 && large.position(of: .infinity) == 1)
        #expect(PiecewiseBins([-1e308, 1e308], count: 5).position(of: 0).isFinite)
        #expect(large.position(of: .nan) == -1)
    }

    @Test func edgesThatDoNotRiseAreRefused() {
        for edges in [[], [1], [1, 1], [2, 1], [1, .nan], [0, .infinity]] {
            #expect(failure { _ = try PiecewiseBins(edges: edges) }?.place == "bins")
        }
    }
}
