import MTLEngine
import Testing

/// Intervals of a user's own metrics, with what is public.
@Suite struct BootstrapUseTests {
    @Test func theDifferenceOfTwoModelsHasAnInterval() throws {
        let labels: [Float] = (0..<60).map { $0 % 3 == 0 ? 1 : 0 }
        let good = labels.indices.map { labels[$0] + Float($0 % 7) / 5 }
        let poor = labels.indices.map { Float($0 % 7) / 5 }
        let users = labels.indices.map { $0 / 4 }
        let interval = try Bootstrap(resamples: 200).interval(rows: labels.count, groups: users) {
            (weights: [Float]) in
            guard let one = Metrics.areaUnderROC(scores: good, labels: labels, weights: weights),
                let two = Metrics.areaUnderROC(scores: poor, labels: labels, weights: weights)
            else { return nil }
            return one - two
        }
        let found = try #require(interval)
        #expect(found.excludesZero && found.lower > 0 && found.halfWidth > 0)
        #expect(try #require(ConfidenceInterval.mean(of: [0.1, 0.2, 0.3])).estimate > 0.19)
    }
}
