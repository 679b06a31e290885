/// What the workers of a step read and write of the embedding tables: pointers and plans only.
///
/// A table row that the batch touches has a *slot*; slots are numbered in the order in which the batch comes to the
/// rows, so a slot's sum is added up in batch order by the one worker whose part of the slots it is in, and no
/// number of workers changes a bit. What a step costs depends on the rows touched, not on the tables.
package struct EmbeddingRun<Scalar: BLASScalar> {
    let fields: UnsafeBufferPointer<EmbeddingPlan.Field>
    let tables: UnsafeBufferPointer<EmbeddingPlan.Table>
    /// Which fields read a table, table after table.
    let readers: UnsafeBufferPointer<Int>
    let readerStarts: UnsafeBufferPointer<Int>
    /// Parts of a table that different workers may own.
    let parts: Int
    /// Which worker has a table, where `parts` is 1.
    let owners: UnsafeBufferPointer<Int>
    let batchLimit: Int

    let sparse: UnsafeMutablePointer<Int32>
    let touched: UnsafeMutablePointer<Int32>
    let slots: UnsafeMutablePointer<Int32>
    let sums: UnsafeMutablePointer<Scalar>
    let sumOffsets: UnsafeBufferPointer<Int>
    /// Per table the rows touched.
    let counts: UnsafeMutablePointer<Int>
    /// Per table and part the first slot not seen; per field and part the occurrences gone through.
    let next: UnsafeMutablePointer<Int>
    let passed: UnsafeMutablePointer<Int>
    let state: UnsafeMutablePointer<Scalar>
    let stateCount: Int

    /// The optimiser's memory of the tables.
    var stateValues: UnsafeMutableBufferPointer<Scalar> {
        UnsafeMutableBufferPointer(start: state, count: stateCount)
    }

    private func slots(of field: Int) -> UnsafeMutablePointer<Int32> {
        slots + fields[field].occurrencesBefore * batchLimit
    }

    private func touched(of table: Int) -> UnsafeMutablePointer<Int32> {
        touched + tables[table].occurrencesBefore * batchLimit
    }

    private func owner(of table: Int, part: Int) -> Int { parts == 1 ? owners[table] : part }

    /// Looks up the vectors of some rows, into the embedded columns of x.
    func gather(
        _ batch: BatchView<Scalar>, rows: _SourceRows, parameters: UnsafeMutablePointer<Scalar>,
        x: MatrixView<Scalar>, projected: ProjectedTablesRun<Scalar>? = nil, level: Int32
    ) {
        for (index, field) in fields.enumerated() {
            if let projected, projected.isFieldProjected[index] { continue }
            field.forward(
                batch.ids[index], rows: rows, table: tables[field.table], parameters: parameters, x: x,
                level: level)
        }
    }

    /// The rows of a batch in the order in which a table meets them: field by field where only one reads it, else
    /// block by block and the fields within, so that chunks of whole blocks meet them in the same order.
    @inline(__always)
    private func forEachReading(
        of table: Int, rows: Range<Int>, blockRows: Int, _ body: (_ field: Int, _ rows: Range<Int>) -> Void
    ) {
        let fields = readerStarts[table]..<readerStarts[table + 1]
        let step = fields.count == 1 ? max(1, rows.count) : blockRows
        for start in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
            for reader in fields { body(readers[reader], start..<min(start + step, rows.upperBound)) }
        }
    }

    /// Numbers the rows that the batch touches, in this worker's tables.
    func number(_ batch: BatchView<Scalar>, blockRows: Int, worker: Int) {
        for table in tables.indices where owner(of: table, part: 0) == worker {
            for reader in readerStarts[table]..<readerStarts[table + 1] {
                passed[readers[reader] * parts] = 0
            }
            var count = 0
            forEachReading(of: table, rows: 0..<batch.rows, blockRows: blockRows) { field, rows in
                let ids = batch.ids[field]
                let source = batch.sourceRows(rows)
                count = embeddingSlots(
                    source, offsets: ids.offsets, ids: ids.ids, sparse: sparse + tables[table].rowsBefore,
                    touched: touched(of: table), count: count,
                    slots: slots(of: field) + passed[field * parts])
                passed[field * parts] += ids.count(source)
            }
            counts[table] = count
        }
    }

    /// Adds up the gradients of this worker's slots over the rows of a chunk; `isFirst` begins the batch.
    func scatter(
        _ batch: BatchView<Scalar>, rows: Range<Int>, dx: MatrixView<Scalar>, isFirst: Bool, blockRows: Int,
        projected: ProjectedTablesRun<Scalar>? = nil, worker: Int, level: Int32
    ) {
        forEachPart(of: worker) { table, part, range in
            if let projected, projected.isTableProjected[table] { return }
            let cell = table * parts + part
            if isFirst {
                next[cell] = range.lowerBound
                for reader in readerStarts[table]..<readerStarts[table + 1] {
                    passed[readers[reader] * parts + part] = 0
                }
            }
            forEachReading(of: table, rows: rows, blockRows: blockRows) { field, some in
                let ids = batch.ids[field]
                let place = field * parts + part
                let source = batch.sourceRows(some)
                next[cell] = fields[field].backward(
                    ids, rows: source, slots: slots(of: field) + passed[place], range: range,
                    next: next[cell], dx: dx.rows(some.lowerBound - rows.lowerBound..<dx.rows),
                    sums: sums + sumOffsets[table], level: level)
                passed[place] += ids.count(source)
            }
        }
    }

    /// Takes the touched rows of a whole table's gradient for a table's sums, or adds them.
    func take(_ gradient: MatrixView<Scalar>, of table: Int, adds: Bool) {
        let target = sums + sumOffsets[table]
        let rows = touched(of: table)
        let width = gradient.columns
        for slot in 0..<counts[table] {
            let source = gradient.base + Int(rows[slot]) * gradient.stride
            let sum = target + slot * width
            for column in 0..<width { sum[column] = adds ? sum[column] + source[column] : source[column] }
        }
    }

    /// Goes through the sums of this worker's slots, table by table.
    @inline(__always)
    func forEachSum(of worker: Int, _ body: (_ table: Int, _ sums: Range<Int>) -> Void) {
        forEachPart(of: worker) { table, _, slots in
            let (start, width) = (sumOffsets[table], tables[table].width)
            body(table, start + slots.lowerBound * width..<start + slots.upperBound * width)
        }
    }

    /// Steps the rows of this worker's slots, of the tables that the turn trains, and their averages while they are in the
    /// cache.
    ///
    /// - Parameters:
    ///   - update: the tables' optimiser's step at a pace.
    ///   - rests: per table whether it stays as it is, whatever the turn says.
    func optimize(
        _ steps: UnsafeBufferPointer<TableStep>, _ update: (Int) -> Optimizer.Update<Scalar>?,
        rests: UnsafePointer<Bool>, decay: Scalar, parameters: UnsafeMutablePointer<Scalar>,
        average: AverageRun<Scalar>?, worker: Int, level: Int32
    ) {
        forEachPart(of: worker) { table, _, range in
            let plan = tables[table]
            guard steps[table].isTrained, !rests[table], let update = update(steps[table].pace) else {
                return
            }
            func step(_ some: Range<Int>) {
                update.applyRows(
                    some, touched: touched(of: table), width: plan.width, table: parameters + plan.parameters,
                    state: state + steps[table].state, sums: sums + sumOffsets[table], decay: decay,
                    level: level)
            }
            guard let average else {
                step(range)
                return
            }
            let block = max(16, AverageRun<Scalar>.blockLimit / plan.width)
            for start in stride(from: range.lowerBound, to: range.upperBound, by: block) {
                let some = start..<min(start + block, range.upperBound)
                average.settleRows(
                    some, of: plan, touched: touched(of: table), parameters: parameters, level: level)
                step(some)
                average.takeRows(
                    some, of: plan, touched: touched(of: table), parameters: parameters, level: level)
            }
        }
    }

    @inline(__always)
    private func forEachPart(of worker: Int, _ body: (_ table: Int, _ part: Int, _ slots: Range<Int>) -> Void)
    {
        for table in tables.indices {
            for part in 0..<parts where owner(of: table, part: part) == worker {
                body(table, part, counts[table] * part / parts..<counts[table] * (part + 1) / parts)
            }
        }
    }

    /// The gradient of a table as the latest step left it, `[rows, dimension]`, zero where not touched.
    func gradient(of table: Int) -> [Scalar] {
        let plan = tables[table]
        var values = [Scalar](repeating: 0, count: plan.rows * plan.width)
        for slot in 0..<counts[table] {
            let row = Int(touched(of: table)[slot])
            for column in 0..<plan.width {
                values[row * plan.width + column] = sums[sumOffsets[table] + slot * plan.width + column]
            }
        }
        return values
    }
}

