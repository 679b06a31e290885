import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Percentile intervals, and Student's, beside scipy's (make_bootstrap_golden.py).
@Suite struct BootstrapTests {
    private struct Golden: Decodable {
        let values, meanDistribution, meanBounds, labels, first, second, areaBounds, clustered, groupBounds,
            rowBounds, shares, paired: [Double]
        let meanDistributionBounds, quantiles, seeds: [[Double]]
        let areaDifference: Double
        let groups, degrees: [Int]
    }

    private func golden() throws -> Golden {
        try fixture(Golden.self, "bootstrap.json", snakeCase: true)
    }

    /// Draws of other generators: each end may be off by a few of its standard errors, .03 of a deviation, or .01 of the width.
    private func expectNear(_ found: ConfidenceInterval?, _ bounds: [Double], _ what: String) throws {
        let found = try #require(found)
        let width = bounds[1] - bounds[0]
        expectClose([found.lower, found.upper], bounds, absolute: 0.04 * width, what)
    }

    private static func mean(_ values: [Double]) -> @Sendable ([Double]) -> Double? {
        { weights in
            zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
        }
    }

    @Test func percentilesAreNumpys() throws {
        let golden = try golden()
        for (level, bounds) in zip([0.95, 0.9, 0.5], golden.meanDistributionBounds) {
            let found = try #require(Bootstrap(level: level).interval(1, of: golden.meanDistribution))
            expectClose([found.lower, found.upper], bounds, relative: 1e-12, absolute: 0, "level \(level)")
        }
    }

    @Test func intervalsAreScipys() throws {
        let golden = try golden()
        let bootstrap = Bootstrap(resamples: 10_000, threads: 2)
        let values = golden.values
        try expectNear(
            bootstrap.interval(rows: values.count, of: Self.mean(values)), golden.meanBounds, "mean")
        let (labels, first, second) = (golden.labels, golden.first, golden.second)
        let areas = try bootstrap.interval(rows: labels.count) { (weights: [Double]) in
            guard let one = Metrics.areaUnderROC(scores: first, labels: labels, weights: weights),
                let two = Metrics.areaUnderROC(scores: second, labels: labels, weights: weights)
            else { return nil }
            return two - one
        }
        try expectNear(areas, golden.areaBounds, "areas")
        #expect(abs(try #require(areas).estimate - golden.areaDifference) < 1e-12)
    }

