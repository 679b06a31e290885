#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What ranking losses keep of a step: per task and part of the batch the weight of what is compared, and the sum of its losses.
package struct RankingSums {
    /// Groups are dealt to so many parts, by their first rows: no sum depends on the workers.
    static var parts: Int { 16 }

    let weights: UnsafeMutablePointer<Double>
    let losses: UnsafeMutablePointer<Double>
    /// Per row of the batch its place in the step's order, where that is another.
    let places: UnsafeMutablePointer<Int32>

    /// What all parts together compare of a task.
    func weight(_ task: Int) -> Double { Self.sum(weights, task) }

    /// The mean loss of a task; nil where nothing is compared.
    func mean(_ task: Int) -> Double? {
        let weight = weight(task)
        return weight > 0 ? Self.sum(losses, task) / weight : nil
    }

    private static func sum(_ values: UnsafeMutablePointer<Double>, _ task: Int) -> Double {
        var sum = 0.0
        for part in 0..<parts { sum += values[task * parts + part] }
        return sum
    }
}

/// What they point at.
final class RankingMemory {
    let run: RankingSums
    private let numbers: AlignedStorage<Double>
    private let places: AlignedStorage<Int32>

    /// Takes nothing where no loss compares rows.
    init(_ plan: ModelPlan, tasks: Int, rows: Int) {
        let count = plan.ranks ? tasks * RankingSums.parts : 0
        numbers = AlignedStorage(zeroed: 2 * count)
        places = AlignedStorage(zeroed: plan.ranks && plan.usesScenarios ? rows : 0)
        run = RankingSums(weights: numbers.base, losses: numbers.base + count, places: places.base)
    }
}

/// Losses between the rows of a group: they need the logits of all of them, so that the rows meet between forward and backward.
extension StepRun {
    /// Which of the worker's groups have something to compare.
    func weighRanked(_ batch: BatchView<Scalar>, worker: Int) {
        for loss in turn.losses {
            guard let ranking = loss.ranking else { continue }
            for part in stride(from: worker, to: RankingSums.parts, by: workers) {
                var weight = 0.0
                forEachRankedGroup(part, batch) { rows in
                    let (positive, negative) = sides(rows, loss.task, batch)
                    switch ranking.kind {
                    case .pairwise: weight += positive * negative
                    case .listwise: weight += positive > 0 && negative > 0 ? 1 : 0
                    case .jrc: weight += positive + negative
                    }
                }
                rankings.weights[loss.task * RankingSums.parts + part] = weight
            }
        }
    }

    /// The ranking losses of the worker's groups; their gradient is added to the logits'.
    func rank(_ chunk: BackwardTile<Scalar>, _ batch: BatchView<Scalar>, worker: Int) {
        for loss in turn.losses {
            guard let ranking = loss.ranking else { continue }
            let total = rankings.weight(loss.task)
            let isLearned = total > 0 && !stopped.isStopped[loss.task]
            let weight = weighsBefore ? balance.weights[loss.task] : 1
            let scale = isLearned ? weight * loss.weight * ranking.share / total : 0
            let logits = loss.contexts ?? loss.logits
            let (z, d) = (chunk.view(logits), chunk.gradient(logits))
            for part in stride(from: worker, to: RankingSums.parts, by: workers) {
                var sum = 0.0
                forEachRankedGroup(part, batch) { rows in
                    switch ranking.kind {
                    case .pairwise: sum += pairLosses(rows, loss.task, batch, z, d, scale)
                    case .listwise: sum += listLoss(rows, loss.task, batch, z, d, scale)
                    case .jrc: sum += contextLoss(rows, loss.task, batch, z, d, scale)
                    }
                }
                rankings.losses[loss.task * RankingSums.parts + part] = sum
            }
        }
    }

    private func pairLosses(
        _ rows: Range<Int>, _ task: Int, _ batch: BatchView<Scalar>, _ z: MatrixView<Scalar>,
        _ d: MatrixView<Scalar>, _ scale: Double
    ) -> Double {
        var sum = 0.0
        for first in rows where label(first, task, batch) == 1 {
            let (own, upper) = (weight(first, task, batch), place(first))
            for second in rows where label(second, task, batch) == 0 {
                let (both, lower) = (own * weight(second, task, batch), place(second))
                let x = Double(z.base[lower * z.stride]) - Double(z.base[upper * z.stride])
                sum += both * (max(x, 0) + log1p(exp(-abs(x))))
                let slope = Scalar(scale * both / (1 + exp(-x)))
                d.base[upper * d.stride] -= slope
                d.base[lower * d.stride] += slope
            }
        }
        return sum
    }

