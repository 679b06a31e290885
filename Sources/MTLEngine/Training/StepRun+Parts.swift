internal import MTLKernels

/// The parts that a step is made of: what a worker does with some rows, or with a piece of the parameters.
extension StepRun {
    func wait<Observer: StepObserver>(_ worker: Int, _ observer: Observer) {
        observer.observe(.wait, index: 0, worker: worker, work: 0) { barrier.wait() }
    }

    /// The features of a chunk: where the dataset has them, or where they will have been gathered.
    func features(_ batch: BatchView<Scalar>, from start: Int, to end: Int) -> MatrixView<Scalar> {
        batch.indices == nil && embedding == nil
            ? batch.features.rows(batch.start + start..<batch.start + end)
            : gatheredFeatures.rows(0..<end - start)
    }

    // MARK: Rows

    /// Takes a tile of rows through the layers, the losses and back to the gradients in the layers' sums.
    func pass<Observer: StepObserver>(
        _ range: Range<Int>, x: MatrixView<Scalar>, chunk: Int, _ batch: BatchView<Scalar>, worker: Int,
        observer: Observer
    ) {
        let scalar = MemoryLayout<Scalar>.stride
        let local = range.lowerBound - chunk..<range.upperBound - chunk
        if batch.indices != nil || embedding != nil {
            observer.observe(.gather, index: 0, worker: worker, work: 2 * local.count * x.columns * scalar) {
                gatherFeatures(batch, range, local)
            }
        }
        if let fold {
            let work = 2 * fold.fields.count * local.count * fold.layer.outputs * scalar
            observer.observe(.forward, index: 0, worker: worker, work: work) {
                fold.forward(
                    batch, batch.sourceRows(range), x: x, rows: local, memory: memory, product: product)
            }
        }
        forward.run(x, rows: local, skippingFirst: fold != nil, worker: worker, observer: observer)
        for seat in turn.seats {
            let work = local.count * (2 * layers[seat.layer].outputs + 1) * scalar
            observer.observe(.loss, index: seat.task, worker: worker, work: work) {
                loss(seat, rows: range, chunk: chunk, batch)
            }
        }
        for descent in turn.descents {
            let layer = layers[descent.layer]
            let work = layer.productOperations(rows: local.count, active: descent.active)
            observer.observe(.backwardInput, index: descent.layer, worker: worker, work: work) {
                layer.backwardInput(
                    into: layers[descent.below], belowActive: descent.belowActive, rows: local,
                    active: descent.active, overwrites: descent.overwrites, completes: descent.completes,
                    memory: memory, product: product)
            }
        }
        guard embedding != nil else { return }
        if let fold {
            backwardUnfolded(fold, local: local, worker: worker, observer: observer)
            return
        }
        for (order, (index, active)) in turn.embeddedDescents.enumerated() {
            let layer = layers[index]
            let work = 2 * local.count * embedded.columns * layer.outputs * active.count
            observer.observe(.backwardInput, index: index, worker: worker, work: work) {
                layer.backwardFeatures(
                    columns: layer.inputs - embedded.columns..<layer.inputs, into: embedded.rows(local),
                    rows: local, active: active, overwrites: order == 0, memory: memory, product: product)
            }
        }
    }

    /// The gradient in the embedded columns that are not folded.
    private func backwardUnfolded<Observer: StepObserver>(
        _ fold: FoldRun<Scalar>, local: Range<Int>, worker: Int, observer: Observer
    ) {
        for run in fold.runs where run.upperBound > fold.firstEmbedded {
            let columns = max(run.lowerBound, fold.firstEmbedded)..<run.upperBound
            let work = 2 * local.count * columns.count * fold.layer.outputs
            observer.observe(.backwardInput, index: 0, worker: worker, work: work) {
                fold.layer.backwardFeatures(
                    columns: columns,
                    into: embedded.rows(local).columns(
                        columns.lowerBound - fold.firstEmbedded..<columns.upperBound - fold.firstEmbedded),
                    rows: local, active: 0..<1, overwrites: true, memory: memory, product: product)
            }
        }
    }

