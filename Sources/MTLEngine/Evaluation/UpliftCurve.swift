/// What treating the rows of the highest scores first gains: curves over treated and untreated rows, such as those that were sent a coupon
/// and those that were not, by chance.
///
/// Definitions are those of `sklift.metrics` (`uplift_auc_score`, `qini_auc_score` with negative effects, `uplift_at_k` of all rows together).
/// - SeeAlso: Radcliffe, *Using Control Groups to Target on Predicted Lift*, 2007; Gutierrez and Gérardy, *Causal Inference and Uplift
///   Modelling: A Review of the Literature*, PMLR 67, 2017.
package struct UpliftCurve: Sendable {
    /// After each distinct score, the highest first: treated and untreated rows, and those of them with label 1.
    private var points: [Point] = []

    private struct Point: Sendable {
        var (treated, control, treatedYes, controlYes) = (0.0, 0.0, 0.0, 0.0)

        var rows: Double { treated + control }

        /// Radcliffe's: label 1 among the treated beyond what the untreated would have had.
        var qini: Double { treatedYes - (control > 0 ? controlYes * treated / control : 0) }

        /// The difference of the two rates, for all rows so far.
        var uplift: Double {
            ((treated > 0 ? treatedYes / treated : 0) - (control > 0 ? controlYes / control : 0)) * rows
        }
    }

    private let labels: [Double]
    private let isTreated: [Bool]

    /// Sorts the rows, O(n log n); one without a label, or whose score is no number, is left out.
    ///
    /// - Parameters:
    ///   - scores: `[rows]`, the more the sooner a row is treated.
    ///   - labels: `[rows]`, 0 or 1, NaN where missing.
    ///   - isTreated: `[rows]`.
    package init(scores: [Double], labels: [Double], isTreated: [Bool]) {
        precondition(
            scores.count == labels.count && labels.count == isTreated.count,
            "\(scores.count) scores and \(isTreated.count) treatments of \(labels.count) labels")
        let rows = labels.indices.filter { !labels[$0].isNaN && !scores[$0].isNaN }
        self.labels = rows.map { labels[$0] }
        self.isTreated = rows.map { isTreated[$0] }
        points = Self.points(rows.map { scores[$0] }, self.labels, self.isTreated)
    }

    private static func points(_ scores: [Double], _ labels: [Double], _ isTreated: [Bool]) -> [Point] {
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        var (points, point) = ([Point](), Point())
        for (place, row) in order.enumerated() {
            let isYes = labels[row] == 1 ? 1.0 : 0
            if isTreated[row] {
                point.treated += 1
                point.treatedYes += isYes
            } else {
                point.control += 1
                point.controlYes += isYes
            }
            guard place + 1 == order.count || scores[order[place + 1]] < scores[row] else { continue }
            points.append(point)
        }
        return points
    }

    /// The rows that count.
    package var treated: Int { Int(points.last?.treated ?? 0) }
    /// Those that were not treated.
    package var untreated: Int { Int(points.last?.control ?? 0) }

    /// The rate of label 1 of the treated less that of the untreated; nil without either.
    package var averageEffect: Double? {
        guard let last = points.last, last.treated > 0, last.control > 0 else { return nil }
        return last.treatedYes / last.treated - last.controlYes / last.control
    }

    /// The area between the curve of incremental label 1 and that of random order, over what the best order has: 1 of the best, 0 of chance. Nil
    /// without both kinds of rows, or where no order is better than another.
    package var qini: Double? {
        // With effects that may be negative the best order has treated rows with label 1 first, and untreated ones last.
        normalised({ $0.qini }) { zip(labels, isTreated).map { $1 ? $0 : -$0 } }
    }

    /// The same of the curve of uplift (AUUC).
    package var areaUnderUplift: Double? {
        normalised({ $0.uplift }) {
            let controlYes = zip(labels, isTreated).count { $0 == 1 && !$1 }
            let treatedNo = zip(labels, isTreated).count { $0 == 0 && $1 }
            return zip(labels, isTreated).map { label, isTreated in
                let treatment = isTreated ? 1.0 : 0
                return (label == treatment ? 2 : 0) + (controlYes > treatedNo ? label : treatment)
            }
        }
    }

    private func normalised(_ value: (Point) -> Double, best: () -> [Double]) -> Double? {
        guard let last = points.last, last.treated > 0, last.control > 0 else { return nil }
        let chance = last.rows * value(last) / 2
        let most = Self.area(Self.points(best(), labels, isTreated), value) - chance
        guard most != 0 else { return nil }
        return (Self.area(points, value) - chance) / most
    }

    /// By trapezoids, from no row on.
    private static func area(_ points: [Point], _ value: (Point) -> Double) -> Double {
        var (area, before) = (0.0, Point())
        for point in points {
            area += (point.rows - before.rows) * (value(point) + (before.rows > 0 ? value(before) : 0)) / 2
            before = point
        }
        return area
    }

    /// The difference of the rates among the highest scores; nil without both kinds of rows there. Of rows of equal scores that the
    /// edge runs through all are taken.
    ///
    /// - Parameter share: of all rows, above 0 and at most 1.
    package func uplift(at share: Double) -> Double? {
        precondition(share > 0 && share <= 1, "a share of \(share)")
        guard let last = points.last else { return nil }
        guard let point = points.first(where: { $0.rows >= (share * last.rows).rounded(.down) && $0.rows > 0 }),
            point.treated > 0, point.control > 0
        else { return nil }
        return point.treatedYes / point.treated - point.controlYes / point.control
    }
}
