#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How good the order of the rows of a group is (a session, a query, a user), the mean over groups that have a row with a label above 0.
///
/// Of rows of equal scores every order is as likely: values are the expected ones.
public struct RankingMetrics: Sendable, Equatable {
    /// How many of a group's rows are looked at.
    public let cut: Int
    /// Groups with a label above 0, and those without, which nothing can be said of.
    public private(set) var (groups, droppedGroups) = (0, 0)
    /// The normalised discounted cumulative gain of the first rows; the gain of a row is its label (`ndcg_score`).
    public private(set) var ndcg: Double?
    /// The mean of 1 / the place of the first row with a label above 0, over all rows of a group.
    public private(set) var meanReciprocalRank: Double?
    /// The share of groups with such a row among the first.
    public private(set) var hitRate: Double?
    /// The share of such rows among the first, of as many as are looked at.
    public private(set) var precision: Double?
    /// The share of such rows that are among the first.
    public private(set) var recall: Double?

    /// Looks at every group's first rows by score.
    ///
    /// - Parameters:
    ///   - scores: `[rows]`, none NaN where labels are.
    ///   - labels: `[rows]`, 0 or above, NaN where missing.
    ///   - numbers: `[rows]`, the number of each row's group.
    ///   - cut: how many rows are looked at, at least 1.
    public init<Scalar: BinaryFloatingPoint>(
        scores: [Scalar], labels: [Scalar], groups numbers: [Int], cut: Int = 10
    ) {
        precondition(cut >= 1, "the first \(cut) rows")
        precondition(
            scores.count == labels.count && numbers.count == labels.count,
            "\(scores.count) scores, \(labels.count) labels, \(numbers.count) groups")
        self.cut = cut
        let order = labels.indices.filter { !labels[$0].isNaN }.sorted {
            numbers[$0] != numbers[$1]
                ? numbers[$0] < numbers[$1] : scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1
        }
        var sums = [Double](repeating: 0, count: 5)
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, numbers[order[end]] == numbers[order[start]] { end += 1 }
            if let values = Self.values(
                order[start..<end].map { (Double(scores[$0]), Double(labels[$0])) }, cut)
            {
                groups += 1
                for index in sums.indices { sums[index] += values[index] }
            } else {
                droppedGroups += 1
            }
            start = end
        }
        guard groups > 0 else { return }
        let means = sums.map { $0 / Double(groups) }
        (ndcg, meanReciprocalRank, hitRate, precision, recall) = (
            means[0], means[1], means[2], means[3], means[4]
        )
    }

    /// Of a group, the highest scores first; nil without a label above 0.
    private static func values(_ rows: [(score: Double, label: Double)], _ cut: Int) -> [Double]? {
        let relevant = rows.reduce(0) { $0 + ($1.label > 0 ? 1 : 0) }
        guard relevant > 0 else { return nil }
        func discount(_ places: Range<Int>) -> Double {
            places.reduce(0) { $0 + ($1 < cut ? 1 / log2(Double($1 + 2)) : 0) }
        }
        let best = rows.map(\.label).sorted(by: >).enumerated().reduce(0) {
            $0 + $1.element * discount($1.offset..<$1.offset + 1)
        }
        var (gain, reciprocal, found) = (0.0, 0.0, 0.0)
        // Whether a row above had a label above 0, and the chance that none of the first has.
        var (isFound, noneAtCut) = (false, 1.0)
        var start = 0
        while start < rows.count {
            var end = start
            while end < rows.count, rows[end].score == rows[start].score { end += 1 }
            let tied = rows[start..<end]
            let (count, hits) = (end - start, tied.reduce(0) { $0 + ($1.label > 0 ? 1 : 0) })
            gain += tied.reduce(0) { $0 + $1.label } / Double(count) * discount(start..<end)
            let taken = max(0, min(cut, end) - start)
            found += Double(hits) * Double(taken) / Double(count)
            if !isFound, hits > 0 {
                isFound = true
                // The chance that none of the tied rows before a place has a label above 0.
                var none = 1.0
                for place in 0..<count where none > 0 {
                    let left = Double(count - place)
                    reciprocal += none * Double(hits) / left / Double(start + place + 1)
                    none *= max(0, left - Double(hits)) / left
                    if start + place < cut { noneAtCut = none }
                }
            }
            start = end
        }
        return [
            gain / best, reciprocal, 1 - noneAtCut, found / Double(cut), found / Double(relevant),
        ]
    }
}
