/// The vectors that stand for what the training rows do not have.
package struct StandIns {
    /// Per table the first id without a row, nil where all have some, or none has.
    let ids: [Int32?]
    /// Numbers that no row misses.
    let numbers: [NumberField]
    /// Where their vectors lie among the parameters: of the tables, and behind them of the numbers.
    let ranges: [Range<Int>]

    package init(_ seen: SeenRows, _ plan: ModelPlan) {
        ids = seen.ids.map { counts in
            guard counts.contains(where: { $0 > 0 }) else { return nil }
            return counts.firstIndex(of: 0).map { Int32($0) }
        }
        numbers = zip(plan.numberFields, seen.missing).filter { $1 == 0 }.map(\.0)
        let ofTables = zip(plan.embedding.tables, ids).compactMap { table, id in
            id.map { id in
                let first = table.parameters + Int(id) * table.width
                return first..<first + table.width
            }
        }
        ranges = ofTables + numbers.map(\.missing)
    }
}

/// Batches as they would be if values were not known: in every row one of the features is taken away, in turn; of a bag one of its
/// ids, wherever it stands, in one row and all of them in the next.
package final class UnknownValues<Scalar: BLASScalar> {
    private let plan: EmbeddingPlan
    private let standIns: StandIns
    private let batchSize: Int
    /// The names of the features of ids that take turns: a task's own copies of a feature lose it together.
    private let names: [String]
    private let views: UnsafeMutableBufferPointer<IDView<Scalar>>
    /// Per field its changed ids, and the changed numbers, where those of the rows lie.
    private var copies: [AlignedStorage<Int32>]
    private var features = AlignedStorage<Scalar>(zeroed: 0)

    /// - Parameter batchSize: the rows of a batch: the next batch's first row loses what comes after the last one's.
    package init(_ plan: EmbeddingPlan, _ standIns: StandIns, batchSize: Int) {
        self.plan = plan
        self.standIns = standIns
        self.batchSize = batchSize
        var names: [String] = []
        for (feature, field) in zip(plan.features, plan.fields)
        where standIns.ids[field.table] != nil && !names.contains(feature.name) {
            names.append(feature.name)
        }
        self.names = names
        copies = plan.fields.map { _ in AlignedStorage(zeroed: 0) }
        views = .allocate(capacity: plan.fields.count)
    }

    deinit { views.deallocate() }

    /// - Parameter turn: the number of the batch: which row loses what depends on it alone.
    /// - Returns: the batch, good until the next call.
    package func batch(_ batch: BatchView<Scalar>, turn: Int) -> BatchView<Scalar> {
        let rows = (0..<batch.rows).map(batch.sourceRow)
        // Which feature a row loses, and how often all had their turn before.
        let losses = rows.indices.map {
            ($0 + turn * batchSize).quotientAndRemainder(
                dividingBy: max(1, names.count + standIns.numbers.count))
        }
        for (index, field) in plan.fields.enumerated() {
            let view = batch.ids[index]
            guard let standIn = standIns.ids[field.table],
                let place = names.firstIndex(of: plan.features[index].name)
            else {
                views.initializeElement(at: index, to: view)
                continue
            }
            let places = rows.map { view.places(of: $0) }
            let end = places.map(\.upperBound).max() ?? 0
            if copies[index].count < end { copies[index] = AlignedStorage(zeroed: end) }
            let ids = copies[index].base
            for (own, loss) in zip(places, losses) where !own.isEmpty {
                (ids + own.lowerBound).update(from: view.ids + own.lowerBound, count: own.count)
                guard loss.remainder == place else { continue }
                // A value that is not known is so wherever it stands.
                let id = view.ids[own.lowerBound + loss.quotient / 2 % own.count]
                for place in own where loss.quotient % 2 == 0 || view.ids[place] == id {
                    ids[place] = standIn
                }
            }
            views.initializeElement(
                at: index,
                to: IDView(ids: UnsafePointer(ids), offsets: view.offsets, weights: view.weights))
        }
        return BatchView(
            features: numbers(batch.features, rows, losses.map(\.remainder)), labels: batch.labels,
            labelWeights: batch.labelWeights, labelStride: batch.labelStride,
            labelColumns: batch.labelColumns, ids: UnsafeBufferPointer(views), scenarios: batch.scenarios,
            groups: batch.groups, indices: batch.indices, start: batch.start, rows: batch.rows,
            isComplete: batch.isComplete)
    }

    /// The dense features, with the place of a missing number in the rows that lose it.
    private func numbers(
        _ given: MatrixView<Scalar>, _ rows: [Int], _ lost: [Int]
    ) -> MatrixView<Scalar> {
        guard !standIns.numbers.isEmpty, let last = rows.max() else { return given }
        let need = (last + 1) * given.stride
        if features.count < need { features = AlignedStorage(zeroed: need) }
        for (row, lost) in zip(rows, lost) {
            let own = features.base + row * given.stride
            own.update(from: given.base + row * given.stride, count: given.columns)
            if lost >= names.count { own[standIns.numbers[lost - names.count].column] = -1 }
        }
        return MatrixView(features.base, rows: last + 1, columns: given.columns, stride: given.stride)
    }
}
