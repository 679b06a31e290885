import MTLData
import MTLEngine
import Testing

/// What is best by several costs.
@Suite struct ParetoFrontTests {
    @Test func aFrontIsWhatNothingIsBetterThan() {
        let points: [[Double]] = [[1, 5], [2, 2], [5, 1], [3, 3], [2, 2], [1, 6]]
        #expect(ParetoFront.indices(points) == [0, 1, 2, 4])
        // Of the two in the middle the first.
        #expect(ParetoFront.knee(points) == 1)
        #expect(ParetoFront.order(points) == [1, 4, 0, 2, 3, 5])
        #expect(ParetoFront.knee([]) == nil && ParetoFront.knee([[3, 4, 5]]) == 0)
        #expect(ParetoFront.order([[2], [1], [3], [1]]) == [1, 3, 0, 2])
    }

    /// The knee is that of the front's shape, whatever the units of the costs are.
    @Test func unitsDecideNothing() {
        let points: [[Double]] = [[0, 10], [1, 3], [4, 2], [9, 0]]
        #expect(ParetoFront.knee(points) == 1)
        #expect(ParetoFront.knee(points.map { [$0[0] * 1e6, $0[1] * 1e-6 - 3] }) == 1)
    }

    @Test(arguments: 1...3)
    func ordersKeepTheLaw(_ costs: Int) {
        var generator = SeededGenerator(seed: UInt64(costs))
        for _ in 0..<200 {
            let points = (0..<(1 + generator.below(20))).map { _ in
                (0..<costs).map { _ in Double(generator.below(6)) }
            }
            func isBetter(_ one: Int, _ other: Int) -> Bool {
                points[one] != points[other] && zip(points[one], points[other]).allSatisfy { $0 <= $1 }
            }
            let order = ParetoFront.order(points)
            #expect(order.sorted() == Array(points.indices))
            // Nothing stands before what is better than it.
            for (place, index) in order.enumerated() {
                #expect(!order[(place + 1)...].contains { isBetter($0, index) }, "\(points)")
            }
            let front = ParetoFront.indices(points)
            #expect(!front.isEmpty && Set(order.prefix(front.count)) == Set(front))
            #expect(ParetoFront.knee(points) == order.first)
        }
    }
}
