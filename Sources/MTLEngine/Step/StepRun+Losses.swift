#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Labels, losses and their gradients in the logits.
extension StepRun {
    /// The rows of a tile's blocks, and each block's place among the partial sums.
    @inline(__always)
    func forEachBlock(_ row: RowTile, _ body: (_ block: Int, _ rows: Range<Int>) -> Void) {
        var (block, start) = (row.block, 0)
        while start < row.count {
            body(block, start..<min(start + blockRows, row.count))
            block += 1
            start += blockRows
        }
    }

    /// Labels of a tile in the step's order, and how many there are.
    func countLabels(_ index: Int, _ batch: BatchView<Scalar>) {
        let row = tiles[index]
        gatherLabels(row, batch)
        let source = sourceRows(row, batch)
        for loss in turn.losses {
            let column = labels + loss.task * batchLimit + row.first
            let weights = labelWeights + loss.task * batchLimit + row.first
            forEachBlock(row) { block, rows in
                let cell = block * lossStride + loss.task
                partialRows[cell] = Scalar._countLabelled(
                    level: product.level, rows: rows.count, labels: column + rows.lowerBound, stride: 1)
                partialCounts[cell] = Double(partialRows[cell])
                guard let given = batch.labelWeights else { return }
                var total = 0.0
                for place in rows {
                    weights[place] =
                        given[source.source(place) * batch.labelStride + batch.labelColumns[loss.task]]
                    if !column[place].isNaN { total += Double(weights[place]) }
                }
                partialCounts[cell] = total
            }
        }
        for (number, joint) in turn.joints.enumerated() {
            guard case .counterfactual(let loss) = joint else { continue }
            func column(_ task: Int) -> Int { task * batchLimit + row.first }
            forEachBlock(row) { block, rows in
                var total = 0.0
                for place in rows
                where CounterfactualLoss.isKnown(
                    outcome: labels[column(loss.outcome) + place],
                    observed: labels[column(loss.observed) + place])
                {
                    total +=
                        batch.labelWeights == nil
                        ? 1 : Double(labelWeights[column(loss.observed) + place])
                }
                partialCounts[block * lossStride + tasks + number] = total
            }
        }
    }

    private func gatherLabels(_ row: RowTile, _ batch: BatchView<Scalar>) {
        let rows = sourceRows(row, batch)
        for loss in turn.losses {
            let target = labels + loss.task * batchLimit + row.first
            let source = batch.labels + batch.labelColumns[loss.task]
            for place in 0..<row.count { target[place] = source[rows.source(place) * batch.labelStride] }
            if !loss.labelScale.isIdentity {
                for place in 0..<row.count {
                    target[place] = Scalar(loss.labelScale.encode(Double(target[place])))
                }
            }
            guard loss.teacherWeight > 0 else { continue }
            let taught = batch.labelColumns[tasks + loss.task]
            guard taught >= 0 else { continue }
            for place in 0..<row.count {
                let value = batch.labels[rows.source(place) * batch.labelStride + taught]
                target[place] = Teacher.mix(
                    target[place],
                    loss.labelScale.isIdentity ? value : Scalar(loss.labelScale.encode(Double(value))),
                    Scalar(loss.teacherWeight))
            }
        }
    }

    /// Whether the batch has a label of a task that has not stopped.
    func learns(_ task: Int, _ batch: BatchView<Scalar>) -> Bool {
        !stopped.isStopped[task] && labelledRows(task, batch) > 0
    }

    func labelledRows(_ task: Int, _ batch: BatchView<Scalar>) -> Int {
        guard countsLabels else { return batch.rows }
        var count = 0
        for block in 0..<blockCount { count += partialRows[block * lossStride + task] }
        return count
    }

    /// What a task's summed loss is divided by, or that of a joint loss (`tasks` + its number) which labels tell of: the rows with
    /// labels, or their weight.
    func labelledWeight(_ column: Int, _ batch: BatchView<Scalar>) -> Double {
        guard countsLabels else { return Double(batch.rows) }
        var weight = 0.0
        for block in 0..<blockCount { weight += partialCounts[block * lossStride + column] }
        return weight
    }

    /// What multiplies a task's own loss beside its weight: the share that no ranking has, and where it is known before the batch
    /// what the tasks are weighed by.
    private func factor(of loss: Program.TaskLoss) -> Double {
        let share = 1 - (loss.ranking?.share ?? 0)
        return weighsBefore ? share * balance.weights[loss.task] : share
    }

