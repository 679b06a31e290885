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
        self.update = update
        self.skipsUnlabelled = skipsUnlabelled
        countsLabels = batch.indices != nil || !batch.isComplete
    }

    var tileCount: Int { batch.map { ($0.rows + tileRows - 1) / tileRows } ?? 0 }

    /// The tiles among `range` that are a worker's, neighbours each.
    private func share(_ range: Range<Int>, of worker: Int) -> Range<Int> {
        let start = range.lowerBound + range.count * worker / workers
        return start..<range.lowerBound + range.count * (worker + 1) / workers
    }

    private func rows(ofTile tile: Int, in batch: BatchView<Scalar>) -> Range<Int> {
        tile * tileRows..<min((tile + 1) * tileRows, batch.rows)
    }

    // MARK: One worker's part of a step

    func run(worker: Int) {
        guard let batch else { return }
        if countsLabels {
            for tile in share(0..<tileCount, of: worker) { gatherLabels(tile, batch) }
            barrier.wait()
        }
        if skipsUnlabelled && labelledRows(seats[0].task, batch) == 0 { return }

        let forward = ForwardPass(layers: layers, active: active, memory: memory, product: product)
        for chunk in stride(from: 0, to: batch.rows, by: chunkRows) {
            let end = min(chunk + chunkRows, batch.rows)
            let x =
                batch.indices == nil
                ? batch.features.rows(batch.start + chunk..<batch.start + end)
                : gatheredFeatures.rows(0..<end - chunk)
            if chunk > 0 { barrier.wait() }
            for tile in share(chunk / tileRows..<(end + tileRows - 1) / tileRows, of: worker) {
                let range = rows(ofTile: tile, in: batch)
                let local = range.lowerBound - chunk..<range.upperBound - chunk
                if let indices = batch.indices { gatherFeatures(indices + range.lowerBound, batch, local) }
                forward.run(x, rows: local)
                for seat in seats { loss(seat, tile: tile, rows: range, local: local, batch) }
                for descent in descents {
                    layers[descent.layer].backwardInput(
                        into: layers[descent.below], belowActive: descent.belowActive, rows: local,
                        active: descent.active, overwrites: descent.overwrites, completes: descent.completes,
                        memory: memory, product: product)
                }
            }
            barrier.wait()
            let isLast = end == batch.rows
            for section in stride(from: worker, to: sections, by: workers) {
                for index in starts[section]..<starts[section + 1] {
                    let piece = pieces[index]
                    layers[piece.layer].backwardParameters(
                        piece, x: forward.input(of: piece.layer, x).rows(0..<end - chunk),
                        gradients: gradients,
                        accumulate: chunk > 0, memory: memory, product: product)
                    if isLast, let update { apply(update, to: piece) }
                }
            }
        }
    }

    private func gatherLabels(_ tile: Int, _ batch: BatchView<Scalar>) {
        let range = rows(ofTile: tile, in: batch)
        for seat in seats {
            let column = batch.labels + batch.labelColumns[seat.task]
            let target = gatheredLabels + seat.task
            for row in range {
                target[row * tasks] = column[batch.sourceRow(row) * batch.labelStride]
            }
            partialCounts[tile * tasks + seat.task] = Scalar._countLabelled(
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
        for tile in 0..<tileCount { count += partialCounts[tile * tasks + task] }
        return count
    }

    private func loss(
        _ seat: TurnPlan<Scalar>.Seat, tile: Int, rows: Range<Int>, local: Range<Int>,
        _ batch: BatchView<Scalar>
    ) {
        let labelled = labelledRows(seat.task, batch)
        let layer = layers[seat.layer]
        let columns = seat.column..<seat.column + layer.outputs
        let labels =
            countsLabels
            ? UnsafePointer(gatheredLabels) + rows.lowerBound * tasks + seat.task
            : batch.labels + (batch.start + rows.lowerBound) * batch.labelStride
                + batch.labelColumns[seat.task]
        partialLosses[tile * tasks + seat.task] = seat.kind.loss(
            memory.view(layer.output, columns: layer.width).rows(local).columns(columns),
            labels: labels, labelStride: countsLabels ? tasks : batch.labelStride,
            scale: labelled > 0 ? Scalar(seat.weight / Double(labelled)) : 0,
            gradient: memory.view(layer.gradient, columns: layer.width).rows(local).columns(columns),
            level: product.level)
    }

    private func apply(_ update: Optimizer.Update<Scalar>, to piece: ParameterPiece) {
        let layer = layers[piece.layer]
        func pass(_ range: Range<Int>) {
            let offset = range.lowerBound < sharedCount ? sharedStateOffset : headStateOffset
            update.apply(
                count: range.count, parameters: memory.parameters + range.lowerBound,
                gradients: UnsafePointer(gradients) + range.lowerBound,
                state: state + offset + range.lowerBound, stateStride: stateStride, level: product.level)
        }
        pass(layer.weightRange(of: piece))
        if let biases = layer.biasRange(of: piece) { pass(biases) }
        layer.refreshTransposed(
            block: piece.blocks.lowerBound, rows: piece.rows, memory: memory, level: product.level)
    }
}
