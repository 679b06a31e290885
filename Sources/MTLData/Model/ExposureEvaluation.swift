/// What of a column's values is seen where each group, such as a user or a session, is shown its rows of the highest predictions.
package struct ExposureEvaluation: Sendable, Equatable {
    package let column: String
    package let task: String
    /// Different values among all rows, and among the shown ones.
    package let values: Int
    package let shownValues: Int
    /// How unequally shown rows are dealt out among all values: 0 where each has as many, near 1 where one has all (the coefficient of
    /// Gini, with values that are never shown).
    package let gini: Double
    /// The share of pairs of a group's shown rows whose values differ, the mean over the groups that are shown two rows or more; nil
    /// without any.
    package let diversity: Double?

    /// The share of the values that are shown at all.
    package var coverage: Double { values > 0 ? Double(shownValues) / Double(values) : 0 }

    /// - Parameters:
    ///   - scores: `[rows]`; of equal ones the first row is shown first, and one that is no number not at all.
    ///   - groups: `[rows]`.
    ///   - values: `[rows]`, of the column; below 0 where a cell is missing, which is no value, and differs from all.
    ///   - first: how many rows a group is shown, 1 or more.
    package init(
        column: String, task: String, scores: [Float], groups: [Int], values: [Int], first: Int
    ) {
        precondition(scores.count == groups.count && groups.count == values.count && first > 0)
        self.column = column
        self.task = task
        var counts = [Int: Int](minimumCapacity: 64)
        for value in values where value >= 0 { counts[value] = 0 }
        let rows = scores.indices.filter { !scores[$0].isNaN }.sorted {
            (groups[$0], scores[$1], $0) < (groups[$1], scores[$0], $1)
        }
        var (differing, judged) = (0.0, 0)
        var start = 0
        while start < rows.count {
            var end = start
            while end < rows.count, groups[rows[end]] == groups[rows[start]] { end += 1 }
            let shown = rows[start..<min(end, start + first)].map { values[$0] }
            for value in shown where value >= 0 { counts[value, default: 0] += 1 }
            if shown.count > 1 {
                var alike: [Int: Int] = [:]
                for value in shown where value >= 0 { alike[value, default: 0] += 1 }
                let pairs = shown.count * (shown.count - 1)
                let same = alike.values.reduce(0) { $0 + $1 * ($1 - 1) }
                differing += 1 - Double(same) / Double(pairs)
                judged += 1
            }
            start = end
        }
        self.values = counts.count
        shownValues = counts.values.count { $0 > 0 }
        diversity = judged > 0 ? differing / Double(judged) : nil
        let sorted = counts.values.sorted()
        let total = sorted.reduce(0, +)
        let weighted = sorted.enumerated().reduce(0.0) {
            $0 + Double(2 * ($1.offset + 1) - sorted.count - 1) * Double($1.element)
        }
        gini = total > 0 ? weighted / (Double(sorted.count) * Double(total)) : 0
    }
}