    private func listLoss(
        _ rows: Range<Int>, _ task: Int, _ batch: BatchView<Scalar>, _ z: MatrixView<Scalar>,
        _ d: MatrixView<Scalar>, _ scale: Double
    ) -> Double {
        let (positive, negative) = sides(rows, task, batch)
        guard positive > 0, negative > 0 else { return 0 }
        var (most, total, sum) = (-Double.infinity, 0.0, 0.0)
        func logit(_ row: Int) -> Double { Double(z.base[place(row) * z.stride]) }
        for row in rows where !label(row, task, batch).isNaN { most = max(most, logit(row)) }
        for row in rows where !label(row, task, batch).isNaN { total += exp(logit(row) - most) }
        for row in rows {
            let label = label(row, task, batch)
            guard !label.isNaN else { continue }
            let share = label == 1 ? weight(row, task, batch) / positive : 0
            let centred = logit(row) - most
            sum -= share * (centred - log(total))
            d.base[place(row) * d.stride] += Scalar(scale * (exp(centred) / total - share))
        }
        return sum
    }

    private func contextLoss(
        _ rows: Range<Int>, _ task: Int, _ batch: BatchView<Scalar>, _ z: MatrixView<Scalar>,
        _ d: MatrixView<Scalar>, _ scale: Double
    ) -> Double {
        let (positive, negative) = sides(rows, task, batch)
        var sum = 0.0
        for side in 0...1 {
            let own = side == 1 ? positive : negative
            var (most, total) = (-Double.infinity, 0.0)
            func logit(_ row: Int) -> Double { Double(z.base[place(row) * z.stride + side]) }
            for row in rows where !label(row, task, batch).isNaN { most = max(most, logit(row)) }
            for row in rows where !label(row, task, batch).isNaN { total += exp(logit(row) - most) }
            for row in rows {
                let label = label(row, task, batch)
                guard !label.isNaN else { continue }
                let share = label == Scalar(side) ? weight(row, task, batch) : 0
                let centred = logit(row) - most
                sum -= share * (centred - log(total))
                d.base[place(row) * d.stride + side] += Scalar(scale * (own * exp(centred) / total - share))
            }
        }
        return sum
    }

    // MARK: Rows

    /// The groups of a part: neighbouring rows of the batch of one group; a negative number is no group.
    private func forEachRankedGroup(
        _ part: Int, _ batch: BatchView<Scalar>, _ body: (Range<Int>) -> Void
    ) {
        guard let groups = batch.groups else { return }
        func group(_ row: Int) -> Int32 { groups[batch.sourceRow(row)] }
        func continues(_ row: Int) -> Bool { row > 0 && group(row) >= 0 && group(row) == group(row - 1) }
        var row = part * batch.rows / RankingSums.parts
        let end = (part + 1) * batch.rows / RankingSums.parts
        while row < end, continues(row) { row += 1 }
        while row < end {
            let first = row
            row += 1
            while row < batch.rows, continues(row) { row += 1 }
            if row - first > 1 { body(first..<row) }
        }
    }

    /// The weight of the rows with label 1, and of those with 0.
    private func sides(
        _ rows: Range<Int>, _ task: Int, _ batch: BatchView<Scalar>
    ) -> (positive: Double, negative: Double) {
        var (positive, negative) = (0.0, 0.0)
        for row in rows {
            switch label(row, task, batch) {
            case 1: positive += weight(row, task, batch)
            case 0: negative += weight(row, task, batch)
            default: break
            }
        }
        return (positive, negative)
    }

    @inline(__always)
    private func label(_ row: Int, _ task: Int, _ batch: BatchView<Scalar>) -> Scalar {
        batch.labels[batch.sourceRow(row) * batch.labelStride + batch.labelColumns[task]]
    }

    @inline(__always)
    private func weight(_ row: Int, _ task: Int, _ batch: BatchView<Scalar>) -> Double {
        guard let weights = batch.labelWeights else { return 1 }
        return Double(weights[batch.sourceRow(row) * batch.labelStride + batch.labelColumns[task]])
    }

    @inline(__always)
    private func place(_ row: Int) -> Int { isGrouped ? Int(rankings.places[row]) : row }
}