extension EmbeddingRun {
    /// The sum of squares of a table's gradient, slot after slot.
    func squares(of table: Int) -> Double {
        var total = 0.0
        for index in 0..<counts[table] * tables[table].width {
            let value = Double(sums[sumOffsets[table] + index])
            total += value * value
        }
        return total
    }

    /// Multiplies the gradients of this worker's slots.
    func scale(by factor: Double, worker: Int, level: Int32) {
        forEachSum(of: worker) { _, range in
            let values = sums + range.lowerBound
            Scalar._linear(
                level: level, rows: 1, columns: range.count, alpha: Scalar(factor), x: values,
                ldx: range.count, y: values, ldy: range.count, adds: false)
        }
    }
}

/// The memory of the embedding tables' part of a step, planned once.
package final class EmbeddingMemory<Scalar: BLASScalar> {
    package let run: EmbeddingRun<Scalar>
    private let owners: [AnyObject]

    /// - Parameter stateCount: elements of what the optimisers remember of the tables, of all turns.
    package init(
        _ plan: EmbeddingPlan, batchLimit: Int, workers: Int, stateCount: Int
    ) {
        let parts = plan.tables.count >= 4 * workers ? 1 : workers
        // Largest first, each to the worker with least to do.
        var load = [Int](repeating: 0, count: workers)
        var owner = [Int](repeating: 0, count: plan.tables.count)
        func cost(_ table: EmbeddingPlan.Table) -> Int { table.occurrences * (table.width + 8) }
        for table in plan.tables.indices.sorted(by: { cost(plan.tables[$0]) > cost(plan.tables[$1]) }) {
            let least = load.indices.min { load[$0] < load[$1] } ?? 0
            owner[table] = least
            load[least] += cost(plan.tables[table])
        }
        var sumOffsets: [Int] = []
        var sumCount = 0
        for table in plan.tables {
            sumOffsets.append(sumCount)
            sumCount += table.sumCount(batch: batchLimit)
        }
        let starts = plan.readers.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }

        let fieldList = FixedList(plan.fields)
        let tableList = FixedList(plan.tables)
        let readers = FixedList(plan.readers.flatMap { $0 })
        let readerStarts = FixedList(starts)
        let ownerList = FixedList(owner)
        let sumOffsetList = FixedList(sumOffsets)
        let sparse = AlignedStorage<Int32>(zeroed: plan.rowCount)
        let touched = AlignedStorage<Int32>(zeroed: plan.occurrencesPerRow * batchLimit)
        let slots = AlignedStorage<Int32>(zeroed: plan.occurrencesPerRow * batchLimit)
        let sums = AlignedStorage<Scalar>(zeroed: sumCount)
        let counts = AlignedStorage<Int>(zeroed: plan.tables.count)
        let next = AlignedStorage<Int>(zeroed: plan.tables.count * parts)
        let passed = AlignedStorage<Int>(zeroed: plan.fields.count * parts)
        let state = AlignedStorage<Scalar>(zeroed: stateCount)
        run = EmbeddingRun(
            fields: fieldList.elements, tables: tableList.elements, readers: readers.elements,
            readerStarts: readerStarts.elements, parts: parts, owners: ownerList.elements,
            batchLimit: batchLimit, sparse: sparse.base, touched: touched.base, slots: slots.base,
            sums: sums.base, sumOffsets: sumOffsetList.elements, counts: counts.base, next: next.base,
            passed: passed.base, state: state.base, stateCount: state.count)
        owners = [
            fieldList, tableList, readers, readerStarts, ownerList, sumOffsetList, sparse, touched, slots,
            sums, counts, next, passed, state,
        ]
    }
}
