import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// DeLong's test of two areas over the same rows.
@Suite struct AreaComparisonTests {
    private struct Golden: Decodable {
        let labels, first, second, areas, covariance: [Double]
    }

    /// From the definition, over all pairs (make_delong_golden.py).
    @Test func isThatOfItsDefinition() throws {
        let golden = try fixture(Golden.self, "delong.json", snakeCase: true)
        let found = try #require(
            AreaComparison(first: golden.first, second: golden.second, labels: golden.labels))
        expectClose([found.first, found.second], golden.areas, absolute: 1e-12, "areas")
        expectClose(
            [found.firstVariance, found.covariance, found.covariance, found.secondVariance],
            golden.covariance, absolute: 1e-12, "covariance")
        let one = try #require(AreaComparison.area(scores: golden.first, labels: golden.labels))
        #expect(abs(one.standardError * one.standardError - golden.covariance[0]) < 1e-12)
    }

    /// Of models that are equally good the p value is below 5 % in one of twenty sets of rows; of unequal ones more often.
    @Test func pValuesAreThoseOfChance() throws {
        var generator = SeededGenerator(seed: 4)
        func share(_ advantage: Double) throws -> Double {
            var below = 0
            for _ in 0..<400 {
                let labels = (0..<150).map { _ in generator.uniform() < 0.4 ? 1.0 : 0 }
                let common = labels.map { _ in generator.normal() }
                func scores(_ strength: Double) -> [Double] {
                    zip(labels, common).map { strength * $0 + $1 + 0.7 * generator.normal() }
                }
                let found = try #require(
                    AreaComparison(first: scores(1), second: scores(1 + advantage), labels: labels))
                if found.pValue < 0.05 { below += 1 }
            }
            return Double(below) / 400
        }
        #expect(try abs(share(0) - 0.05) < 0.03)
        #expect(try share(0.6) > 0.5)
    }

    @Test func undefinedStaysUndefined() {
        #expect(AreaComparison(first: [0.1, 0.2], second: [0.1, 0.2], labels: [1.0, 1]) == nil)
        #expect(AreaComparison(first: [0.1, .nan], second: [0.1, 0.2], labels: [1.0, 0]) == nil)
        #expect(AreaComparison(first: [Double](), second: [], labels: []) == nil)
        let same = AreaComparison(first: [0.1, 0.2, 0.3], second: [1, 2, 3], labels: [0.0, 1, 0])
        #expect(same?.pValue == 1 && same?.difference == 0)
    }
}
