/// The rows' part of a step: tiles on their way through the nodes and back.
extension StepRun {
    /// Takes this worker's tiles of a chunk through some stages forward, or one backward.
    ///
    /// - Parameter place: the one loss of the turn that they come back from; nil for all.
    func sweep<Observer: StepObserver>(
        _ chunk: Int, _ batch: BatchView<Scalar>, worker: Int, forward: Range<Int>, backward: Int?,
        of place: Int? = nil, observer: Observer
    ) {
        var scenario = -1
        for index in chunkStarts[chunk]..<chunkStarts[chunk + 1] where tiles[index].worker == worker {
            let row = tiles[index]
            let changes = row.scenario != scenario
            scenario = row.scenario
            let tile = self.tile(index, batch, worker: worker, refreshes: changes)
            for stage in forward {
                if stage == 0 { gather(row, batch, into: tile.features, worker: worker, observer: observer) }
                for place in turn.forwardStarts[stage]..<forwardEnd(stage) {
                    run(turn.forward[place], tile, row, batch, worker: worker, observer: observer)
                }
                for norm in turn.norms[turn.normStarts[stage]..<turn.normStarts[stage + 1]] {
                    norm.measure(tile)
                }
                for round in turn.rounds[turn.roundStarts[stage]..<turn.roundStarts[stage + 1]] {
                    round.measure(tile)
                }
            }
            guard backward != nil || forward.upperBound == turn.stages else { continue }
            let back = self.backward(index, tile, refreshes: changes && forward.isEmpty)
            if !forward.isEmpty && turn.members > 0 {
                sweepMembers(index, tile, back, batch, worker: worker, observer: observer)
            } else if !forward.isEmpty {
                let work = tile.rows * turn.losses.count * 3 * MemoryLayout<Scalar>.stride
                observer.observe(.loss, index: 0, worker: worker, work: work) {
                    losses(index, back, batch, into: partialLosses)
                    if !meets { jointLosses(index, back, batch, into: partialLosses) }
                }
            }
            guard let backward else { continue }
            if meets, backward == turn.stages - 1 {
                if let place, let passes = turn.passes {
                    runOwn(place, passes, back, sourceRows(row, batch), worker: worker, observer: observer)
                } else if weighsMeeting {
                    combine(index, back)
                }
                jointLosses(index, back, batch, into: partialLosses)
            }
            if let passes = turn.passes {
                var back = back
                back.forward.lists = passes.sharedLists
                for place in passes.sharedStarts[backward]..<passes.sharedStarts[backward + 1] {
                    run(
                        passes.shared[place], back, sourceRows(row, batch), worker: worker,
                        observer: observer)
                }
            } else {
                for place in backwardStart(backward)..<turn.backwardStarts[backward + 1] {
                    run(
                        turn.backward[place], back, sourceRows(row, batch), worker: worker,
                        observer: observer)
                }
            }
            if backward > 0 {
                let range = turn.gatherStarts[backward - 1]..<turn.gatherStarts[backward]
                for norm in turn.gathers[range] { norm.gather(back) }
            }
            if backward == 0 && isGrouped && turn.reachesFeatures { scatterRows(row, back.embedded) }
        }
    }

    /// Takes this worker's tiles back through what belongs to one task.
    func sweepOwn<Observer: StepObserver>(
        _ chunk: Int, _ passes: TaskPasses, _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        var scenario = -1
        for index in chunkStarts[chunk]..<chunkStarts[chunk + 1] where tiles[index].worker == worker {
            let changes = tiles[index].scenario != scenario
            scenario = tiles[index].scenario
            let tile = self.tile(index, batch, worker: worker, refreshes: changes)
            descend(
                index, passes, backward(index, tile, refreshes: changes), batch, worker: worker,
                observer: observer)
        }
    }

    /// Where the nodes of a stage end that run once for all members.
    @inline(__always)
    private func forwardEnd(_ stage: Int) -> Int {
        turn.members > 0 && stage == turn.stages - 1 ? turn.memberForward : turn.forwardStarts[stage + 1]
    }

    @inline(__always)
    private func backwardStart(_ stage: Int) -> Int {
        turn.members > 0 && stage == turn.stages - 1 ? turn.memberBackward : turn.backwardStarts[stage]
    }

