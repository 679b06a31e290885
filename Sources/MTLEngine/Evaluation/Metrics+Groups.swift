extension Metrics {
    /// GAUC: the mean of the areas under the ROC within groups of rows, such as a user's, each weighted by its labelled rows.
    /// Groups of one class have no area and are left out; nil where all are.
    ///
    /// - Parameters:
    ///   - scores: `[rows]`.
    ///   - labels: `[rows]`, 0 or 1, NaN where missing.
    ///   - groups: `[rows]`, the number of each row's group.
    /// - SeeAlso: Zhu et al., *Optimized Cost per Click in Taobao Display Advertising*, arXiv 1703.02091.
    public static func groupedAreaUnderROC<Scalar: BinaryFloatingPoint>(
        scores: [Scalar], labels: [Scalar], groups: [Int]
    ) -> Double? {
        precondition(
            scores.count == labels.count && groups.count == labels.count,
            "\(scores.count) scores, \(labels.count) labels, \(groups.count) groups")
        let order = labels.indices.filter { !labels[$0].isNaN }.sorted {
            groups[$0] != groups[$1] ? groups[$0] < groups[$1] : $0 < $1
        }
        var (sum, rows, start) = (0.0, 0, 0)
        while start < order.count {
            var end = start
            while end < order.count, groups[order[end]] == groups[order[start]] { end += 1 }
            let own = order[start..<end]
            if let area = areaUnderROC(scores: own.map { scores[$0] }, labels: own.map { labels[$0] }) {
                sum += area * Double(own.count)
                rows += own.count
            }
            start = end
        }
        return rows > 0 ? sum / Double(rows) : nil
    }
}
