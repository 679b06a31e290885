/// A metric of a task over fixed rows, made ready to be computed for many draws of them: what does not depend on the draw is
/// done once, which is a loss per row, or their order by score.
package struct RowStatistic: Sendable {
    private enum Form: Sendable {
        /// Of units that have rows, the sum of their values and their number.
        case mean(UnitSums)
        /// The square root of such a mean.
        case rootMean(UnitSums)
        /// Labelled rows by ascending score: their unit, whether they are positive, whether the next one scores more.
        case area(units: [Int32], isPositive: [Bool], endsTie: [Bool])
    }

    private struct UnitSums: Sendable {
        var units: [Int32] = []
        var sums: [Double] = []
        var rows: [Double] = []

        /// Of all units, with or without rows.
        init(sums all: [Double], rows counts: [Double]) {
            for unit in all.indices where counts[unit] > 0 {
                units.append(Int32(unit))
                sums.append(all[unit])
                rows.append(counts[unit])
            }
        }

        /// The mean of a draw; NaN where it has no row.
        func mean(_ counts: [Double]) -> Double {
            var (sum, weight) = (0.0, 0.0)
            for place in units.indices {
                let count = counts[Int(units[place])]
                sum += count * sums[place]
                weight += count * rows[place]
            }
            return weight > 0 ? sum / weight : .nan
        }
    }

    private let form: Form

    /// - Parameters:
    ///   - metric: its name in `TaskEvaluation.values`.
    ///   - kind: what the task predicts.
    ///   - predictions: `[rows]`, or `[rows, classes]`.
    ///   - labels: `[rows]`, NaN where there is none.
    ///   - units: what is drawn; of "GAUC" the groups that areas are computed within.
    ///   - rows: those that count; nil for all.
    /// - Returns: nil for a metric that is not among those, or not of this kind of task.
    package init?(
        _ metric: String, kind: LearningTask.Kind, predictions: [Float], labels: [Float],
        units: ResampledUnits, rows: [Int]? = nil
    ) {
        let rows = (rows ?? Array(labels.indices)).filter { !labels[$0].isNaN }
        switch (metric, kind) {
        case ("AUC", .binary): form = Self.area(predictions, labels, units, rows) { $0 == 1 }
        case ("AUC", .zeroInflatedLognormal): form = Self.area(predictions, labels, units, rows) { $0 > 0 }
        case ("GAUC", .binary): form = Self.groupedArea(predictions, labels, units, rows)
        default:
            guard let form = Self.mean(metric, kind, predictions, labels, units, rows) else { return nil }
            self.form = form
        }
    }

    private static func mean(
        _ metric: String, _ kind: LearningTask.Kind, _ predictions: [Float], _ labels: [Float],
        _ units: ResampledUnits, _ rows: [Int]
    ) -> Form? {
        let width = kind.predictions
        var sums = [Double](repeating: 0, count: units.count)
        var counts = sums
        for row in rows {
            let own = Array(predictions[row * width..<(row + 1) * width])
            guard let value = Self.value(metric, kind, own, labels[row]) else { return nil }
            sums[units.unit(row)] += value
            counts[units.unit(row)] += 1
        }
        let found = UnitSums(sums: sums, rows: counts)
        return metric == "RMSE" ? .rootMean(found) : .mean(found)
    }

    /// A row's own share in a mean, by the metrics' definitions; nil where the metric is none of the kind's.
    private static func value(
        _ metric: String, _ kind: LearningTask.Kind, _ predictions: [Float], _ label: Float
    ) -> Double? {
        let labels = [label]
        switch (metric, kind) {
        case ("log loss", .binary): return Metrics.logLoss(probabilities: predictions, labels: labels)
        case ("accuracy", .binary): return Metrics.accuracy(probabilities: predictions, labels: labels)
        case ("log loss", .multiclass(let classes)), ("log loss", .ordinal(let classes)):
            return Metrics.logLoss(classProbabilities: predictions, classes: classes, labels: labels)
        case ("accuracy", .multiclass(let classes)), ("accuracy", .ordinal(let classes)):
            return Metrics.accuracy(classProbabilities: predictions, classes: classes, labels: labels)
        case ("pinball loss", .quantile(let level)):
            return Metrics.pinballLoss(predictions: predictions, labels: labels, level: level)
        case ("deviance", .poisson):
            return Metrics.tweedieDeviance(predictions: predictions, labels: labels, power: 1)
        case ("deviance", .tweedie(let power)):
            return Metrics.tweedieDeviance(predictions: predictions, labels: labels, power: power)
        case (_, .binary), (_, .multiclass), (_, .ordinal): return nil
        case ("MAE", _): return Metrics.meanAbsoluteError(predictions: predictions, labels: labels)
        case ("RMSE", _):
            let error = Double(predictions[0]) - Double(label)
            return error * error
        default: return nil
        }
    }

    private static func area(
        _ scores: [Float], _ labels: [Float], _ units: ResampledUnits, _ rows: [Int],
        isPositive: (Float) -> Bool
    ) -> Form {
        let order = rows.sorted { scores[$0] != scores[$1] ? scores[$0] < scores[$1] : $0 < $1 }
        return .area(
            units: order.map { Int32(units.unit($0)) }, isPositive: order.map { isPositive(labels[$0]) },
            endsTie: order.indices.map {
                $0 + 1 == order.count || scores[order[$0]] != scores[order[$0 + 1]]
            })
    }

    private static func groupedArea(
        _ scores: [Float], _ labels: [Float], _ units: ResampledUnits, _ rows: [Int]
    ) -> Form {
        var ofUnits = [[Int]](repeating: [], count: units.count)
        for row in rows { ofUnits[units.unit(row)].append(row) }
        var sums = [Double](repeating: 0, count: units.count)
        var counts = sums
        for (unit, rows) in ofUnits.enumerated() {
            guard
                let area = Metrics.areaUnderROC(
                    scores: rows.map { scores[$0] }, labels: rows.map { labels[$0] })
            else { continue }
            sums[unit] = area * Double(rows.count)
            counts[unit] = Double(rows.count)
        }
        return .mean(UnitSums(sums: sums, rows: counts))
    }

    /// The metric of a draw; NaN where it is not defined.
    ///
    /// - Parameter counts: how often the draw has each unit, `[units]`.
    package func value(_ counts: [Double]) -> Double {
        switch form {
        case .mean(let sums): sums.mean(counts)
        case .rootMean(let sums): sums.mean(counts).squareRoot()
        case .area(let units, let isPositive, let endsTie): Self.area(units, isPositive, endsTie, counts)
        }
    }

    private static func area(
        _ units: [Int32], _ isPositive: [Bool], _ endsTie: [Bool], _ counts: [Double]
    ) -> Double {
        var (area, positives, negatives) = (0.0, 0.0, 0.0)
        var (yes, no) = (0.0, 0.0)
        for row in units.indices {
            let count = counts[Int(units[row])]
            if isPositive[row] { yes += count } else { no += count }
            guard endsTie[row] else { continue }
            area += yes * (negatives + no / 2)
            positives += yes
            negatives += no
            (yes, no) = (0, 0)
        }
        return positives > 0 && negatives > 0 ? area / positives / negatives : .nan
    }
}
