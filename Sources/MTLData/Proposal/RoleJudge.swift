/// Finds the columns with a role of their own: scenario, group and time.
struct RoleJudge {
    let facts: [ColumnFacts]

    /// The column of users or visitors: several rows each, and many of them.
    func group(_ columns: [SchemaProposal.Column]) -> Int? {
        func rank(_ index: Int) -> Int? {
            let profile = columns[index].profile
            guard columns[index].label == nil, profile.distinct.count > 20, facts[index].uniqueness < 0.9,
                profile.missingShare < 0.05, profile.numbers == 0 || facts[index].wholeRows == profile.numbers
            else { return nil }
            return NameHints(profile.name).groupRank
        }
        return columns.indices.filter { rank($0) != nil }.min { (rank($0) ?? 0) < (rank($1) ?? 0) }
    }

    /// The first time, if it is in every row.
    func time(_ columns: [SchemaProposal.Column]) -> Int? {
        columns.indices.first {
            columns[$0].isUsed && columns[$0].feature?.kind == .timestamp && columns[$0].profile.missing == 0
        }
    }

    /// Columns of 2 to 50 values: those named like a scenario, then those whose values are all frequent.
    func scenarios(_ columns: [SchemaProposal.Column]) -> (proposed: Int?, candidates: [Int]) {
        var named: [(index: Int, rank: Int)] = []
        var others: [Int] = []
        for (index, column) in columns.enumerated() {
            let values = facts[index].values
            guard column.isUsed, column.feature?.kind == .categorical, (2...50).contains(values.count),
                column.profile.missingShare < 0.05
            else { continue }
            // Where nearly all rows have one value, there is one scenario.
            let isSpread = 10 * (values.first?.rows ?? 0) <= 9 * column.profile.rows
            if isSpread, let rank = NameHints(column.profile.name).scenarioRank {
                named.append((index, rank))
            } else if values.count <= 20, let rarest = values.last, 100 * rarest.rows >= column.profile.rows {
                others.append(index)
            }
        }
        // Of equals the first column: the sort is stable by the index.
        let ordered = named.sorted { ($0.rank, $0.index) < ($1.rank, $1.index) }.map(\.index)
        return (ordered.first, ordered + others)
    }
}
