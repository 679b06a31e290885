// Weights that follow from the losses or from the epoch by a formula.
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A loss that is divided by, or whose logarithm is taken, is at least this.
let leastLoss = 1e-8

extension BalancerMemory {
    func weighByDecay() {
        for index in 0..<problem.size {
            problem.weights[index] = pow(options.base[present.base[index]], Double(epoch))
        }
    }

    func weighAtRandom() {
        var generator = generator
        let (all, logits) = (problem.vector(1), problem.vector(2))
        // Every task draws, so that a task's absence changes no other's number.
        for task in 0..<taskCount { all[task] = generator.normal() }
        for index in 0..<problem.size { logits[index] = all[present.base[index]] }
        problem.softmax(logits)
    }

    func weighByInverseLosses(_ temperature: Double) {
        let logits = problem.vector(1)
        for index in 0..<problem.size { logits[index] = 1 / max(losses[index], leastLoss) / temperature }
        problem.softmax(logits)
    }

    func weighByGeometricMean() {
        var mean = 0.0
        for index in 0..<problem.size { mean += log(max(losses[index], leastLoss)) }
        mean /= Double(problem.size)
        for index in 0..<problem.size {
            problem.weights[index] =
                exp(mean - log(max(losses[index], leastLoss))) / Double(problem.size)
        }
    }

    // MARK: DWA: rows are the epoch's sum and count, the means before it, and how many of those there are

    func weighByDescent(_ temperature: Double) {
        let (newer, older, known, logits) = (row(2), row(3), row(4), problem.vector(1))
        for index in 0..<problem.size {
            let task = present.base[index]
            let ratio = known[task] > 1 && older[task] != 0 ? newer[task] / older[task] : 1
            logits[index] = min(1e9, max(-1e9, ratio)) / temperature
        }
        problem.softmax(logits, mass: Double(problem.size))
    }

    func endDescentEpoch() {
        let (sum, count, newer, older, known) = (row(0), row(1), row(2), row(3), row(4))
        for task in 0..<taskCount where count[task] > 0 {
            older[task] = newer[task]
            newer[task] = sum[task] / count[task]
            known[task] = min(2, known[task] + 1)
            (sum[task], count[task]) = (0, 0)
        }
    }

    /// Adds the losses that there are.
    func addLosses(_ losses: UnsafePointer<Double>, sum: Numbers, count: Numbers) {
        for task in 0..<taskCount where losses[task].isFinite && (sum[task] + losses[task]).isFinite {
            sum[task] += losses[task]
            count[task] += 1
        }
    }

    /// Keeps the mean of those tasks that have none yet, which is the mark of it: a mean of 0 becomes the least loss.
    func keepMeans(sum: Numbers, count: Numbers, in means: Numbers) {
        for task in 0..<taskCount where count[task] > 0 {
            if means[task] == 0 { means[task] = max(leastLoss, sum[task] / count[task]) }
            (sum[task], count[task]) = (0, 0)
        }
    }

    // MARK: DTP: the average and whether there is one

    func weighByDifficulty(_ focusing: Double) {
        let (average, known) = (row(0), row(1))
        for index in 0..<problem.size {
            let task = present.base[index]
            let quality = min(1, max(1e-6, average[task]))
            problem.weights[index] = known[task] > 0 ? -pow(1 - quality, focusing) * log(quality) : 1
        }
    }

    func learnDifficulty(_ indicators: UnsafePointer<Double>, _ momentum: Double) {
        let (average, known) = (row(0), row(1))
        for task in 0..<taskCount where indicators[task].isFinite {
            average[task] =
                known[task] > 0
                ? momentum * average[task] + (1 - momentum) * indicators[task] : indicators[task]
            known[task] = 1
        }
    }

    // MARK: CoV: the losses' mean, the ratios' mean and sum of squares about it, the count

    func weighByVariation() {
        let (mean, squares, count) = (row(1), row(2), row(3))
        var (sum, isKnown) = (0.0, true)
        for index in 0..<problem.size {
            let task = present.base[index]
            isKnown = isKnown && count[task] > 1
            let deviation = (max(0, squares[task]) / max(1, count[task]) + 1e-8).squareRoot()
            problem.weights[index] = mean[task] > 0 ? deviation / mean[task] : 0
            sum += problem.weights[index]
        }
        guard isKnown, sum > 0, sum.isFinite else { return problem.fill(1 / Double(problem.size)) }
        for index in 0..<problem.size { problem.weights[index] /= sum }
    }

    func learnVariation(_ losses: UnsafePointer<Double>, _ momentum: Double?) {
        let (meanLoss, mean, squares, count) = (row(0), row(1), row(2), row(3))
        for task in 0..<taskCount where losses[task].isFinite {
            let isFirst = count[task] == 0
            let ratio = isFirst || meanLoss[task] == 0 ? 1 : losses[task] / meanLoss[task]
            // What would make a sum infinite is not one of the losses that a deviation tells anything of.
            guard abs(ratio) < 1e100 else { continue }
            count[task] += 1
            let kept = isFirst ? 0 : momentum ?? 1 - 1 / count[task]
            let next = kept * mean[task] + (1 - kept) * ratio
            squares[task] += (ratio - mean[task]) * (ratio - next)
            mean[task] = next
            meanLoss[task] = kept * meanLoss[task] + (1 - kept) * losses[task]
        }
    }

    // MARK: LBTW: the epoch's first loss, and whether there is one

    func weighByLossRatio(_ exponent: Double) {
        let (first, known) = (row(0), row(1))
        for index in 0..<problem.size {
            let task = present.base[index]
            if known[task] == 0 { (first[task], known[task]) = (max(leastLoss, losses[index]), 1) }
            problem.weights[index] = pow(max(leastLoss, losses[index]) / first[task], exponent)
        }
    }

    // MARK: STCH: the sum and count of the last epoch that warms up, and z

    func weighByTchebycheff(_ mu: Double, _ warmup: Int) {
        guard epoch >= warmup else {
            for index in 0..<problem.size { problem.weights[index] = 1 / max(losses[index], leastLoss) }
            return
        }
        let (nadir, logits) = (row(2), problem.vector(1))
        for index in 0..<problem.size {
            let reference = nadir[present.base[index]]
            logits[index] = log(max(losses[index], leastLoss) / (reference > 0 ? reference : 1)) / mu
        }
        problem.softmax(logits, mass: Double(problem.size))
        for index in 0..<problem.size { problem.weights[index] /= max(losses[index], leastLoss) }
    }

    // MARK: PBI

    func weighByIntersection(_ penalty: Double) {
        let direction = problem.vector(1)
        var squares = 0.0
        for index in 0..<problem.size {
            direction[index] = options.base[present.base[index]]
            squares += direction[index] * direction[index]
        }
        var along = 0.0
        for index in 0..<problem.size {
            // Of tasks that nothing is wanted of, all are wanted the same.
            direction[index] =
                squares > 0 ? direction[index] / squares.squareRoot() : 1 / Double(problem.size).squareRoot()
            along += losses[index] * direction[index]
        }
        var distance = 1e-12
        for index in 0..<problem.size {
            let part = losses[index] - along * direction[index]
            distance += part * part
        }
        for index in 0..<problem.size {
            let part = losses[index] - along * direction[index]
            problem.weights[index] = direction[index] + penalty * part / distance.squareRoot()
        }
    }
}
