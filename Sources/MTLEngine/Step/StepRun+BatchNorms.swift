/// What batch norms and clusters' centres take from all rows of a batch.
extension StepRun {

    /// A round of routing moves each cluster's centre.
    func moveCentres(_ stage: Int, worker: Int) {
        guard update != nil else { return }
        var item = 0
        for node in turn.rounds[turn.roundStarts[stage]..<turn.roundStarts[stage + 1]] {
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

    func reduceMoments(_ stage: Int, _ batch: BatchView<Scalar>, worker: Int) {
        forEachGroup(turn.norms, turn.normStarts[stage]..<turn.normStarts[stage + 1], worker) { norm, group in
            let count = rows(group, norm.isPartitioned, batch)
            guard count > 0 else { return }
            let target = norms + (norm.isPartitioned ? 1 + group : 0) * normWidth * BatchNormNode.vectors
            let its = tiles(of: norm.isPartitioned ? group : -1)
            let isMoving = norm.usesMoving(rows: count, scenario: group, parameters: parameters)
            let share = norm.share(rows: count, scenario: group, parameters: parameters)
            let own = norm.isPartitioned ? group * norm.width : 0
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
                let places = (
                    mean: norm.movingMean + own + column, variance: norm.movingVariance + own + column
                )
                norm.set(
                    column, mean: isMoving ? Double(parameters[places.mean]) : mean,
                    variance: isMoving ? Double(parameters[places.variance]) : squares / seen,
                    isOfBatch: !isMoving, scenario: group, parameters: parameters, norms: target)
                guard update != nil else { continue }
                if norm.isPartitioned, count < BatchNormNode.fewRows {
                    pool(places, mean: mean, variance: squares / seen, share: share)
                } else {
                    move(places.mean, to: mean, by: share)
                    if count > 1 { move(places.variance, to: squares / (seen - 1), by: share) }
                }
            }
            if update != nil { norm.count(rows: count, scenario: group, parameters: parameters) }
        }
    }

    /// Moves the statistics to those of all rows so far and some more, of which they take a share: unlike the rows' own variance,
    /// that of all counts how far apart the means lie, so that rows one by one have one.
    private func pool(
        _ places: (mean: Int, variance: Int), mean: Double, variance: Double, share: Double
    ) {
        let distance = mean - Double(parameters[places.mean])
        parameters[places.mean] = Scalar(Double(parameters[places.mean]) + share * distance)
        let old = share < 1 ? Double(parameters[places.variance]) + share * distance * distance : 0
        parameters[places.variance] = Scalar((1 - share) * old + share * variance)
    }

    private func move(_ index: Int, to value: Double, by momentum: Double) {
        parameters[index] = Scalar(Double(parameters[index]) * (1 - momentum) + value * momentum)
    }

    func reduceSlopes(_ stage: Int, _ batch: BatchView<Scalar>, worker: Int) {
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
                // Moving statistics are constants: nothing of dy goes through them.
                let isOfBatch = norm.vector(6, of: target)[column]
                norm.vector(4, of: target)[column] = isOfBatch * Scalar(slope / Double(count))
                norm.vector(5, of: target)[column] = isOfBatch * Scalar(dot / Double(count))
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
