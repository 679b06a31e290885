/// What the workers of a turn read and write of the projected tables: pointers and plans only.
package struct ProjectedTablesRun<Scalar: BLASScalar> {
    /// A dense node over projected columns.
    struct Layer {
        let node: DenseNode
        /// `[productRows, columns of the active blocks]`
        let products: UnsafeMutablePointer<Scalar>
        let gradients: UnsafeMutablePointer<Scalar>
        /// Per projected field where its products and gradients begin.
        let productStarts: UnsafePointer<UnsafePointer<Scalar>?>
        let gradientStarts: UnsafePointer<UnsafeMutablePointer<Scalar>?>

        var width: Int { node.columns.count }

        func rows(_ field: ProjectedTables.Field, of base: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar>
        {
            MatrixView(
                base + field.start * width, rows: field.tableRows, columns: width, stride: width)
        }

        /// The columns of a block in products and gradients.
        func columns(of block: Int) -> Range<Int> {
            let first = (block - node.blocks.lowerBound) * node.layer.outputs
            return first..<first + node.layer.outputs
        }
    }

    let layers: UnsafeBufferPointer<Layer>
    let fields: UnsafeBufferPointer<ProjectedTables.Field>
    let tables: UnsafeBufferPointer<ProjectedTables.Table>
    let isFieldProjected: UnsafeBufferPointer<Bool>
    let isTableProjected: UnsafeBufferPointer<Bool>
    /// The columns of the features that are left to a product.
    let runs: UnsafeBufferPointer<Range<Int>>
    let productRows: Int
    /// Which worker has a table.
    let owners: UnsafeBufferPointer<Int>
    /// Per field a gradient of its whole table.
    let tableGradients: UnsafeMutablePointer<Scalar>
    let widestTable: Int
    /// Per field its ids: the batch's.
    let ids: UnsafeMutableBufferPointer<UnsafePointer<Int32>?>

    /// Takes note of a batch; before the workers begin.
    func begin(_ batch: BatchView<Scalar>) {
        for (index, field) in fields.enumerated() { ids[index] = batch.ids[field.field].ids }
    }

    private func vectors(
        _ field: ProjectedTables.Field, _ embedding: EmbeddingRun<Scalar>,
        _ parameters: UnsafeMutablePointer<Scalar>
    ) -> MatrixView<Scalar> {
        let table = embedding.tables[embedding.fields[field.field].table]
        return MatrixView(
            parameters + table.parameters, rows: table.rows, columns: table.width, stride: table.width)
    }

    /// P = E W for this worker's share of the rows.
    func multiply(
        _ embedding: EmbeddingRun<Scalar>, parameters: UnsafeMutablePointer<Scalar>,
        product: Product<Scalar>, worker: Int, workers: Int
    ) {
        let share = productRows * worker / workers..<productRows * (worker + 1) / workers
        for layer in layers {
            for field in fields {
                let mine = (field.start..<field.start + field.tableRows).clamped(to: share)
                guard !mine.isEmpty else { continue }
                let some = mine.lowerBound - field.start..<mine.upperBound - field.start
                let e = vectors(field, embedding, parameters).rows(some)
                let target = layer.rows(field, of: layer.products).rows(some)
                for block in layer.node.blocks {
                    product.multiply(
                        e, layer.node.layer.weights(block, at: parameters).rows(field.columns),
                        into: target.columns(layer.columns(of: block)))
                }
            }
        }
    }

    /// h = act(x W + b) of a tile; its features hold the columns that are not projected.
    ///
    /// - Parameter source: the tile's rows in the data.
    func forward(_ index: Int, _ tile: ForwardTile<Scalar>, _ source: _SourceRows) {
        let layer = layers[index]
        let (node, dense) = (layer.node, layer.node.layer)
        let z = tile.view(node.saved).columns(node.columns)
        let bias = UnsafePointer(tile.parameters + dense.bias)
        let isReLU = dense.activation == .relu
        guard let idBase = ids.baseAddress else { return }
        Scalar._foldGather(
            level: tile.level, source, fields: fields.count, ids: idBase, products: layer.productStarts,
            width: layer.width, bias: runs.isEmpty ? bias + node.columns.lowerBound : nil,
            relu: runs.isEmpty && isReLU, z: z.base, ldz: z.stride)
        let x = tile.view(node.x)
        for block in node.blocks {
            let weights = dense.weights(block, at: tile.parameters)
            for (place, run) in runs.enumerated() {
                let isLast = place == runs.count - 1
                let b = bias + block * dense.outputs
                tile.product.multiply(
                    x.columns(run), weights.rows(run), into: z.columns(layer.columns(of: block)),
                    accumulate: true, epilogue: isLast ? (isReLU ? .biasReLU(b) : .bias(b)) : .none)
            }
        }
        node.activate(tile)
    }

    /// The gradient in the embedded columns that are not projected.
    ///
    /// - Parameter node: the node as the backward pass runs it.
    func backwardInput(_ node: DenseNode, _ tile: BackwardTile<Scalar>) {
        let first = min(node.x.gradientStart, node.x.width)
        for run in runs where run.upperBound > first {
            node.backwardInput(tile, of: max(run.lowerBound, first)..<run.upperBound)
        }
    }

    /// dP of this worker's tables over the rows of a chunk; `isFirst` begins the batch.
    func scatter(
        _ source: _SourceRows, _ chunk: BackwardTile<Scalar>, isFirst: Bool, worker: Int
    ) {
        guard let idBase = ids.baseAddress else { return }
        for layer in layers {
            let dz = chunk.gradient(layer.node.y).columns(layer.node.columns)
            if isFirst {
                for (index, table) in tables.enumerated() where owners[index] == worker {
                    for field in table.fields {
                        layer.rows(fields[field], of: layer.gradients).base.update(
                            repeating: 0, count: fields[field].tableRows * layer.width)
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
                    level: chunk.level, source, fields: range.count, ids: idBase + range.lowerBound,
                    gradients: layer.gradientStarts + range.lowerBound, width: layer.width, dz: dz.base,
                    ldz: dz.stride)
                first = last + 1
            }
        }
    }

    /// dW = Eᵀ dP, and the rows of dE = dP Wᵀ that the batch touches, of this worker's tables.
    func finish(
        _ embedding: EmbeddingRun<Scalar>, parameters: UnsafeMutablePointer<Scalar>,
        transposes: UnsafeMutablePointer<Scalar>, product: Product<Scalar>,
        into gradients: UnsafeMutablePointer<Scalar>, worker: Int
    ) {
        for (index, table) in tables.enumerated() where owners[index] == worker {
            let width = embedding.tables[table.table].width
            for (order, place) in table.fields.enumerated() {
                let field = fields[place]
                let dE = MatrixView(
                    tableGradients + field.start * widestTable, rows: field.tableRows, columns: width,
                    stride: width)
                if layers.isEmpty { clear(dE) }
                for (number, layer) in layers.enumerated() {
                    let dense = layer.node.layer
                    let dP = layer.rows(field, of: layer.gradients)
                    for block in layer.node.blocks {
                        product.multiplyTransposed(
                            vectors(field, embedding, parameters), dP.columns(layer.columns(of: block)),
                            into: dense.weights(block, at: gradients).rows(field.columns),
                            accumulate: false)
                    }
                    let w = dense.transposedWeights(layer.node.blocks, at: transposes)
                    product.multiply(
                        dP, w.columns(field.columns), into: dE, accumulate: number > 0)
                }
                embedding.take(dE, of: table.table, adds: order > 0)
            }
        }
    }
}

/// The memory of the projected tables' part of a step, planned once: the turns, one at a time, share it.
package final class ProjectedTablesMemory<Scalar: BLASScalar> {
    /// Per turn what its workers read.
    package let runs: [ProjectedTablesRun<Scalar>]
    private let owners: [AnyObject]

    /// - Parameter turns: per turn the dense nodes over projected columns, with the blocks that are active.
    package init(_ plan: ProjectedTables, turns: [[DenseNode]], embedding: EmbeddingPlan, workers: Int) {
        let widest = plan.tables.map { embedding.tables[$0.table].width }.max() ?? 0
        let width = turns.map { $0.reduce(0) { $0 + $1.columns.count } }.max() ?? 0
        let products = AlignedStorage<Scalar>(zeroed: plan.productRows * width)
        let gradients = AlignedStorage<Scalar>(zeroed: plan.productRows * width)
        let tableGradients = AlignedStorage<Scalar>(zeroed: plan.productRows * widest)
        // Neighbours to one worker, so that each has about as many fields.
        let owner = FixedList(
            plan.tables.map {
                ($0.fields.lowerBound + $0.fields.count / 2) * workers / plan.fields.count
            })
        let fields = FixedList(plan.fields)
        let tables = FixedList(plan.tables)
        let isTableProjected = FixedList(plan.isTableProjected)
        let isFieldProjected = FixedList(plan.isFieldProjected)
        let ids = FixedList([UnsafePointer<Int32>?](repeating: nil, count: plan.fields.count))
        let runList = FixedList(plan.runs(width: turns.joined().first?.x.width ?? 0))
        var owners: [AnyObject] = [
            runList, products, gradients, tableGradients, owner, fields, tables, isTableProjected,
            isFieldProjected, ids,
        ]
        runs = turns.map { nodes in
            var column = 0
            let layers = nodes.map { node in
                let start = plan.productRows * column
                column += node.columns.count
                let starts = plan.fields.map { start + $0.start * node.columns.count }
                let productStarts = FixedList(starts.map { UnsafePointer<Scalar>?(products.base + $0) })
                let gradientStarts = FixedList(
                    starts.map { UnsafeMutablePointer<Scalar>?(gradients.base + $0) })
                owners += [productStarts, gradientStarts] as [AnyObject]
                guard let firstProduct = productStarts.elements.baseAddress,
                    let firstGradient = gradientStarts.elements.baseAddress
                else { preconditionFailure("projected tables have fields") }
                return ProjectedTablesRun<Scalar>.Layer(
                    node: node, products: products.base + start, gradients: gradients.base + start,
                    productStarts: firstProduct, gradientStarts: firstGradient)
            }
            let list = FixedList(layers)
            owners.append(list)
            return ProjectedTablesRun(
                layers: list.elements, fields: fields.elements, tables: tables.elements,
                isFieldProjected: isFieldProjected.elements, isTableProjected: isTableProjected.elements,
                runs: runList.elements, productRows: plan.productRows, owners: owner.elements,
                tableGradients: tableGradients.base,
                widestTable: widest, ids: UnsafeMutableBufferPointer(mutating: ids.elements))
        }
        self.owners = owners
    }
}
