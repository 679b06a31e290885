import MTLEngine
import MTLTestSupport
import Testing

/// Areas of uplift against scikit-uplift (make_uplift_golden.py).
@Suite struct UpliftCurveTests {
    private struct Case: Decodable {
        let labels, scores: [Double]
        let isTreated: [Bool]
        let qini, area, effect: Double
        let atTenth: Double?
    }

    @Test func areThoseOfScikitUplift() throws {
        for golden in try fixture([Case].self, "uplift.json", snakeCase: true) {
            // Rows that do not count change nothing.
            let curve = UpliftCurve(
                scores: golden.scores + [9, .nan], labels: golden.labels + [.nan, 1],
                isTreated: golden.isTreated + [true, false])
            #expect(curve.treated == golden.isTreated.count { $0 })
            #expect(abs(try #require(curve.qini) - golden.qini) < 1e-9)
            #expect(abs(try #require(curve.areaUnderUplift) - golden.area) < 1e-9)
            #expect(abs(try #require(curve.averageEffect) - golden.effect) < 1e-9)
            if let expected = golden.atTenth {
                #expect(abs(try #require(curve.uplift(at: 0.1)) - expected) < 1e-9)
            }
        }
    }

    @Test func whatIsNotDefinedIsNil() {
        for (labels, treated) in [
            ([Double](), [Bool]()), ([1, 0], [true, true]), ([1, 0], [false, false]),
        ] {
            let curve = UpliftCurve(scores: labels, labels: labels, isTreated: treated)
            #expect(curve.qini == nil && curve.areaUnderUplift == nil && curve.averageEffect == nil)
            #expect(curve.uplift(at: 0.5) == nil)
        }
    }
}
