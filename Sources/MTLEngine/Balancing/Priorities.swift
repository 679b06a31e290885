// Tasks in the order of their importance: each is trained as far as those above it stay as good as they were.

extension BalancerMemory {
    // MARK: Rows: the smoothed loss and whether there is one, the epoch's sum and count, the least mean of an epoch, the multiplier

    /// Multipliers stay below this: weights beside them are 0 in every respect, and stay numbers.
    private static var largestMultiplier: Double { 1e6 }

    /// Which place of the order is trained now, the ones above it being held.
    private func place(_ phase: Int, epoch: Int) -> Double { Double(min(epoch / phase, taskCount - 1)) }

    func weighByPriorities(_ phase: Int) {
        let (current, multipliers) = (place(phase, epoch: epoch), row(5))
        var sum = 1.0
        for index in 0..<problem.size {
            let task = present.base[index]
            let isHeld = options.base[task] < current
            problem.weights[index] = isHeld ? multipliers[task] : options.base[task] == current ? 1 : 0
            if isHeld { sum += multipliers[task] }
        }
        // The step's length stays that of one task, however high the multipliers are.
        for index in 0..<problem.size { problem.weights[index] /= sum }
    }

    func learnMultipliers(
        _ losses: UnsafePointer<Double>, phase: Int, rate: Double, momentum: Double
    ) {
        let (smoothed, known, multipliers) = (row(0), row(1), row(5))
        let (best, current) = (row(4), place(phase, epoch: epoch))
        addLosses(losses, sum: row(2), count: row(3))
        for task in 0..<taskCount where losses[task].isFinite {
            let loss = min(1e150, max(-1e150, losses[task]))
            smoothed[task] = known[task] > 0 ? momentum * smoothed[task] + (1 - momentum) * loss : loss
            known[task] = 1
            guard options.base[task] < current, best[task] > 0 else { continue }
            // Over the bound, so that a rate means the same whatever a loss is measured in; a spike counts as twice the bound.
            let excess = smoothed[task] / ((1 + tolerances.base[task]) * best[task]) - 1
            let next = multipliers[task] + rate * min(1, max(-1, excess))
            multipliers[task] = min(Self.largestMultiplier, max(0, next))
        }
    }

    func endPrioritiesEpoch(_ phase: Int) {
        let (sum, count, best, multipliers) = (row(2), row(3), row(4), row(5))
        let (current, next) = (place(phase, epoch: epoch), place(phase, epoch: epoch + 1))
        for task in 0..<taskCount {
            if count[task] > 0, options.base[task] <= current {
                // Of all rows: a mean of fewer would be lowest where its rows happen to be easy ones.
                let mean = max(leastLoss, sum[task] / count[task])
                best[task] = best[task] > 0 ? min(best[task], mean) : mean
            }
            (sum[task], count[task]) = (0, 0)
            // A task that was trained alone begins its time above others as good as the next one.
            if options.base[task] == current, next > current { multipliers[task] = 1 }
        }
    }
}