    /// Takes a tile's rows through every member of a packed ensemble and back: each in the place of the one before, its own
    /// loss on its own logits, its gradients added to those that members share.
    private func sweepMembers<Observer: StepObserver>(
        _ index: Int, _ tile: ForwardTile<Scalar>, _ back: BackwardTile<Scalar>, _ batch: BatchView<Scalar>,
        worker: Int, observer: Observer
    ) {
        let (row, last) = (tiles[index], turn.stages - 1)
        let source = sourceRows(row, batch)
        for value in turn.shared { Node.zero(value).backward(back) }
        for member in 0..<turn.members {
            let tile = tile.of(member: member)
            let back = back.of(tile)
            for place in turn.memberForward..<turn.forwardStarts[last + 1] {
                run(turn.forward[place], tile, row, batch, worker: worker, observer: observer)
            }
            let work = tile.rows * turn.losses.count * 3 * MemoryLayout<Scalar>.stride
            observer.observe(.loss, index: 0, worker: worker, work: work) {
                losses(index, back, batch, into: partialLosses + member * memberStride)
                jointLosses(index, back, batch, into: partialLosses + member * memberStride)
            }
            for place in turn.backwardStarts[last]..<turn.memberBackward {
                run(turn.backward[place], back, source, worker: worker, observer: observer)
            }
        }
    }

    @inline(__always)
    private func run<Observer: StepObserver>(
        _ entry: Turn.Entry, _ tile: ForwardTile<Scalar>, _ row: RowTile, _ batch: BatchView<Scalar>,
        worker: Int, observer: Observer
    ) {
        if entry.projection >= 0, let projected {
            observer.observe(.forward, index: entry.ordinal, worker: worker, work: 0) {
                projected.forward(entry.projection, tile, sourceRows(row, batch))
            }
            return
        }
        let work = 2 * tile.rows * entry.multiplyAdds
        observer.observe(.forward, index: entry.ordinal, worker: worker, work: work) {
            entry.node.forward(tile)
        }
    }

    @inline(__always)
    func run<Observer: StepObserver>(
        _ entry: Turn.Entry, _ tile: BackwardTile<Scalar>, _ source: _SourceRows, worker: Int,
        observer: Observer
    ) {
        guard case .dense(let dense) = entry.node else {
            observer.observe(.backward, index: entry.ordinal, worker: worker, work: 0) {
                if entry.projection >= 0, let projected {
                    projected.backwardGates(entry.projection, tile, source)
                } else {
                    entry.node.backward(tile)
                }
            }
            return
        }
        dense.backwardActivation(tile)
        let work = 2 * tile.rows * entry.multiplyAdds
        if !defersWeights {
            observer.observe(.weightGradient, index: entry.ordinal, worker: worker, work: work) {
                dense.backwardParameters(tile)
            }
        }
        guard dense.dx != .none else { return }
        let read = dense.layer.inputs - min(dense.x.gradientStart, dense.layer.inputs)
        let below = 2 * tile.rows * dense.columns.count * read
        observer.observe(.backwardInput, index: entry.ordinal, worker: worker, work: below) {
            if entry.projection >= 0, let projected {
                projected.backwardInput(dense, entry.projection, tile)
            } else {
                dense.backwardInput(tile)
            }
        }
    }

    /// The workspace of a worker, or of a chunk.
    private func workspace(of worker: Int) -> UnsafeMutablePointer<Scalar> {
        keepsChunk ? workspace : workspace + worker * capacity * elementsPerRow
    }

    func tile(
        _ index: Int, _ batch: BatchView<Scalar>, worker: Int, refreshes: Bool, replica: Replica? = nil
    ) -> ForwardTile<Scalar> {
        let row = tiles[index]
        return tile(
            rows: row.first..<row.first + row.count, origin: keepsChunk ? row.origin : 0,
            scenario: row.scenario, sums: sums + index * 2 * normWidth, batch, worker: worker,
            refreshes: refreshes, replica: replica)
    }

