/// What the workers of a step read and write of the folded features: pointers and plans only.
package struct FoldRun<Scalar: BLASScalar> {
    let layer: Dense
    let fields: UnsafeBufferPointer<FoldPlan.Field>
    let tables: UnsafeBufferPointer<FoldPlan.Table>
    let runs: UnsafeBufferPointer<Range<Int>>
    let isTableFolded: UnsafeBufferPointer<Bool>
    let isFolded: UnsafeBufferPointer<Bool>
    /// Where the embedded columns begin.
    let firstEmbedded: Int
    let productRows: Int
    /// Which worker has a table.
    let owners: UnsafeBufferPointer<Int>
    /// `[productRows, outputs]`
    let products: UnsafeMutablePointer<Scalar>
    let gradients: UnsafeMutablePointer<Scalar>
    /// Per field a gradient of its whole table.
    let tableGradients: UnsafeMutablePointer<Scalar>
    let widestTable: Int
    /// Per field where its ids, products and gradients are; the ids are the batch's.
    let ids: UnsafeMutableBufferPointer<UnsafePointer<Int32>?>
    let productStarts: UnsafePointer<UnsafePointer<Scalar>?>
    let gradientStarts: UnsafePointer<UnsafeMutablePointer<Scalar>?>

    /// Takes note of a batch; before the workers begin.
    func begin(_ batch: BatchView<Scalar>) {
        for (index, field) in fields.enumerated() { ids[index] = batch.ids[field.field].ids }
    }

    private func rows(
        _ field: FoldPlan.Field, of base: UnsafeMutablePointer<Scalar>
    ) -> MatrixView<Scalar> {
        MatrixView(
            base + field.start * layer.outputs, rows: field.tableRows, columns: layer.outputs,
            stride: layer.outputs)
    }

    private func vectors(
        _ field: FoldPlan.Field, _ embedding: EmbeddingRun<Scalar>, _ parameters: UnsafeMutablePointer<Scalar>
    ) -> MatrixView<Scalar> {
        let table = embedding.tables[embedding.fields[field.field].table]
        return MatrixView(
            parameters + table.parameters, rows: table.rows, columns: table.width, stride: table.width)
    }

    /// P = E W for this worker's share of the rows.
    func multiply(
        _ embedding: EmbeddingRun<Scalar>, memory: NetworkMemory<Scalar>, product: Product<Scalar>,
        worker: Int,
        workers: Int
    ) {
        let share = productRows * worker / workers..<productRows * (worker + 1) / workers
        let weights = layer.weights(0, at: memory.parameters)
        for field in fields {
            let mine = (field.start..<field.start + field.tableRows).clamped(to: share)
            guard !mine.isEmpty else { continue }
            let some = mine.lowerBound - field.start..<mine.upperBound - field.start
            product.multiply(
                vectors(field, embedding, memory.parameters).rows(some), weights.rows(field.weights),
                into: rows(field, of: products).rows(some))
        }
    }

    /// h = act(x W + b) for some rows; x holds the columns that are not folded.
    func forward(
        _ batch: BatchView<Scalar>, _ source: _SourceRows, x: MatrixView<Scalar>, rows: Range<Int>,
        memory: NetworkMemory<Scalar>, product: Product<Scalar>
    ) {
        let z = memory.view(layer.saved ?? layer.output, columns: layer.width).rows(rows)
        let bias = UnsafePointer(memory.parameters + layer.bias)
        let isReLU = layer.activation == .relu
        guard let idBase = ids.baseAddress else { return }
        Scalar._foldGather(
            level: product.level, source, fields: fields.count, ids: idBase, products: productStarts,
            width: layer.outputs, bias: runs.isEmpty ? bias : nil, relu: runs.isEmpty && isReLU, z: z.base,
            ldz: z.stride)
        let weights = layer.weights(0, at: memory.parameters)
        for (index, run) in runs.enumerated() {
            let isLast = index == runs.count - 1
            product.multiply(
                x.rows(rows).columns(run), weights.rows(run), into: z, accumulate: true,
                epilogue: isLast ? (isReLU ? .biasReLU(bias) : .bias(bias)) : .none)
        }
        if !isReLU && layer.activation != .identity {
            let h = memory.view(layer.output, columns: layer.width).rows(rows)
            Scalar._activate(
                level: product.level, activation: layer.activation.code, rows: rows.count,
                columns: layer.outputs,
                z: z.base, ldz: z.stride, h: h.base, ldh: h.stride)
        }
    }

    /// dP of this worker's tables over the rows of a chunk; `isFirst` begins the batch.
    func scatter(
        _ source: _SourceRows, memory: NetworkMemory<Scalar>, isFirst: Bool, worker: Int, level: Int32
    ) {
        let dz = memory.view(layer.gradient, columns: layer.width)
        guard let idBase = ids.baseAddress else { return }
        for (index, table) in tables.enumerated() where owners[index] == worker {
            if isFirst {
                for field in table.fields {
                    rows(fields[field], of: gradients).base.update(
                        repeating: 0, count: fields[field].tableRows * layer.outputs)
                }
            }
        }
        var first = 0
        // Neighbouring tables of one worker in one go: a row's gradient is then read once for all of them.
        while first < tables.count {
            guard owners[first] == worker else {
                first += 1
                continue
            }
            var last = first
            while last + 1 < tables.count && owners[last + 1] == worker { last += 1 }
            let range = tables[first].fields.lowerBound..<tables[last].fields.upperBound
            Scalar._foldScatter(
                level: level, source, fields: range.count, ids: idBase + range.lowerBound,
                gradients: gradientStarts + range.lowerBound, width: layer.outputs, dz: dz.base,
                ldz: dz.stride)
            first = last + 1
        }
    }

    /// dW = Eᵀ dP, and the rows of dE = dP Wᵀ that the batch touches, of this worker's tables.
    func finish(
        _ embedding: EmbeddingRun<Scalar>, memory: NetworkMemory<Scalar>, product: Product<Scalar>,
        into layerGradients: UnsafeMutablePointer<Scalar>, worker: Int
    ) {
        let dW = layer.weights(0, at: layerGradients)
        let transposed = layer.transposedWeights(0, memory: memory)
        for (index, table) in tables.enumerated() where owners[index] == worker {
            let width = embedding.tables[table.table].width
            for (order, place) in table.fields.enumerated() {
                let field = fields[place]
                let dP = rows(field, of: gradients)
                product.multiplyTransposed(
                    vectors(field, embedding, memory.parameters), dP, into: dW.rows(field.weights),
                    accumulate: false)
                let dE = MatrixView(
                    tableGradients + field.start * widestTable, rows: field.tableRows, columns: width,
                    stride: width)
                product.multiply(dP, transposed.columns(field.weights), into: dE)
                embedding.take(dE, of: table.table, adds: order > 0)
            }
        }
    }
}

