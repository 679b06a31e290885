// Weights that follow from the gradients' lengths, and from their cosine with the main task's.
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension BalancerMemory {
    // MARK: MetaBalance

    func weighByMetaBalance(_ relaxation: Double, _ momentum: Double) {
        averageLengths(momentum)
        let longest = averageLength(main, momentum)
        for index in 0..<problem.size {
            let task = present.base[index]
            let ratio = longest / averageLength(task, momentum)
            problem.weights[index] =
                task == main || longest == 0 || !ratio.isFinite ? 1 : relaxation * ratio + 1 - relaxation
        }
    }

    /// Takes the lengths of this step's gradients into their averages: rows are these and their counts.
    func averageLengths(_ momentum: Double) {
        let (average, count) = (row(0), row(1))
        let root = problem.scale.squareRoot()
        for index in 0..<problem.size {
            let task = present.base[index]
            average[task] = momentum * average[task] + (1 - momentum) * problem.lengths[index] * root
            count[task] += 1
        }
    }

    /// As if each average had been taken over all steps from its first one: a task that comes late is not short.
    func averageLength(_ task: Int, _ momentum: Double) -> Double {
        row(1)[task] > 0 ? row(0)[task] / (1 - pow(momentum, row(1)[task])) : 0
    }

    // MARK: DB-MTL

    /// All as long as the longest. Tracked gradients are those of log-losses already.
    func weighByEqualLengths(isTracked: Bool) {
        let factors = problem.vector(1)
        var longest = 0.0
        for index in 0..<problem.size {
            factors[index] = isTracked ? 1 : 1 / (max(0, losses[index]) + leastLoss)
            longest = max(longest, factors[index] * problem.lengths[index])
        }
        for index in 0..<problem.size { problem.weights[index] = longest / problem.lengths[index] }
    }

    // MARK: Gradients that are followed

    /// How whoever has the gradients steps their moving averages, before it takes these averages' products: y_t ← y_t + share
    /// (factor_t g_t - y_t) for every task with a factor above 0; the others' stay.
    ///
    /// - Parameters:
    ///   - losses: `[tasks]`; what is not finite leaves a task out.
    ///   - lengths: of the batch's gradients, `[tasks]`.
    ///   - factors: is written, `[tasks]`.
    /// - Returns: the share.
    package func track(
        losses: UnsafePointer<Double>, lengths: UnsafePointer<Double>, factors: UnsafeMutablePointer<Double>
    ) -> Double {
        let number = Double(step + 1)
        for task in 0..<taskCount {
            let isPresent = losses[task].isFinite && lengths[task].isFinite && lengths[task] > 0
            factors[task] =
                if !isPresent { 0 } else if case .moCo = balancing.method {
                    max(0, losses[task]) / lengths[task]
                } else { 1 / (max(0, losses[task]) + leastLoss) }
        }
        switch balancing.method {
        case .moCo(let rate, _, let decay, _): return rate / pow(number, decay)
        case .dbMTL(let momentum, let decay): return 1 - momentum / pow(number, decay)
        default: return 1
        }
    }

    // MARK: The cosine gate

    func weighByCosine(_ isWeighted: Bool) {
        let place = placeOfMain
        for index in 0..<problem.size {
            guard let place else {
                problem.weights[index] = 0
                continue
            }
            let cosine = problem.cosines[place * problem.size + index]
            problem.weights[index] = isWeighted ? max(0, cosine) : cosine > 0 ? 1 : 0
        }
    }

    /// Where the main task is among those of this step.
    var placeOfMain: Int? {
        for index in 0..<problem.size where present.base[index] == main { return index }
        return nil
    }
}