    private func tile(
        rows: Range<Int>, origin: Int, scenario: Int, sums: UnsafeMutablePointer<Double>,
        _ batch: BatchView<Scalar>, worker: Int, refreshes: Bool, replica: Replica? = nil
    ) -> ForwardTile<Scalar> {
        let base = workspace(of: worker)
        let isDirect = batch.indices == nil && embedding == nil && !isGrouped
        let features =
            isDirect
            ? batch.features.rows(batch.start + rows.lowerBound..<batch.start + rows.upperBound)
            : MatrixView(
                base + origin * gathered.stride, rows: rows.count, columns: inputWidth,
                stride: gathered.stride)
        return ForwardTile(
            parameters: replica?.parameters ?? parameters, transposes: replica?.transposes ?? transposes,
            workspace: base, capacity: capacity,
            origin: origin, rows: rows.count, features: features, inputs: inputs, scenario: scenario,
            refreshes: refreshes, isTraining: true, dropoutKey: dropoutKey,
            positions: isGrouped ? UnsafePointer(order.positions) + rows.lowerBound : nil,
            start: rows.lowerBound, lists: turn.lists, scratch: scratch + worker * scratchStride,
            scenarioNorms: norms + (1 + scenario) * normWidth * BatchNormNode.vectors, norms: norms,
            sums: sums, product: product)
    }

    private func backward(
        _ index: Int, _ tile: ForwardTile<Scalar>, refreshes: Bool
    ) -> BackwardTile<Scalar> {
        let row = tiles[index]
        return backward(
            tile, gradients: gradients + row.shard * gradientStride, isFirst: row.isFirst,
            isFirstOfScenario: row.isFirstOfScenario, refreshes: refreshes)
    }

    func backward(
        _ tile: ForwardTile<Scalar>, gradients: UnsafeMutablePointer<Scalar>, isFirst: Bool,
        isFirstOfScenario: Bool, refreshes: Bool
    ) -> BackwardTile<Scalar> {
        // Rows in the step's order go back to the batch's, so their gradient waits behind the values'.
        let dx =
            isGrouped
            ? MatrixView(
                tile.workspace + (elementsPerRow - embedded.stride) * capacity + tile.origin
                    * embedded.stride,
                rows: tile.rows, columns: embedded.columns, stride: embedded.stride)
            : embedding == nil ? embedded : embedded.rows(tile.start..<tile.start + tile.rows)
        return BackwardTile(
            forward: tile, gradients: gradients, valueGradients: tile.workspace + forwardElements * capacity,
            gradientOffsets: gradientOffsets, embedded: dx, isFirst: isFirst,
            isFirstOfScenario: isFirstOfScenario, refreshesBackward: refreshes)
    }

    /// All rows of a chunk that the workspace keeps, as deferred gradients read them.
    func chunk(_ chunk: Int, _ batch: BatchView<Scalar>) -> BackwardTile<Scalar> {
        let first = tiles[chunkStarts[chunk]].first
        let last = tiles[chunkStarts[chunk + 1] - 1]
        let tile = tile(
            rows: first..<last.first + last.count, origin: 0, scenario: 0, sums: sums, batch, worker: 0,
            refreshes: false)
        return backward(
            tile, gradients: gradients, isFirst: chunk == 0, isFirstOfScenario: false, refreshes: false)
    }

    // MARK: Features

    /// The rows of a range of the step's order in the dataset.
    func sourceRows(_ rows: Range<Int>, _ batch: BatchView<Scalar>) -> _SourceRows {
        isGrouped
            ? _SourceRows(
                count: rows.count, indices: UnsafePointer(order.sources) + rows.lowerBound, start: 0)
            : batch.sourceRows(rows)
    }

    func sourceRows(_ row: RowTile, _ batch: BatchView<Scalar>) -> _SourceRows {
        sourceRows(row.first..<row.first + row.count, batch)
    }

    func gather<Observer: StepObserver>(
        _ row: RowTile, _ batch: BatchView<Scalar>, into x: MatrixView<Scalar>, worker: Int,
        observer: Observer
    ) {
        guard batch.indices != nil || embedding != nil || isGrouped else { return }
        let work = 2 * row.count * inputWidth * MemoryLayout<Scalar>.stride
        observer.observe(.gather, index: 0, worker: worker, work: work) {
            let rows = sourceRows(row, batch)
            for index in 0..<row.count {
                (x.base + index * x.stride).update(
                    from: batch.features.base + rows.source(index) * batch.features.stride, count: inputs)
            }
            embedding?.gather(
                batch, rows: rows, parameters: parameters, x: x.columns(inputs..<inputWidth),
                projected: projected, level: product.level)
        }
    }

    /// The embedded features' gradient back in the batch's order of rows.
    private func scatterRows(_ row: RowTile, _ dx: MatrixView<Scalar>) {
        for index in 0..<row.count {
            (embedded.base + Int(order.positions[row.first + index]) * embedded.stride).update(
                from: dx.base + index * dx.stride, count: dx.columns)
        }
    }
}
