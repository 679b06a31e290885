#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Labels, losses and their gradients in the logits.
extension GraphRun {
    /// Labels of a tile in the step's order, and how many there are.
    func countLabels(_ index: Int, _ batch: BatchView<Scalar>) {
        let row = tiles[index]
        gatherLabels(row, batch)
        for seat in turn.seats {
            let cell = index * lossStride + seat.task
            let column = labels + seat.task * batchLimit + row.first
            partialRows[cell] = Scalar._countLabelled(
                level: product.level, rows: row.count, labels: column, stride: 1)
            partialCounts[cell] = Double(partialRows[cell])
            guard let source = batch.labelWeights else { continue }
            let rows = sourceRows(row, batch)
            let weights = labelWeights + seat.task * batchLimit + row.first
            var total = 0.0
            for place in 0..<row.count {
                weights[place] =
                    source[rows.source(place) * batch.labelStride + batch.labelColumns[seat.task]]
                if !column[place].isNaN { total += Double(weights[place]) }
            }
            partialCounts[cell] = total
        }
    }

    private func gatherLabels(_ row: GraphRowTile, _ batch: BatchView<Scalar>) {
        let rows = sourceRows(row, batch)
        for seat in turn.seats {
            let target = labels + seat.task * batchLimit + row.first
            let source = batch.labels + batch.labelColumns[seat.task]
            for place in 0..<row.count { target[place] = source[rows.source(place) * batch.labelStride] }
        }
    }

    func labelledRows(_ task: Int, _ batch: BatchView<Scalar>) -> Int {
        guard countsLabels else { return batch.rows }
        var count = 0
        for index in 0..<tileCount { count += partialRows[index * lossStride + task] }
        return count
    }

    /// What a task's summed loss is divided by: its labelled rows, or their weight.
    func labelledWeight(_ task: Int, _ batch: BatchView<Scalar>) -> Double {
        guard countsLabels else { return Double(batch.rows) }
        var weight = 0.0
        for index in 0..<tileCount { weight += partialCounts[index * lossStride + task] }
        return weight
    }

    /// The losses of a tile, and their gradient in the logits.
    func losses(_ index: Int, _ tile: GraphTile<Scalar>, _ batch: BatchView<Scalar>) {
        let row = tiles[index]
        if !countsLabels { gatherLabels(row, batch) }
        for seat in turn.seats {
            let labelled = labelledWeight(seat.task, batch)
            let scale = labelled > 0 ? Scalar(seat.weight / labelled) : 0
            let (z, d) = (tile.view(seat.logits), tile.gradient(seat.logits))
            let column = labels + seat.task * batchLimit + row.first
            let cell = index * lossStride + seat.task
            guard batch.labelWeights != nil else {
                partialLosses[cell] = seat.kind.loss(
                    z, labels: column, labelStride: 1, scale: scale, gradient: d, level: product.level)
                continue
            }
            let weights = labelWeights + seat.task * batchLimit + row.first
            var sum = 0.0
            for place in 0..<row.count {
                sum +=
                    Double(weights[place])
                    * seat.kind.loss(
                        z.rows(place..<place + 1), labels: column + place, labelStride: 1,
                        scale: scale * weights[place], gradient: d.rows(place..<place + 1),
                        level: product.level)
            }
            partialLosses[cell] = sum
        }
        for value in turn.zeros { GraphNode.zero(value).backward(tile) }
        for (number, joint) in turn.joints.enumerated() {
            partialLosses[index * lossStride + tasks + number] = loss(joint, index, tile, batch)
        }
    }

    /// Rows of the batch whose scenario is flagged among the lists, or all.
    private func orderedRows(_ flags: Int?, _ batch: BatchView<Scalar>) -> Int {
        guard let flags else { return batch.rows }
        var count = 0
        for scenario in 0..<scenarios where turn.lists[flags + scenario] == 1 {
            count += order.counts[scenario]
        }
        return count
    }

    /// A joint loss over a tile, already weighted; its gradient is added to the logits'.
    private func loss(
        _ joint: JointLoss, _ index: Int, _ tile: GraphTile<Scalar>, _ batch: BatchView<Scalar>
    ) -> Double {
        switch joint {
        case .order(let later, let earlier, let weight, let scenarios):
            if let scenarios, turn.lists[scenarios + tile.scenario] == 0 { return 0 }
            let (a, b) = (tile.view(later), tile.view(earlier))
            let (da, db) = (tile.gradient(later), tile.gradient(earlier))
            let scale = weight / Double(orderedRows(scenarios, batch))
            var sum = 0.0
            for row in 0..<tile.rows {
                let p = 1 / (1 + exp(-Double(a.base[row * a.stride])))
                let q = 1 / (1 + exp(-Double(b.base[row * b.stride])))
                guard p > q else { continue }
                sum += p - q
                da.base[row * da.stride] += Scalar(scale * p * (1 - p))
                db.base[row * db.stride] -= Scalar(scale * q * (1 - q))
            }
            return scale * sum
        case .counterfactual(let loss):
            let first = tiles[index].first
            let known = labelledWeight(loss.observed, batch)
            guard known > 0 else { return 0 }
            func column(_ task: Int) -> UnsafePointer<Scalar> {
                UnsafePointer(labels + task * batchLimit + first)
            }
            return loss.add(
                tile, outcomes: column(loss.outcome), observed: column(loss.observed),
                weights: batch.labelWeights == nil
                    ? nil : UnsafePointer(labelWeights + loss.observed * batchLimit + first),
                scale: loss.weight / known)
        case .selection(let selectors, let count, let entropy, let reach, _):
            return _selectionLoss(
                tile.view(selectors), gradient: tile.gradient(selectors), count: count, entropy: entropy,
                reach: reach, scale: 1 / Double(batch.rows))
        }
    }
}