    /// The losses of a tile, block by block, and their gradient in the logits.
    ///
    /// - Parameter sums: where the sums go: the partial losses, or a copy of them.
    func losses(
        _ index: Int, _ tile: BackwardTile<Scalar>, _ batch: BatchView<Scalar>,
        into sums: UnsafeMutablePointer<Double>
    ) {
        let row = tiles[index]
        // Where nothing moves or counts the labels, they are read where they lie.
        let isDirect =
            !countsLabels && !isGrouped && batch.indices == nil && turn.joints.isEmpty && !turn.scalesLabels
        if !countsLabels && !isDirect { gatherLabels(row, batch) }
        for loss in turn.losses {
            let labelled = labelledWeight(loss.task, batch)
            let scale =
                labelled > 0 && !stopped.isStopped[loss.task]
                ? Scalar(factor(of: loss) * loss.weight / labelled) : 0
            let (logits, gradient) = (tile.view(loss.logits), tile.gradient(loss.logits))
            let first = batch.labels + (batch.start + row.first) * batch.labelStride
            let column =
                isDirect
                ? first + batch.labelColumns[loss.task]
                : UnsafePointer(labels) + loss.task * batchLimit + row.first
            let stride = isDirect ? batch.labelStride : 1
            let weights = labelWeights + loss.task * batchLimit + row.first
            if let contexts = loss.contexts { Node.zero(contexts).backward(tile) }
            forEachBlock(row) { block, rows in
                let cell = block * lossStride + loss.task
                let (z, d) = (logits.rows(rows), gradient.rows(rows))
                if loss.f1 != nil {
                    count(
                        loss.task, block: block, z, labels: column + rows.lowerBound * stride, stride: stride,
                        weights: batch.labelWeights == nil ? nil : UnsafePointer(weights + rows.lowerBound))
                }
                guard batch.labelWeights != nil else {
                    sums[cell] = loss.kind.loss(
                        z, labels: column + rows.lowerBound * stride, labelStride: stride, scale: scale,
                        form: loss.form, classWeights: turn.classWeights.baseAddress, gradient: d,
                        level: product.level)
                    return
                }
                var sum = 0.0
                for place in 0..<z.rows {
                    let weight = weights[rows.lowerBound + place]
                    sum +=
                        Double(weight)
                        * loss.kind.loss(
                            z.rows(place..<place + 1), labels: column + rows.lowerBound + place,
                            labelStride: 1, scale: scale * weight, form: loss.form,
                            classWeights: turn.classWeights.baseAddress,
                            gradient: d.rows(place..<place + 1), level: product.level)
                }
                sums[cell] = sum
            }
        }
    }

    /// The losses of a tile beside the tasks' own; their gradient is added to the logits'.
    func jointLosses(
        _ index: Int, _ tile: BackwardTile<Scalar>, _ batch: BatchView<Scalar>,
        into sums: UnsafeMutablePointer<Double>
    ) {
        let row = tiles[index]
        for value in turn.zeros { Node.zero(value).backward(tile) }
        for number in turn.joints.indices {
            forEachBlock(row) { block, rows in
                sums[block * lossStride + tasks + number] = loss(number, rows, row, tile, batch)
            }
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

    /// A joint loss over some rows of a tile, already weighted; its gradient is added to the logits'.
    private func loss(
        _ number: Int, _ rows: Range<Int>, _ tileRow: RowTile, _ tile: BackwardTile<Scalar>,
        _ batch: BatchView<Scalar>
    ) -> Double {
        switch turn.joints[number] {
        case .order(let later, let earlier, let weight, let scenarios):
            if let scenarios, turn.lists[scenarios + tile.scenario] == 0 { return 0 }
            let (a, b) = (tile.view(later), tile.view(earlier))
            let (da, db) = (tile.gradient(later), tile.gradient(earlier))
            let scale = weight / Double(orderedRows(scenarios, batch))
            var sum = 0.0
            for row in rows {
                let p = 1 / (1 + exp(-Double(a.base[row * a.stride])))
                let q = 1 / (1 + exp(-Double(b.base[row * b.stride])))
                guard p > q else { continue }
                sum += p - q
                da.base[row * da.stride] += Scalar(scale * p * (1 - p))
                db.base[row * db.stride] -= Scalar(scale * q * (1 - q))
            }
            return scale * sum
        case .counterfactual(let loss):
            let first = tileRow.first + rows.lowerBound
            let known = labelledWeight(tasks + number, batch)
            guard known > 0 else { return 0 }
            func column(_ task: Int) -> UnsafePointer<Scalar> {
                UnsafePointer(labels + task * batchLimit + first)
            }
            return loss.add(
                tile, rows, outcomes: column(loss.outcome), observed: column(loss.observed),
                weights: batch.labelWeights == nil
                    ? nil : UnsafePointer(labelWeights + loss.observed * batchLimit + first),
                scale: loss.weight / known)
        case .selection(let selectors, let count, let entropy, let reach, let task):
            guard !stopped.isStopped[task] else { return 0 }
            return _selectionLoss(
                tile.view(selectors).rows(rows), gradient: tile.gradient(selectors).rows(rows), count: count,
                entropy: entropy,
                reach: reach, scale: 1 / Double(batch.rows))
        }
    }
}

extension StepRun {
    /// The loss of a task: the mean over its labelled rows and the members, with its share of a ranking.
    func taskLoss(_ loss: Program.TaskLoss, _ batch: BatchView<Scalar>) -> Double {
        var sum = partialSum(loss.task) / Double(max(1, turn.members))
        if let beta = loss.f1 {
            let counted = counted(loss.task)
            sum += (counted.weight(beta: beta) - 1) * counted.negativeLoss
        }
        let own = meanLoss(sum, labelledWeight(loss.task, batch))
        guard let ranking = loss.ranking else { return own }
        return (1 - ranking.share) * own + ranking.share * (rankings.mean(loss.task) ?? 0)
    }

    /// The sum of a column of the partial losses, over the blocks of rows and the members.
    func partialSum(_ column: Int) -> Double {
        var sum = 0.0
        for member in 0..<max(1, turn.members) {
            let partials = partialLosses + member * memberStride + column
            for block in 0..<blockCount { sum += partials[block * lossStride] }
        }
        return sum
    }
}

/// The mean of a loss over labelled rows (their number, or their weight): NaN where there is none, infinite where
/// the sum is no number.
package func meanLoss(_ sum: Double, _ labelled: Double) -> Double {
    guard labelled > 0 else { return .nan }
    return sum.isNaN ? .infinity : sum / labelled
}