    /// The folded features' gradients over the rows of a chunk, and with the last one those of weights and tables.
    func scatterFolded<Observer: StepObserver>(
        _ fold: FoldRun<Scalar>, _ batch: BatchView<Scalar>, from chunk: Int, to end: Int, worker: Int,
        observer: Observer
    ) {
        guard let embedding else { return }
        observer.observe(.scatter, index: 0, worker: worker, work: 0) {
            fold.scatter(
                batch.sourceRows(chunk..<end), memory: memory, isFirst: chunk == 0, worker: worker,
                level: product.level)
        }
        guard end == batch.rows else { return }
        observer.observe(.scatter, index: 0, worker: worker, work: 0) {
            fold.finish(embedding, memory: memory, product: product, into: gradients, worker: worker)
        }
    }

    func gatherLabels(_ block: Int, _ batch: BatchView<Scalar>) {
        let range = rows(ofBlock: block, in: batch)
        for seat in turn.seats {
            let column = batch.labels + batch.labelColumns[seat.task]
            let target = gatheredLabels + seat.task
            for row in range {
                target[row * tasks] = column[batch.sourceRow(row) * batch.labelStride]
            }
            partialCounts[block * tasks + seat.task] = Scalar._countLabelled(
                level: product.level, rows: range.count, labels: target + range.lowerBound * tasks,
                stride: tasks)
            if let weights = batch.labelWeights {
                gatherWeights(weights + batch.labelColumns[seat.task], seat.task, block, range, batch)
            }
        }
    }

    private func gatherWeights(
        _ weights: UnsafePointer<Scalar>, _ task: Int, _ block: Int, _ range: Range<Int>,
        _ batch: BatchView<Scalar>
    ) {
        var total = 0.0
        for row in range {
            let weight = weights[batch.sourceRow(row) * batch.labelStride]
            gatheredWeights[row * tasks + task] = weight
            if !gatheredLabels[row * tasks + task].isNaN { total += Double(weight) }
        }
        partialWeights[block * tasks + task] = total
    }

    func gatherFeatures(_ batch: BatchView<Scalar>, _ range: Range<Int>, _ local: Range<Int>) {
        let dense = batch.features.columns
        let rows = batch.sourceRows(range)
        for row in 0..<range.count {
            (gatheredFeatures.base + (local.lowerBound + row) * gatheredFeatures.stride).update(
                from: batch.features.base + rows.source(row) * batch.features.stride, count: dense)
        }
        embedding?.gather(
            batch, rows: rows, parameters: memory.parameters,
            x: gatheredFeatures.rows(local).columns(dense..<gatheredFeatures.columns), fold: fold,
            level: product.level)
    }

    func labelledRows(_ task: Int, _ batch: BatchView<Scalar>) -> Int {
        guard countsLabels else { return batch.rows }
        var count = 0
        for block in 0..<blockCount { count += partialCounts[block * tasks + task] }
        return count
    }

    /// What a task's summed loss is divided by: its labelled rows, or their weight.
    private func labelledWeight(_ task: Int, _ batch: BatchView<Scalar>) -> Double {
        guard batch.labelWeights != nil else { return Double(labelledRows(task, batch)) }
        var weight = 0.0
        for block in 0..<blockCount { weight += partialWeights[block * tasks + task] }
        return weight
    }

