internal import MTLKernels

/// What the workers of one training step read: pointers and plans only, so that no reference is counted.
package struct StepRun<Scalar: BLASScalar> {
    private let layers: UnsafeBufferPointer<Dense>
    private let memory: NetworkMemory<Scalar>
    private let product: Product<Scalar>
    private let barrier: WorkerPool.Barrier
    private let workers: Int
    private let sections: Int
    private let tasks: Int
    private let gradients: UnsafeMutablePointer<Scalar>
    private let state: UnsafeMutablePointer<Scalar>
    private let stateStride: Int
    private let gatheredFeatures: MatrixView<Scalar>
    private let gatheredLabels: UnsafeMutablePointer<Scalar>
    private let partialLosses: UnsafeMutableBufferPointer<Double>
    private let partialCounts: UnsafeMutableBufferPointer<Int>

    private var seats: UnsafeBufferPointer<TurnPlan<Scalar>.Seat>
    private var active: UnsafeBufferPointer<(layer: Int, active: Range<Int>)>
    private var descents: UnsafeBufferPointer<TaskSelection.Descent>
    private var pieces: UnsafeBufferPointer<ParameterPiece>
    private var starts: UnsafeBufferPointer<Int>
    private var sharedStateOffset = 0
    private var headStateOffset = 0
    private var sharedCount = 0

    private var batch: BatchView<Scalar>?
    private var update: Optimizer.Update<Scalar>?
    private var chunkRows = 1
    private var tileRows = 1
    private var blockRows = 1
    private var skipsUnlabelled = false
    /// Whether labels are counted (and gathered) before the forward pass.
    private(set) var countsLabels = false

    init(
        turn: TurnPlan<Scalar>, layers: UnsafeBufferPointer<Dense>, memory: NetworkMemory<Scalar>,
        product: Product<Scalar>, barrier: WorkerPool.Barrier, workers: Int, sections: Int, tasks: Int,
        gradients: UnsafeMutablePointer<Scalar>, state: UnsafeMutablePointer<Scalar>, stateStride: Int,
        gatheredFeatures: MatrixView<Scalar>, gatheredLabels: UnsafeMutablePointer<Scalar>,
        partialLosses: UnsafeMutableBufferPointer<Double>, partialCounts: UnsafeMutableBufferPointer<Int>
    ) {
        self.layers = layers
        self.memory = memory
        self.product = product
        self.barrier = barrier
        self.workers = workers
        self.sections = sections
        self.tasks = tasks
        self.gradients = gradients
        self.state = state
        self.stateStride = stateStride
        self.gatheredFeatures = gatheredFeatures
        self.gatheredLabels = gatheredLabels
        self.partialLosses = partialLosses
        self.partialCounts = partialCounts
        seats = turn.seats.elements
        active = turn.active.elements
        descents = turn.descents.elements
        pieces = turn.pieces.elements
        starts = turn.starts.elements
    }

    mutating func prepare(
        _ batch: BatchView<Scalar>, turn: TurnPlan<Scalar>, sharedCount: Int, chunkRows: Int, tileRows: Int,
        blockRows: Int,
        update: Optimizer.Update<Scalar>?, skipsUnlabelled: Bool
    ) {
        self.batch = batch
        seats = turn.seats.elements
        active = turn.active.elements
        descents = turn.descents.elements
        pieces = turn.pieces.elements
        starts = turn.starts.elements
        sharedStateOffset = turn.sharedStateOffset
        headStateOffset = turn.headStateOffset
        self.sharedCount = sharedCount
        self.chunkRows = chunkRows
        self.tileRows = tileRows
        self.blockRows = blockRows
        self.update = update
        self.skipsUnlabelled = skipsUnlabelled
        countsLabels = batch.indices != nil || !batch.isComplete
    }

    var blockCount: Int { batch.map { ($0.rows + blockRows - 1) / blockRows } ?? 0 }

    /// The tiles among `range` that are a worker's, neighbours each.
    private func share(_ range: Range<Int>, of worker: Int) -> Range<Int> {
        let start = range.lowerBound + range.count * worker / workers
        return start..<range.lowerBound + range.count * (worker + 1) / workers
    }

    private func rows(ofTile tile: Int, in batch: BatchView<Scalar>) -> Range<Int> {
        tile * tileRows..<min((tile + 1) * tileRows, batch.rows)
    }

    private func rows(ofBlock block: Int, in batch: BatchView<Scalar>) -> Range<Int> {
        block * blockRows..<min((block + 1) * blockRows, batch.rows)
    }

    // MARK: One worker's part of a step

    func run<Observer: StepObserver>(worker: Int, observer: Observer) {
        guard let batch else { return }
        let scalar = MemoryLayout<Scalar>.stride
        func wait() { observer.observe(.wait, index: 0, worker: worker, work: 0) { barrier.wait() } }

        if countsLabels {
            for block in share(0..<blockCount, of: worker) {
                observer.observe(
                    .gather, index: 0, worker: worker, work: 2 * blockRows * seats.count * scalar
                ) {
                    gatherLabels(block, batch)
                }
            }
            wait()
        }
        if skipsUnlabelled && labelledRows(seats[0].task, batch) == 0 { return }

        let forward = ForwardPass(layers: layers, active: active, memory: memory, product: product)
        for chunk in stride(from: 0, to: batch.rows, by: chunkRows) {
            let end = min(chunk + chunkRows, batch.rows)
            let x =
                batch.indices == nil
                ? batch.features.rows(batch.start + chunk..<batch.start + end)
                : gatheredFeatures.rows(0..<end - chunk)
            if chunk > 0 { wait() }
            for tile in share(chunk / tileRows..<(end + tileRows - 1) / tileRows, of: worker) {
                let range = rows(ofTile: tile, in: batch)
                let local = range.lowerBound - chunk..<range.upperBound - chunk
                if let indices = batch.indices {
                    observer.observe(
                        .gather, index: 0, worker: worker, work: 2 * local.count * x.columns * scalar
                    ) { gatherFeatures(indices + range.lowerBound, batch, local) }
                }
                forward.run(x, rows: local, worker: worker, observer: observer)
                for seat in seats {
                    let outputs = layers[seat.layer].outputs
                    observer.observe(
                        .loss, index: seat.task, worker: worker,
                        work: local.count * (2 * outputs + 1) * scalar
                    ) { loss(seat, rows: range, chunk: chunk, batch) }
                }
                for descent in descents {
                    let layer = layers[descent.layer]
                    observer.observe(
                        .backwardInput, index: descent.layer, worker: worker,
                        work: layer.productOperations(rows: local.count, active: descent.active)
                    ) {
                        layer.backwardInput(
                            into: layers[descent.below], belowActive: descent.belowActive, rows: local,
                            active: descent.active, overwrites: descent.overwrites,
                            completes: descent.completes,
                            memory: memory, product: product)
                    }
                }
            }
            wait()
            for section in stride(from: worker, to: sections, by: workers) {
                for index in starts[section]..<starts[section + 1] {
                    let piece = pieces[index]
                    changeParameters(
                        piece, x: forward.input(of: piece.layer, x).rows(0..<end - chunk),
                        isFirst: chunk == 0,
                        isLast: end == batch.rows, worker: worker, observer: observer)
                }
            }
        }
    }

    /// A piece's gradient over a chunk and, with the last chunk, its update while it is in the cache.
    private func changeParameters<Observer: StepObserver>(
        _ piece: ParameterPiece, x: MatrixView<Scalar>, isFirst: Bool, isLast: Bool, worker: Int,
        observer: Observer
    ) {
        let layer = layers[piece.layer]
        let weights = layer.weightRange(of: piece)
        if isLast && workers > 1 { claim(piece, weights) }
        observer.observe(
            .weightGradient, index: piece.layer, worker: worker, work: 2 * x.rows * weights.count
        ) {
            layer.backwardWeights(
                piece, x: x, gradients: gradients, accumulate: !isFirst, memory: memory, product: product)
        }
        let biases = layer.biasRange(of: piece)
        if let biases {
            observer.observe(
                .biasGradient, index: piece.layer, worker: worker,
                work: x.rows * biases.count * MemoryLayout<Scalar>.stride
            ) {
                layer.backwardBiases(
                    piece, rows: x.rows, gradients: gradients, accumulate: !isFirst, memory: memory,
                    level: product.level)
            }
        }
        guard isLast, let update else { return }
        let count = weights.count + (biases?.count ?? 0)
        observer.observe(
            .optimizer, index: piece.layer, worker: worker, work: 7 * count * MemoryLayout<Scalar>.stride
        ) {
            apply(update, to: weights)
            if let biases { apply(update, to: biases) }
        }
        guard layer.transposed != nil else { return }
        observer.observe(
            .transpose, index: piece.layer, worker: worker,
            work: 2 * weights.count * MemoryLayout<Scalar>.stride
        ) {
            layer.refreshTransposed(
                block: piece.blocks.lowerBound, rows: piece.rows, memory: memory, level: product.level)
        }
    }

    /// Parameters that every worker has read in this step are taken back before the optimiser writes them; what
    /// would not stay in the cache until then is left alone.
    private func claim(_ piece: ParameterPiece, _ weights: Range<Int>) {
        let bytes = weights.count * MemoryLayout<Scalar>.stride
        guard bytes <= 1 << 16 else { return }
        mtl_claim(memory.parameters + weights.lowerBound, bytes)
        let layer = layers[piece.layer]
        guard layer.transposed != nil else { return }
        let copy = layer.transposedWeights(piece.blocks.lowerBound, memory: memory).columns(piece.rows)
        for row in 0..<copy.rows {
            mtl_claim(copy.base + row * copy.stride, copy.columns * MemoryLayout<Scalar>.stride)
        }
    }

    private func gatherLabels(_ block: Int, _ batch: BatchView<Scalar>) {
        let range = rows(ofBlock: block, in: batch)
        for seat in seats {
            let column = batch.labels + batch.labelColumns[seat.task]
            let target = gatheredLabels + seat.task
            for row in range {
                target[row * tasks] = column[batch.sourceRow(row) * batch.labelStride]
            }
            partialCounts[block * tasks + seat.task] = Scalar._countLabelled(
                level: product.level, rows: range.count, labels: target + range.lowerBound * tasks,
                stride: tasks)
        }
    }

    private func gatherFeatures(
        _ indices: UnsafePointer<Int32>, _ batch: BatchView<Scalar>, _ local: Range<Int>
    ) {
        for row in local {
            (gatheredFeatures.base + row * gatheredFeatures.stride).update(
                from: batch.features.base + Int(indices[row - local.lowerBound]) * batch.features.stride,
                count: batch.features.columns)
        }
    }

    private func labelledRows(_ task: Int, _ batch: BatchView<Scalar>) -> Int {
        guard countsLabels else { return batch.rows }
        var count = 0
        for block in 0..<blockCount { count += partialCounts[block * tasks + task] }
        return count
    }

    /// The losses of a tile's rows, block by block, and their gradient in the logits.
    private func loss(
        _ seat: TurnPlan<Scalar>.Seat, rows: Range<Int>, chunk: Int, _ batch: BatchView<Scalar>
    ) {
        let labelled = labelledRows(seat.task, batch)
        let scale = labelled > 0 ? Scalar(seat.weight / Double(labelled)) : 0
        let layer = layers[seat.layer]
        let columns = seat.column..<seat.column + layer.outputs
        let logits = memory.view(layer.output, columns: layer.width).columns(columns)
        let gradient = memory.view(layer.gradient, columns: layer.width).columns(columns)
        let labels =
            countsLabels
            ? UnsafePointer(gatheredLabels) + seat.task
            : batch.labels + batch.start * batch.labelStride + batch.labelColumns[seat.task]
        let labelStride = countsLabels ? tasks : batch.labelStride
        for start in stride(from: rows.lowerBound, to: rows.upperBound, by: blockRows) {
            let end = min(start + blockRows, rows.upperBound)
            let local = start - chunk..<end - chunk
            partialLosses[start / blockRows * tasks + seat.task] = seat.kind.loss(
                logits.rows(local), labels: labels + start * labelStride, labelStride: labelStride,
                scale: scale,
                gradient: gradient.rows(local), level: product.level)
        }
    }

    private func apply(_ update: Optimizer.Update<Scalar>, to range: Range<Int>) {
        let offset = range.lowerBound < sharedCount ? sharedStateOffset : headStateOffset
        update.apply(
            count: range.count, parameters: memory.parameters + range.lowerBound,
            gradients: UnsafePointer(gradients) + range.lowerBound,
            state: state + offset + range.lowerBound, stateStride: stateStride, level: product.level)
    }
}