/// The memory of the folded features' part of a step, planned once.
package final class FoldMemory<Scalar: BLASScalar> {
    package let run: FoldRun<Scalar>
    private let owners: [AnyObject]

    package init(_ plan: FoldPlan, model: SharedBottom, workers: Int) {
        let outputs = model.layers[0].outputs
        let widest = plan.tables.map { model.embedding.tables[$0.table].width }.max() ?? 0
        let products = AlignedStorage<Scalar>(zeroed: plan.productRows * outputs)
        let gradients = AlignedStorage<Scalar>(zeroed: plan.productRows * outputs)
        let tableGradients = AlignedStorage<Scalar>(zeroed: plan.productRows * widest)
        // Neighbours to one worker, so that each has about as many fields.
        let owner = plan.tables.map {
            ($0.fields.lowerBound + $0.fields.count / 2) * workers / plan.fields.count
        }
        let fields = FixedList(plan.fields)
        let tables = FixedList(plan.tables)
        let runs = FixedList(plan.runs)
        let isTableFolded = FixedList(plan.isTableFolded)
        let isFolded = FixedList(plan.isFolded)
        let ownerList = FixedList(owner)
        let productStarts = FixedList(
            plan.fields.map { UnsafePointer<Scalar>?(products.base + $0.start * outputs) })
        let gradientStarts = FixedList(
            plan.fields.map { UnsafeMutablePointer<Scalar>?(gradients.base + $0.start * outputs) })
        let ids = FixedList([UnsafePointer<Int32>?](repeating: nil, count: plan.fields.count))
        guard let firstProduct = productStarts.elements.baseAddress,
            let firstGradient = gradientStarts.elements.baseAddress
        else { preconditionFailure("a fold plan has fields") }
        run = FoldRun(
            layer: model.layers[0], fields: fields.elements, tables: tables.elements, runs: runs.elements,
            isTableFolded: isTableFolded.elements, isFolded: isFolded.elements, firstEmbedded: model.inputs,
            productRows: plan.productRows,
            owners: ownerList.elements, products: products.base, gradients: gradients.base,
            tableGradients: tableGradients.base, widestTable: widest,
            ids: UnsafeMutableBufferPointer(mutating: ids.elements), productStarts: firstProduct,
            gradientStarts: firstGradient)
        owners = [
            fields, tables, runs, isTableFolded, isFolded, ownerList, productStarts, gradientStarts, ids,
            products,
            gradients, tableGradients,
        ]
    }
}
