package import MTLEngine

/// Which columns a schema reads of each of the sources that were joined; of one alone where none were.
package struct ColumnPlans {
    private let plans: [ColumnPlan]

    /// - Throws: `InputError` that names the file and the column that it lacks.
    package init(_ schema: Schema, of source: some RowSource, withLabels: Bool) throws(InputError) {
        guard let joined = source as? JoinedSources else {
            plans = [try ColumnPlan(schema, of: source, withLabels: withLabels)]
            return
        }
        var plans: [ColumnPlan] = []
        for (source, labels) in zip(joined.sources, joined.labels) {
            plans.append(try ColumnPlan(schema, of: source, withLabels: withLabels, labels: labels))
        }
        self.plans = plans
    }

    /// The columns of a block.
    package subscript(_ block: RowBlock) -> ColumnPlan { plans[block.source] }

    /// The number of sources.
    var count: Int { plans.count }

    /// Per source a column of it.
    func columns(_ column: (ColumnPlan) -> Int?) -> [Int?] { plans.map(column) }

    /// Per label of the schema the source that has it.
    var labelSources: [Int] {
        (plans.first?.schema.labels ?? []).indices.map { label in
            plans.firstIndex { $0.labels[label] != nil } ?? 0
        }
    }
}
