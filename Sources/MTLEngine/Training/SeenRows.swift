/// How many of the rows that a model learned from have each id of its tables, each scenario, and each of its numbers not at all.
package struct SeenRows: Sendable {
    /// Per table and id the rows; of bags the occurrences.
    private(set) var ids: [[Int32]]
    /// Per scenario the rows.
    private(set) var scenarios: [Int]
    /// Per number with vectors of its own the rows where it is missing.
    private(set) var missing: [Int]
    /// Per number the sum of its places among the bins, and the rows that have one.
    private(set) var places: [(sum: Double, rows: Int)]

    /// Counts a pass over some rows. Only rows with a label count that weighs something, of a task that does: no step moves the
    /// vectors of others.
    ///
    /// - Throws: what the stream throws.
    init<Scalar: BLASScalar>(
        _ rows: any BatchStream<Scalar>, of model: MultiTaskModel
    ) throws(InputError) {
        let numbers = model.plan.numberFields
        ids = model.plan.embedding.tables.map { [Int32](repeating: 0, count: $0.rows) }
        scenarios = [Int](repeating: 0, count: model.scenarios)
        missing = numbers.map { _ in 0 }
        places = numbers.map { _ in (0, 0) }
        try rows.begin(after: 0)
        for _ in 0..<rows.batchCount { add(try rows.next(), model, numbers) }
    }

    private mutating func add<Scalar: BLASScalar>(
        _ batch: BatchView<Scalar>, _ model: MultiTaskModel, _ numbers: [NumberField]
    ) {
        let plan = model.plan.embedding
        let ofAny = Self.labelledRows(batch, model.tasks.indices.filter { model.tasks[$0].weight > 0 })
        // Where every task has tables of its own, features come task by task, and what all share last.
        let owned = plan.featuresPerOwner
        let ofTask =
            owned > 0
            ? model.tasks.indices.map { Self.labelledRows(batch, model.tasks[$0].weight > 0 ? [$0] : []) }
            : []
        for (index, field) in plan.fields.enumerated() {
            let view = batch.ids[index]
            let task = owned > 0 ? index / owned : ofTask.count
            for row in task < ofTask.count ? ofTask[task] : ofAny {
                for place in view.places(of: row) {
                    add(1, ofID: Int(view.ids[place]), table: field.table)
                }
            }
        }
        for (index, number) in numbers.enumerated() {
            for row in ofAny {
                let place = batch.features.base[row * batch.features.stride + number.column]
                if place < 0 {
                    missing[index] += 1
                } else {
                    places[index].sum += min(Double(place), Double(number.bins))
                    places[index].rows += 1
                }
            }
        }
        guard let scenarios = batch.scenarios else { return }
        for row in ofAny { add(1, ofScenario: Int(scenarios[row])) }
    }

    /// The rows of the data behind those of a batch that have a label of some tasks.
    private static func labelledRows<Scalar: BLASScalar>(
        _ batch: BatchView<Scalar>, _ tasks: [Int]
    ) -> [Int] {
        (0..<batch.rows).map(batch.sourceRow).filter { row in
            let first = row * batch.labelStride
            return tasks.contains { task in
                let column = batch.labelColumns[task]
                let taught = batch.labelColumns[batch.labelColumns.count / 2 + task]
                guard column >= 0,
                    !batch.labels[first + column].isNaN
                        || taught >= 0 && !batch.labels[first + taught].isNaN
                else { return false }
                return batch.labelWeights.map { $0[first + column] > 0 } ?? true
            }
        }
    }

    /// Adds rows of a training before this one.
    package mutating func add(_ count: Int, ofID id: Int, table: Int) {
        let (sum, overflows) = ids[table][id].addingReportingOverflow(Int32(clamping: count))
        ids[table][id] = overflows ? .max : sum
    }

    /// The same of a scenario.
    package mutating func add(_ count: Int, ofScenario scenario: Int) {
        if scenario < scenarios.count { scenarios[scenario] += count }
    }

    /// The same of rows where numbers are missing.
    package mutating func addMissingNumbers(_ count: Int) {
        for index in missing.indices { missing[index] += count }
    }

    /// Takes an id for one that no row has, where so few have it that its vector says more of them than of rows to come.
    package mutating func forget(_ id: Int, table: Int, below enough: Int) {
        if ids[table][id] < enough { ids[table][id] = 0 }
    }

    /// The same of missing numbers.
    package mutating func forgetMissingNumbers(below enough: Int) {
        for index in missing.indices where missing[index] < enough { missing[index] = 0 }
    }
}