    /// The losses of a tile's rows, block by block, and their gradient in the logits.
    func loss(
        _ seat: TurnPlan<Scalar>.Seat, rows: Range<Int>, chunk: Int, _ batch: BatchView<Scalar>
    ) {
        let labelled = labelledWeight(seat.task, batch)
        let scale = labelled > 0 ? Scalar(seat.weight / labelled) : 0
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
            let cell = start / blockRows * tasks + seat.task
            guard batch.labelWeights == nil else {
                partialLosses[cell] = weightedLoss(
                    seat, logits.rows(local), gradient.rows(local), first: start, scale: scale)
                continue
            }
            partialLosses[cell] = seat.kind.loss(
                logits.rows(local), labels: labels + start * labelStride, labelStride: labelStride,
                scale: scale,
                gradient: gradient.rows(local), level: product.level)
        }
    }

    /// Row by row, each with its own scale.
    private func weightedLoss(
        _ seat: TurnPlan<Scalar>.Seat, _ logits: MatrixView<Scalar>, _ gradient: MatrixView<Scalar>,
        first: Int, scale: Scalar
    ) -> Double {
        var sum = 0.0
        for row in 0..<logits.rows {
            let place = (first + row) * tasks + seat.task
            let weight = gatheredWeights[place]
            sum +=
                Double(weight)
                * seat.kind.loss(
                    logits.rows(row..<row + 1), labels: gatheredLabels + place, labelStride: tasks,
                    scale: scale * weight, gradient: gradient.rows(row..<row + 1), level: product.level)
        }
        return sum
    }

    // MARK: Parameters

    /// A piece's gradient over some rows of a chunk.
    func differentiate<Observer: StepObserver>(
        _ piece: ParameterPiece, x: MatrixView<Scalar>, rows: Range<Int>,
        into gradients: UnsafeMutablePointer<Scalar>,
        accumulate: Bool, worker: Int, observer: Observer
    ) {
        let layer = layers[piece.layer]
        if !piece.isFolded {
            let work = 2 * rows.count * layer.weightRange(of: piece).count
            observer.observe(.weightGradient, index: piece.layer, worker: worker, work: work) {
                layer.backwardWeights(
                    piece, x: forward.input(of: piece.layer, x).rows(rows), rows: rows, gradients: gradients,
                    accumulate: accumulate, memory: memory, product: product)
            }
        }
        guard let biases = layer.biasRange(of: piece) else { return }
        let read = rows.count * biases.count * MemoryLayout<Scalar>.stride
        observer.observe(.biasGradient, index: piece.layer, worker: worker, work: read) {
            layer.backwardBiases(
                piece, rows: rows, gradients: gradients, accumulate: accumulate, memory: memory,
                level: product.level)
        }
    }

    /// Adds the second half's gradient of a piece to the first's.
    func add<Observer: StepObserver>(
        _ source: UnsafeMutablePointer<Scalar>, _ piece: ParameterPiece, worker: Int, observer: Observer
    ) {
        let layer = layers[piece.layer]
        let weights = layer.weightRange(of: piece)
        observer.observe(
            .sum, index: piece.layer, worker: worker, work: 3 * weights.count * MemoryLayout<Scalar>.stride
        ) {
            sum(source, weights)
            if let biases = layer.biasRange(of: piece) { sum(source, biases) }
        }
    }

    private func sum(_ source: UnsafeMutablePointer<Scalar>, _ range: Range<Int>) {
        Scalar._add(
            level: product.level, count: range.count, source: source + range.lowerBound,
            target: gradients + range.lowerBound)
    }

    /// Updates a piece from its gradient, while that is in the cache.
    func optimize<Observer: StepObserver>(_ piece: ParameterPiece, worker: Int, observer: Observer) {
        guard let update else { return }
        let layer = layers[piece.layer]
        let weights = layer.weightRange(of: piece)
        let biases = layer.biasRange(of: piece)
        let scalar = MemoryLayout<Scalar>.stride
        let count = weights.count + (biases?.count ?? 0)
        observer.observe(.optimizer, index: piece.layer, worker: worker, work: 7 * count * scalar) {
            apply(update, to: weights)
            if let biases { apply(update, to: biases) }
        }
        guard layer.transposed != nil else { return }
        observer.observe(.transpose, index: piece.layer, worker: worker, work: 2 * weights.count * scalar) {
            layer.refreshTransposed(
                block: piece.blocks.lowerBound, rows: piece.rows, memory: memory, level: product.level)
        }
    }

    /// The embedding tables' share of a chunk: their gradients, and with the last chunk the rows they change.
    func scatter<Observer: StepObserver>(
        _ batch: BatchView<Scalar>, from chunk: Int, to end: Int, worker: Int, observer: Observer
    ) {
        guard let embedding else { return }
        observer.observe(.scatter, index: 0, worker: worker, work: 0) {
            embedding.scatter(
                batch, rows: chunk..<end, dx: embedded, isFirst: chunk == 0, blockRows: blockRows, fold: fold,
                worker: worker, level: product.level)
        }
        guard end == batch.rows, let update else { return }
        observer.observe(.tableRows, index: 0, worker: worker, work: 0) {
            embedding.optimize(
                update, parameters: memory.parameters, stateOffset: turn.tableStateOffset, worker: worker,
                level: product.level)
        }
    }

    /// Parameters that every worker has read in this step are taken back before the optimiser writes them; what
    /// would not stay in the cache until then is left alone.
    func claim(_ piece: ParameterPiece) {
        let weights = layers[piece.layer].weightRange(of: piece)
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

    func apply(_ update: Optimizer.Update<Scalar>, to range: Range<Int>) {
        let offset = range.lowerBound < sharedCount ? turn.sharedStateOffset : turn.headStateOffset
        update.apply(
            count: range.count, parameters: memory.parameters + range.lowerBound,
            gradients: UnsafePointer(gradients) + range.lowerBound,
            state: state + offset + range.lowerBound, stateStride: stateStride, level: product.level)
    }
}