    /// Whole groups are drawn: of rows alone the interval would be too narrow.
    @Test func groupsAreDrawnWhole() throws {
        let golden = try golden()
        let bootstrap = Bootstrap(resamples: 10_000)
        let statistic = Self.mean(golden.clustered)
        let rows = golden.clustered.count
        try expectNear(
            bootstrap.interval(rows: rows, groups: golden.groups, of: statistic), golden.groupBounds, "groups"
        )
        try expectNear(bootstrap.interval(rows: rows, of: statistic), golden.rowBounds, "rows")
        #expect(
            golden.groupBounds[1] - golden.groupBounds[0]
                > 1.3 * (golden.rowBounds[1] - golden.rowBounds[0]))
    }

    @Test(arguments: [2, 3, 8]) func threadsChangeNothing(_ threads: Int) throws {
        let values = try golden().values
        func found(_ threads: Int, seed: UInt64 = 7) throws -> ConfidenceInterval {
            let bootstrap = Bootstrap(resamples: 101, seed: seed, threads: threads)
            return try #require(try bootstrap.interval(rows: values.count, of: Self.mean(values)))
        }
        #expect(try found(threads) == found(1))
        #expect(try found(1, seed: 8) != found(1))
    }

    @Test func undefinedDrawsAreLeftOutUnlessTheyAreMany() throws {
        // One positive row of twenty is in none of a third of the draws; of five in none of 1 of 300.
        func interval(_ positives: Int) throws -> ConfidenceInterval? {
            let labels = (0..<20).map { $0 < positives ? 1.0 : 0 }
            return try Bootstrap().interval(rows: 20) { (weights: [Double]) in
                Metrics.areaUnderROC(scores: (0..<20).map { -Double($0) }, labels: labels, weights: weights)
            }
        }
        #expect(try interval(1) == nil && interval(0) == nil)
        #expect(try interval(5) == ConfidenceInterval(estimate: 1, lower: 1, upper: 1))
    }

    @Test func wrongOptionsAreNamed() throws {
        func message(_ bootstrap: Bootstrap, rows: Int = 3) -> String {
            do throws(InputError) {
                _ = try bootstrap.interval(rows: rows) { (_: [Double]) in 1 }
                return ""
            } catch { return "\(error)" }
        }
        #expect(message(Bootstrap(resamples: 0)).contains("resamples: found 0"))
        #expect(message(Bootstrap(resamples: 1_000_001)).contains("resamples"))
        #expect(message(Bootstrap(level: 1)).contains("level: found 1.0"))
        #expect(message(Bootstrap(level: .nan)).contains("level"))
        #expect(message(Bootstrap(threads: 0)).contains("threads: found 0"))
        #expect(message(Bootstrap(), rows: 0).contains("rows: found none"))
    }

    // MARK: Student's interval

    @Test func quantilesAreScipys() throws {
        let golden = try golden()
        for (degrees, expected) in zip(golden.degrees, golden.quantiles) {
            let values = (0...degrees).map { $0.isMultiple(of: 2) ? 1.0 : -1 }
            for (share, quantile) in zip(golden.shares, expected) where share > 0.5 {
                let interval = try #require(ConfidenceInterval.mean(of: values, level: 2 * share - 1))
                let mean = values.reduce(0, +) / Double(values.count)
                let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                let error = (squares / Double(degrees) / Double(values.count)).squareRoot()
                expectClose(
                    [interval.halfWidth / error], [quantile], relative: 1e-9, absolute: 0,
                    "\(degrees) degrees at \(share)")
            }
        }
    }

    @Test func differencesOfSeedsHaveThePairedInterval() throws {
        let golden = try golden()
        let found = try #require(
            ConfidenceInterval.mean(of: zip(golden.seeds[0], golden.seeds[1]).map { $0 - $1 }))
        expectClose([found.lower, found.upper], golden.paired, absolute: 1e-10)
        #expect(ConfidenceInterval.mean(of: [1]) == nil && ConfidenceInterval.mean(of: [1, .nan]) == nil)
    }

    /// Errors of two sources add in squares, each side by itself; where one holds 0 both together do.
    @Test func independentErrorsAddInSquares() {
        let one = ConfidenceInterval(estimate: 1, lower: 0.7, upper: 1.6)
        let two = ConfidenceInterval(estimate: 1, lower: 0.6, upper: 1.8)
        let both = one.adding(two)
        expectClose([both.lower, both.upper], [0.5, 2], absolute: 1e-12)
        #expect(both.excludesZero)
        #expect(!one.adding(ConfidenceInterval(estimate: 1, lower: -0.1, upper: 1.1)).excludesZero)
    }

    /// Of values that differ by chance alone, one of twenty intervals lies beside the truth.
    @Test func intervalsHoldTheTruthAsOftenAsTheySay() throws {
        var generator = SeededGenerator(seed: 3)
        var (ofSeeds, ofRows) = (0, 0)
        for trial in 0..<400 {
            let values = (0..<5).map { _ in generator.normal() }
            if try #require(ConfidenceInterval.mean(of: values)).excludesZero { ofSeeds += 1 }
            let rows = (0..<80).map { _ in generator.normal() }
            let bootstrap = Bootstrap(resamples: 200, seed: UInt64(trial))
            if try #require(try bootstrap.interval(rows: 80, of: Self.mean(rows))).excludesZero {
                ofRows += 1
            }
        }
        // Of 400 with a chance of .05: 20 ± 4.4; percentile intervals of 80 rows are a little narrow.
        #expect((8...34).contains(ofSeeds) && (8...38).contains(ofRows), "\(ofSeeds) and \(ofRows) of 400")
    }
}
