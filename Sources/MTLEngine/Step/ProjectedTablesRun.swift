/// What the workers of a turn read and write of the projected tables: pointers and plans only.
package struct ProjectedTablesRun<Scalar: BLASScalar> {
    /// A field that a dense node reads: where its weights' rows and its products' rows are, and where the means of its table's
    /// rows, if those are what it reads.
    struct Read {
        let field: ProjectedTables.Field
        let columns: Range<Int>
        let start: Int
        let means: UnsafeMutablePointer<Scalar>?
    }

    /// A dense node over projected columns.
    struct Layer {
        let node: DenseNode
        let isTrained: Bool
        let reads: UnsafeBufferPointer<Read>
        /// Per table its reads.
        let tableReads: UnsafeBufferPointer<Range<Int>>
        let productRows: Int
        /// `[productRows, columns of the active blocks]`, rows of whole vectors
        let products: UnsafeMutablePointer<Scalar>
        let gradients: UnsafeMutablePointer<Scalar>
        /// Per read what the kernels look up.
        let folded: _FoldedFields<Scalar>
        let ids: UnsafeMutableBufferPointer<UnsafePointer<Int32>?>
        /// The columns of the input that are left to a product, and those of them that have a gradient.
        let runs: UnsafeBufferPointer<Range<Int>>
        let gradientRuns: UnsafeBufferPointer<Range<Int>>

        var width: Int { node.columns.count }

        func rows(_ read: Read, of base: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
            MatrixView(
                base + read.start * folded.stride, rows: read.field.tableRows, columns: width,
                stride: folded.stride)
        }

        /// The columns of a block in products and gradients.
        func columns(of block: Int) -> Range<Int> {
            let first = (block - node.blocks.lowerBound) * node.layer.outputs
            return first..<first + node.layer.outputs
        }
    }

    /// What the fields of one gate are to one layer.
    struct GatedReads {
        let layer: Int
        let fields: UnsafeBufferPointer<ProjectedTables.Field>
        let ids: UnsafeMutableBufferPointer<UnsafePointer<Int32>?>
        let products: UnsafePointer<UnsafePointer<Scalar>?>
        /// Where the gates' gradients of row 0 stand, and how far behind them those of the next row.
        let targets: UnsafePointer<UnsafeMutablePointer<Scalar>?>
        let strides: UnsafePointer<Int>
    }

    /// Gates whose gradient comes from the layers above.
    struct Gates {
        let node: ProductNode
        let reads: UnsafeBufferPointer<GatedReads>
        /// The gates' columns that have to begin at 0, because not one layer alone sets all of them.
        let cleared: UnsafeBufferPointer<GraphValue>
    }

    let layers: UnsafeBufferPointer<Layer>
    let gates: UnsafeBufferPointer<Gates>
    let fields: UnsafeBufferPointer<ProjectedTables.Field>
    let tables: UnsafeBufferPointer<ProjectedTables.Table>
    let isFieldProjected: UnsafeBufferPointer<Bool>
    let isTableProjected: UnsafeBufferPointer<Bool>
    /// Which worker has a table.
    let owners: UnsafeBufferPointer<Int>
    /// Per field a gradient of its whole table, and of the means of the table's rows.
    let tableGradients: UnsafeMutablePointer<Scalar>
    let meanGradients: UnsafeMutablePointer<Scalar>
    let widestTable: Int

    /// Takes note of a batch; before the workers begin.
    func begin(_ batch: BatchView<Scalar>) {
        for layer in layers {
            for (place, read) in layer.reads.enumerated() {
                layer.ids[place] = batch.ids[read.field.field].ids
            }
        }
        for gate in gates {
            for some in gate.reads {
                for (place, field) in some.fields.enumerated() {
                    some.ids[place] = batch.ids[field.field].ids
                }
            }
        }
    }

    /// What a layer reads of a table's rows: E, or the means of its rows.
    private func table(
        _ read: Read, _ embedding: EmbeddingRun<Scalar>, _ parameters: UnsafeMutablePointer<Scalar>
    ) -> MatrixView<Scalar> {
        if let means = read.means {
            return MatrixView(means, rows: read.field.tableRows, columns: 1, stride: 1)
        }
        return vectors(read.field, embedding, parameters)
    }

    private func vectors(
        _ field: ProjectedTables.Field, _ embedding: EmbeddingRun<Scalar>,
        _ parameters: UnsafeMutablePointer<Scalar>
    ) -> MatrixView<Scalar> {
        let table = embedding.tables[embedding.fields[field.field].table]
        return MatrixView(
            parameters + table.parameters, rows: table.rows, columns: table.width, stride: table.width)
    }

    // MARK: Forward

    /// P = E W for this worker's share of the rows.
    func multiply(
        _ embedding: EmbeddingRun<Scalar>, parameters: UnsafeMutablePointer<Scalar>,
        product: Product<Scalar>, worker: Int, workers: Int
    ) {
        for layer in layers {
            let total = layer.productRows
            let share = total * worker / workers..<total * (worker + 1) / workers
            for read in layer.reads {
                let mine = (read.start..<read.start + read.field.tableRows).clamped(to: share)
                guard !mine.isEmpty else { continue }
                let some = mine.lowerBound - read.start..<mine.upperBound - read.start
                if let means = read.means {
                    takeMeans(of: vectors(read.field, embedding, parameters), some, into: means)
                }
                let e = table(read, embedding, parameters).rows(some)
                let target = layer.rows(read, of: layer.products).rows(some)
                for block in layer.node.blocks {
                    product.multiply(
                        e, layer.node.layer.weights(block, at: parameters).rows(read.columns),
                        into: target.columns(layer.columns(of: block)))
                }
            }
        }
    }

    private func takeMeans(
        of e: MatrixView<Scalar>, _ rows: Range<Int>, into means: UnsafeMutablePointer<Scalar>
    ) {
        for row in rows {
            var sum: Scalar = 0
            for column in 0..<e.columns { sum += e.base[row * e.stride + column] }
            means[row] = sum / Scalar(e.columns)
        }
    }

    /// h = act(x W + b); the tile's features hold the columns that are not projected.
    ///
    /// - Parameter source: the tile's rows in the data.
    func forward(_ projection: Int, _ tile: ForwardTile<Scalar>, _ source: _SourceRows) {
        let layer = layers[projection]
        let (node, dense, runs) = (layer.node, layer.node.layer, layer.runs)
        let z = tile.view(node.saved).columns(node.columns)
        let bias = UnsafePointer(tile.parameters + dense.bias)
        let isReLU = dense.activation == .relu
        Scalar._foldGather(
            level: tile.level, source, layer.folded, width: layer.width, first: tile.origin,
            bias: runs.isEmpty ? bias + node.columns.lowerBound : nil, relu: runs.isEmpty && isReLU,
            z: z.base, ldz: z.stride)
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

    // MARK: Backward

    /// The gradient in the columns of a dense node's input that are not projected.
    ///
    /// - Parameter node: the node as the backward pass runs it.
    func backwardInput(_ node: DenseNode, _ projection: Int, _ tile: BackwardTile<Scalar>) {
        for run in layers[projection].gradientRuns { node.backwardInput(tile, of: run) }
    }

    /// The gradient of gates, dg = ⟨P[id], dz⟩ over all layers above.
    func backwardGates(_ projection: Int, _ tile: BackwardTile<Scalar>, _ source: _SourceRows) {
        let gate = gates[projection]
        for value in gate.cleared {
            let target = tile.gradient(value)
            for row in 0..<target.rows { target.base[row * target.stride] = 0 }
        }
        for some in gate.reads {
            let layer = layers[some.layer]
            guard let ids = UnsafePointer(some.ids.baseAddress) else { continue }
            let dz = tile.gradient(layer.node.y).columns(layer.node.columns)
            Scalar._foldDots(
                level: tile.level, source, fields: some.fields.count, ids: ids, products: some.products,
                width: layer.width, stride: layer.folded.stride, dz: dz.base, ldz: dz.stride,
                targets: some.targets, strides: some.strides, first: tile.forward.origin,
                adds: gate.node.db == .add || !gate.cleared.isEmpty)
        }
    }

    /// Neighbouring tables of one worker in one go: a row's gradient is then read once for all of them.
    @inline(__always)
    private func forEachOwned(
        by worker: Int, _ places: UnsafeBufferPointer<Range<Int>>, _ body: (Range<Int>) -> Void
    ) {
        var first = 0
        while first < tables.count {
            var last = first
            while last < tables.count && owners[last] == worker { last += 1 }
            if last > first {
                let range = places[first].lowerBound..<places[last - 1].upperBound
                if !range.isEmpty { body(range) }
            }
            first = last + 1
        }
    }

    /// dP of this worker's tables over the rows of a chunk; `isFirst` begins the batch.
    func scatter(
        _ source: _SourceRows, _ chunk: BackwardTile<Scalar>, isFirst: Bool, worker: Int
    ) {
        for layer in layers where layer.isTrained {
            let dz = chunk.gradient(layer.node.y).columns(layer.node.columns)
            forEachOwned(by: worker, layer.tableReads) { range in
                if isFirst {
                    for read in layer.reads[range] {
                        layer.rows(read, of: layer.gradients).base.update(
                            repeating: 0, count: read.field.tableRows * layer.folded.stride)
                    }
                }
                Scalar._foldScatter(
                    level: chunk.level, source, layer.folded.fields(range), width: layer.width,
                    first: chunk.forward.origin, dz: dz.base, ldz: dz.stride)
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
                let dM = MatrixView(
                    meanGradients + field.start, rows: field.tableRows, columns: 1, stride: 1)
                var (adds, addsMeans) = (false, false)
                for layer in layers where layer.isTrained {
                    for read in layer.reads[layer.tableReads[index]] where read.field.start == field.start {
                        let dP = layer.rows(read, of: layer.gradients)
                        let w = layer.node.layer.transposedWeights(layer.node.blocks, at: transposes)
                        for block in layer.node.blocks {
                            product.multiplyTransposed(
                                self.table(read, embedding, parameters), dP.columns(layer.columns(of: block)),
                                into: layer.node.layer.weights(block, at: gradients).rows(read.columns),
                                accumulate: false)
                        }
                        if read.means == nil {
                            product.multiply(dP, w.columns(read.columns), into: dE, accumulate: adds)
                            adds = true
                        } else {
                            product.multiply(dP, w.columns(read.columns), into: dM, accumulate: addsMeans)
                            addsMeans = true
                        }
                    }
                }
                if !adds { clear(dE) }
                if addsMeans { spread(dM, over: dE) }
                embedding.take(dE, of: table.table, adds: order > 0)
            }
        }
    }

    /// dE += dM / width, in every column.
    private func spread(_ dM: MatrixView<Scalar>, over dE: MatrixView<Scalar>) {
        for row in 0..<dE.rows {
            let share = dM.base[row] / Scalar(dE.columns)
            for column in 0..<dE.columns { dE.base[row * dE.stride + column] += share }
        }
    }
}
