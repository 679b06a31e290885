/// Where the optimisers keep what they remember: a place for every parameter that some turn of a group trains.
struct StateLayout {
    private struct Key: Hashable {
        let group: Int
        let start: Int
    }

    /// Elements of the first state vector of the layers.
    private(set) var count = 0
    /// Elements of the tables' state, all vectors.
    private(set) var tableCount = 0
    private var places: [Key: Int] = [:]

    /// The place of a range of parameters that is trained as one. Turns of a group cut their parameters alike.
    mutating func place(of range: Range<Int>, group: Int) -> Int {
        let key = Key(group: group, start: range.lowerBound)
        if let known = places[key] { return known }
        places[key] = count
        defer { count += range.count }
        return count
    }

    /// The place of a table's state.
    mutating func place(of table: EmbeddingPlan.Table, _ rowState: Optimizer.RowState, group: Int) -> Int {
        let key = Key(group: rowState.isShared ? 0 : group, start: table.parameters)
        if let known = places[key] { return known }
        places[key] = tableCount
        defer { tableCount += rowState.count(rows: table.rows, elements: table.rows * table.width) }
        return tableCount
    }
}

/// How a turn steps a table.
struct TableStep: BitwiseCopyable {
    /// Where its state begins; -1 where the turn leaves the table alone.
    let state: Int
    /// Its place among the step's paces.
    let pace: Int
    /// The weight of its anchor; 0 for none.
    let anchor: Double

    static let frozen = TableStep(state: -1, pace: 0, anchor: 0)

    var isTrained: Bool { state >= 0 }
}
