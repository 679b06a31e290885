/// A piece of the parameters that one worker sums and steps while it is in its cache.
package struct GraphPiece {
    let start: Int
    let count: Int
    let rowLength: Int
    /// The scenario it belongs to, or -1.
    let scenario: Int
    /// Where its transposed copy begins, or -1.
    let transposed: Int
    let transposedStride: Int
    /// Where its state begins in the first state vector.
    let state: Int
    let decays: Bool
    /// Its place among the pieces, which does not depend on the workers.
    let number: Int
}

/// A penalty with its places: second is -1 for one that has none.
package struct GraphPenalty {
    let first: Int
    let second: Int
    let count: Int
    let weight: Double
    /// Whether the turn trains them, and the scenarios they belong to (or -1).
    let trainsFirst: Bool
    let trainsSecond: Bool
    let firstScenario: Int
    let secondScenario: Int
}

/// What the workers read of a program: lists that live as long as the training step.
package struct GraphTurn {
    /// Nodes of all stages, one after the other; stage k is `starts[k]..<starts[k + 1]`.
    let forward: UnsafeBufferPointer<GraphNode>
    let forwardStarts: UnsafeBufferPointer<Int>
    let backward: UnsafeBufferPointer<GraphNode>
    let backwardStarts: UnsafeBufferPointer<Int>
    let norms: UnsafeBufferPointer<BatchNormNode>
    let normStarts: UnsafeBufferPointer<Int>
    let gathers: UnsafeBufferPointer<BatchNormNode>
    let gatherStarts: UnsafeBufferPointer<Int>
    let seats: UnsafeBufferPointer<GraphProgram.Seat>
    let joints: UnsafeBufferPointer<JointLoss>
    let zeros: UnsafeBufferPointer<GraphValue>
    /// What follows the batch's rows without a gradient.
    let routings: UnsafeBufferPointer<RoutingNode>
    let lists: UnsafePointer<Int32>
    let gradientOffsets: UnsafeBufferPointer<Int>
    /// Pieces of all workers; worker w has `pieceStarts[w]..<pieceStarts[w + 1]`.
    let pieces: UnsafeBufferPointer<GraphPiece>
    let pieceStarts: UnsafeBufferPointer<Int>
    let penalties: UnsafeBufferPointer<GraphPenalty>
    let structures: UnsafeBufferPointer<StructureTerm>
    let reachesFeatures: Bool
    let tableStateOffset: Int

    var stages: Int { forwardStarts.count - 1 }
}

