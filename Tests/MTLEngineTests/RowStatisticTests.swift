import MTLEngine
import MTLTestSupport
import Testing

/// Metrics made ready for many draws of the rows are the metrics.
@Suite struct RowStatisticTests {
    private static let kinds: [LearningTask.Kind] = [
        .binary, .multiclass(classes: 3), .ordinal(classes: 4), .squaredError, .huber(delta: 1),
        .quantile(level: 0.9), .poisson, .tweedie(power: 1.5), .zeroInflatedLognormal,
    ]

    private struct Rows {
        var predictions: [Float] = []
        var labels: [Float] = []
        var groups: [Int] = []
    }

    private func rows(_ kind: LearningTask.Kind, _ count: Int, _ generator: inout SeededGenerator) -> Rows {
        var rows = Rows()
        for row in 0..<count {
            rows.groups.append(generator.below(9) * 7 - 20)
            switch kind {
            case .multiclass(let classes), .ordinal(let classes):
                let shares = (0..<classes).map { _ in Float(generator.uniform()) + 0.01 }
                rows.predictions += shares.map { $0 / shares.reduce(0, +) }
                rows.labels.append(Float(generator.below(classes)))
            case .binary:
                // Few scores, so that there are ties.
                rows.predictions.append(Float(1 + generator.below(8)) / 10)
                rows.labels.append(generator.uniform() < 0.4 ? 1 : 0)
            default:
                rows.predictions.append(Float(0.1 + generator.uniform()))
                rows.labels.append(generator.uniform() < 0.3 ? 0 : Float(generator.below(4)))
            }
            if row % 11 == 3 { rows.labels[row] = .nan }
        }
        return rows
    }

    private func names(_ kind: LearningTask.Kind) -> [String] {
        TaskEvaluation.names(kind) + (kind == .binary ? ["GAUC"] : [])
    }

    /// Of rows as they are, and of those that a draw has, several times or not at all.
    @Test(arguments: kinds) func isTheMetricOfTheDrawnRows(_ kind: LearningTask.Kind) throws {
        var generator = SeededGenerator(seed: 12)
        let rows = rows(kind, 150, &generator)
        let width = kind.predictions
        for groups in [nil, rows.groups] {
            let units = ResampledUnits(rows: 150, groups: groups)
            for draw in 0..<4 {
                let counts = (0..<units.count).map { _ in draw == 0 ? 1 : Double(generator.below(4)) }
                let drawn = (0..<150).flatMap { row in
                    [Int](repeating: row, count: Int(counts[units.unit(row)]))
                }
                let expected = TaskEvaluation(
                    task: "", kind: kind,
                    predictions: drawn.flatMap { rows.predictions[$0 * width..<($0 + 1) * width] },
                    labels: drawn.map { rows.labels[$0] }, groups: groups.map { all in drawn.map { all[$0] } }
                )
                for name in names(kind) where name != "GAUC" || groups != nil {
                    let statistic = try #require(
                        RowStatistic(
                            name, kind: kind, predictions: rows.predictions, labels: rows.labels, units: units
                        ))
                    let value = try #require(expected.values.first { $0.name == name }?.value)
                    expectClose(
                        [statistic.value(counts)], [value], relative: 1e-9, absolute: 1e-12, "\(kind) \(name)"
                    )
                }
            }
        }
    }

    @Test func ofSomeRowsIsTheMetricOfThose() throws {
        var generator = SeededGenerator(seed: 5)
        let rows = rows(.binary, 90, &generator)
        let some = (0..<90).filter { $0 % 3 == 1 }
        for name in ["AUC", "log loss"] {
            let found = try #require(
                RowStatistic(
                    name, kind: .binary, predictions: rows.predictions, labels: rows.labels,
                    units: ResampledUnits(rows: 90, groups: nil), rows: some))
            let expected = TaskEvaluation(
                task: "", kind: .binary, predictions: some.map { rows.predictions[$0] },
                labels: some.map { rows.labels[$0] })
            let value = try #require(expected.values.first { $0.name == name }?.value)
            expectClose(
                [found.value([Double](repeating: 1, count: 90))], [value], relative: 1e-9, absolute: 0)
        }
    }

    @Test func whatIsNotDefinedIsNoNumber() throws {
        let units = ResampledUnits(rows: 3, groups: nil)
        let area = try #require(
            RowStatistic(
                "AUC", kind: .binary, predictions: [0.1, 0.2, 0.3], labels: [0, 1, 0], units: units))
        #expect(area.value([1, 0, 2]).isNaN && area.value([1, 1, 1]) == 0.5)
        let loss = try #require(
            RowStatistic(
                "log loss", kind: .binary, predictions: [0.1, 0.2, 0.3], labels: [0, .nan, 0], units: units))
        #expect(loss.value([0, 3, 0]).isNaN)
        #expect(
            RowStatistic("RMSE", kind: .binary, predictions: [0.1], labels: [0], units: units) == nil
                && RowStatistic("AUC", kind: .poisson, predictions: [0.1], labels: [0], units: units) == nil)
    }
}