/// What the workers of one training step of a graph read: pointers and plans only.
package struct GraphRun<Scalar: BLASScalar> {
    let parameters: UnsafeMutablePointer<Scalar>
    let transposes: UnsafeMutablePointer<Scalar>
    let product: Product<Scalar>
    let barrier: WorkerPool.Barrier
    let workers: Int
    let tasks: Int
    let inputs: Int
    let inputWidth: Int
    let gathered: WorkspaceSlot
    let forwardElements: Int
    /// Rows of a tile's workspace, and its elements.
    let capacity: Int
    let tileElements: Int
    /// Whether every tile has a workspace of its own; else every worker has one.
    let keepsTiles: Bool
    let workspace: UnsafeMutablePointer<Scalar>
    /// Gradient vectors of the shards, one after the other; the first one takes the sum.
    let gradients: UnsafeMutablePointer<Scalar>
    let gradientStride: Int
    let state: UnsafeMutablePointer<Scalar>
    let stateStride: Int
    let scratch: UnsafeMutablePointer<Scalar>
    let scratchStride: Int
    let norms: UnsafeMutablePointer<Scalar>
    let sums: UnsafeMutablePointer<Double>
    let normWidth: Int
    let order: GraphRowOrder
    let tiles: UnsafeMutablePointer<GraphRowTile>
    /// Labels and weights in the step's order of rows, `[tasks, batchLimit]`.
    let labels: UnsafeMutablePointer<Scalar>
    let labelWeights: UnsafeMutablePointer<Scalar>
    let batchLimit: Int
    /// Per tile and task; joint losses behind the tasks.
    let partialLosses: UnsafeMutablePointer<Double>
    let partialCounts: UnsafeMutablePointer<Double>
    let partialRows: UnsafeMutablePointer<Int>
    let lossStride: Int
    /// Per shard and scenario whether it has rows.
    let presence: UnsafeMutablePointer<Bool>
    let shardIsUsed: UnsafeMutablePointer<Bool>
    let scenarios: Int
    /// Per piece its sum of squares, tables behind; the penalties' sum.
    let squares: UnsafeMutablePointer<Double>
    let pieceLimit: Int
    let penalty: UnsafeMutablePointer<Double>
    /// Per term of the structures its value, and the couplings' matrices.
    let structureValues: UnsafeMutablePointer<Double>
    let couplings: UnsafeMutablePointer<Double>
    let embedding: EmbeddingRun<Scalar>?
    let embedded: MatrixView<Scalar>

    var turn: GraphTurn
    var batch: BatchView<Scalar>?
    var update: Optimizer.Update<Scalar>?
    var undecayed: Optimizer.Update<Scalar>?
    var clipping = GradientClipping.none
    var tileCount = 0
    var shards = 1
    var dropoutKey: UInt64 = 0
    var isGrouped = false
    var countsLabels = false
    var skipsUnlabelled = false

    /// Whether gradients are looked at as a whole between their sum and the optimiser.
    var isSplit: Bool { clipping.isNorm || !turn.penalties.isEmpty || !turn.structures.isEmpty }

    // MARK: One worker's part of a step

    func run(worker: Int) {
        guard let batch else { return }
        if countsLabels {
            for tile in stride(from: worker, to: tileCount, by: workers) { countLabels(tile, batch) }
            barrier.wait()
        }
        if skipsUnlabelled && labelledRows(turn.seats[0].task, batch) == 0 { return }
        if let embedding, turn.reachesFeatures {
            embedding.number(batch, blockRows: Self.blockRows, worker: worker)
        }
        let last = turn.stages - 1
        for stage in 0..<last {
            sweep(batch, worker: worker, forward: stage..<stage + 1, backward: nil)
            barrier.wait()
            reduceMoments(stage, batch, worker: worker)
            barrier.wait()
        }
        for stage in (0...last).reversed() {
            sweep(batch, worker: worker, forward: stage == last ? last..<last + 1 : 0..<0, backward: stage)
            barrier.wait()
            guard stage > 0 else { break }
            reduceSlopes(stage - 1, batch, worker: worker)
            barrier.wait()
        }
        moveCentres(worker: worker)
        if isSplit {
            finishSplit(batch, worker: worker)
        } else {
            finish(batch, worker: worker)
        }
    }

    static var blockRows: Int { 64 }

    /// Takes this worker's shards through some stages forward, or one backward.
    private func sweep(
        _ batch: BatchView<Scalar>, worker: Int, forward: Range<Int>, backward: Int?
    ) {
        var scenario = -1
        for index in 0..<tileCount where tiles[index].shard % workers == worker {
            let row = tiles[index]
            let changes = row.scenario != scenario
            scenario = row.scenario
            let tile = self.tile(
                index, batch, worker: worker, refreshesForward: changes,
                refreshesBackward: changes && forward.isEmpty)
            for stage in forward {
                if stage == 0 { gather(row, batch, into: tile.features) }
                for node in turn.forward[turn.forwardStarts[stage]..<turn.forwardStarts[stage + 1]] {
                    node.forward(tile)
                }
                for norm in turn.norms[turn.normStarts[stage]..<turn.normStarts[stage + 1]] {
                    norm.measure(tile)
                }
            }
            guard let backward else { continue }
            if !forward.isEmpty { losses(index, tile, batch) }
            for node in turn.backward[turn.backwardStarts[backward]..<turn.backwardStarts[backward + 1]] {
                node.backward(tile)
            }
            if backward > 0 {
                let range = turn.gatherStarts[backward - 1]..<turn.gatherStarts[backward]
                for norm in turn.gathers[range] { norm.gather(tile) }
            }
            if backward == 0 && isGrouped && turn.reachesFeatures { scatterRows(row, tile.embedded) }
        }
    }

    private func tile(
        _ index: Int, _ batch: BatchView<Scalar>, worker: Int, refreshesForward: Bool,
        refreshesBackward: Bool
    ) -> GraphTile<Scalar> {
        let row = tiles[index]
        let base = workspace + (keepsTiles ? index : worker) * tileElements
        let isDirect = batch.indices == nil && embedding == nil && !isGrouped
        let features =
            isDirect
            ? batch.features.rows(batch.start + row.first..<batch.start + row.first + row.count)
            : MatrixView(base, rows: row.count, columns: inputWidth, stride: gathered.stride)
        let dx =
            isGrouped
            ? MatrixView(
                base + tileElements - capacity * embedded.stride, rows: row.count, columns: embedded.columns,
                stride: embedded.stride)
            : embedding == nil ? embedded : embedded.rows(row.first..<row.first + row.count)
        let normStride = normWidth * BatchNormNode.vectors
        return GraphTile(
            parameters: parameters, transposes: transposes,
            gradients: gradients + row.shard * gradientStride, workspace: base,
            forwardElements: forwardElements, gradientOffsets: turn.gradientOffsets, capacity: capacity,
            rows: row.count, features: features, embedded: dx, inputs: inputs, scenario: row.scenario,
            isFirst: row.isFirst,
            isFirstOfScenario: row.isFirstOfScenario, refreshesForward: refreshesForward,
            refreshesBackward: refreshesBackward, isTraining: true, dropoutKey: dropoutKey,
            positions: isGrouped ? UnsafePointer(order.positions) + row.first : nil, start: row.first,
            lists: turn.lists, scratch: scratch + worker * scratchStride,
            scenarioNorms: norms + (1 + row.scenario) * normStride, norms: norms,
            sums: sums + index * 2 * normWidth, product: product)
    }

    /// The rows of a tile in the dataset.
    func sourceRows(_ row: GraphRowTile, _ batch: BatchView<Scalar>) -> _SourceRows {
        isGrouped
            ? _SourceRows(count: row.count, indices: UnsafePointer(order.sources) + row.first, start: 0)
            : batch.sourceRows(row.first..<row.first + row.count)
    }

    private func gather(_ row: GraphRowTile, _ batch: BatchView<Scalar>, into x: MatrixView<Scalar>) {
        guard batch.indices != nil || embedding != nil || isGrouped else { return }
        let rows = sourceRows(row, batch)
        for index in 0..<row.count {
            (x.base + index * x.stride).update(
                from: batch.features.base + rows.source(index) * batch.features.stride, count: inputs)
        }
        embedding?.gather(
            batch, rows: rows, parameters: parameters, x: x.columns(inputs..<inputWidth),
            level: product.level)
    }

    /// The embedded features' gradient back in the batch's order of rows.
    private func scatterRows(_ row: GraphRowTile, _ dx: MatrixView<Scalar>) {
        for index in 0..<row.count {
            (embedded.base + Int(order.positions[row.first + index]) * embedded.stride).update(
                from: dx.base + index * dx.stride, count: dx.columns)
        }
    }

    // MARK: Batch norms and centres

    private func moveCentres(worker: Int) {
        guard update != nil else { return }
        var item = 0
        for node in turn.routings {
            for cluster in 0..<node.count {
                if item % workers == worker {
                    node.move(
                        cluster, tiles: tileCount, sums: sums, stride: 2 * normWidth, parameters: parameters)
                }
                item += 1
            }
        }
    }

    /// Rows of a norm's group in the batch.
    private func rows(_ scenario: Int, _ isPartitioned: Bool, _ batch: BatchView<Scalar>) -> Int {
        isPartitioned ? order.counts[scenario] : batch.rows
    }

    /// The tiles of a scenario (-1 for all), which are neighbours.
    private func tiles(of scenario: Int) -> Range<Int> {
        guard scenario >= 0 else { return 0..<tileCount }
        var first = 0
        while first < tileCount && tiles[first].scenario < scenario { first += 1 }
        var end = first
        while end < tileCount && tiles[end].scenario == scenario { end += 1 }
        return first..<end
    }

    private func reduceMoments(_ stage: Int, _ batch: BatchView<Scalar>, worker: Int) {
        forEachGroup(turn.norms, turn.normStarts[stage]..<turn.normStarts[stage + 1], worker) { norm, group in
            let count = rows(group, norm.isPartitioned, batch)
            guard count > 0 else { return }
            let target = norms + (norm.isPartitioned ? 1 + group : 0) * normWidth * BatchNormNode.vectors
            let its = tiles(of: norm.isPartitioned ? group : -1)
            for column in 0..<norm.x.width {
                // Chan's sum of partial moments, in the order of the tiles.
                var (seen, mean, squares) = (0.0, 0.0, 0.0)
                for index in its {
                    let own = sums + index * 2 * normWidth
                    let size = Double(tiles[index].count)
                    let delta = norm.sums(own, 0)[column] - mean
                    mean += delta * size / (seen + size)
                    squares += norm.sums(own, 1)[column] + delta * delta * seen * size / (seen + size)
                    seen += size
                }
                let variance = squares / seen
                norm.set(
                    column, mean: mean, variance: variance, scenario: group, parameters: parameters,
                    norms: target)
                guard update != nil else { continue }
                let own = norm.isPartitioned ? group * norm.width : 0
                move(norm.movingMean + own + column, to: mean, by: norm.momentum)
                if count > 1 {
                    move(norm.movingVariance + own + column, to: squares / (seen - 1), by: norm.momentum)
                }
            }
        }
    }

    private func move(_ index: Int, to value: Double, by momentum: Double) {
        parameters[index] = Scalar(Double(parameters[index]) * (1 - momentum) + value * momentum)
    }

    private func reduceSlopes(_ stage: Int, _ batch: BatchView<Scalar>, worker: Int) {
        forEachGroup(turn.gathers, turn.gatherStarts[stage]..<turn.gatherStarts[stage + 1], worker) {
            norm, group in
            let count = rows(group, norm.isPartitioned, batch)
            guard count > 0 else { return }
            let target = norms + (norm.isPartitioned ? 1 + group : 0) * normWidth * BatchNormNode.vectors
            let its = tiles(of: norm.isPartitioned ? group : -1)
            for column in 0..<norm.x.width {
                var (slope, dot) = (0.0, 0.0)
                for index in its {
                    let own = sums + index * 2 * normWidth
                    slope += norm.sums(own, 0)[column]
                    dot += norm.sums(own, 1)[column]
                }
                norm.vector(4, of: target)[column] = Scalar(slope / Double(count))
                norm.vector(5, of: target)[column] = Scalar(dot / Double(count))
            }
        }
    }

    @inline(__always)
    private func forEachGroup(
        _ list: UnsafeBufferPointer<BatchNormNode>, _ range: Range<Int>, _ worker: Int,
        _ body: (BatchNormNode, Int) -> Void
    ) {
        var item = 0
        for index in range {
            for group in 0..<(list[index].isPartitioned ? scenarios : 1) {
                if item % workers == worker { body(list[index], group) }
                item += 1
            }
        }
    }
}
