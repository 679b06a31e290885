// Weights whose logarithms or logits learn along with the model, each with an Adam of its own.
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension BalancerMemory {
    // MARK: Uncertainty weighting

    func weighByUncertainty() {
        for index in 0..<problem.size {
            let task = present.base[index]
            problem.weights[index] = options.base[task] * exp(-row(0)[task])
        }
    }

    func learnUncertainty(
        _ losses: UnsafePointer<Double>, _ form: Balancing.UncertaintyForm, _ rate: Double
    ) {
        let adam = ScalarAdam(values: row(0), tasks: taskCount, rate: rate)
        for task in 0..<taskCount where losses[task].isFinite {
            let s = row(0)[task]
            let rise =
                switch form {
                case .kendall: 0.5
                case .liebelKoerner: 1 / (1 + exp(-s))
                }
            adam.step(task, rise - options.base[task] * exp(-s) * losses[task])
        }
    }

    // MARK: IMTL-L

    func weighByLossScales() {
        for index in 0..<problem.size { problem.weights[index] = exp(row(0)[present.base[index]]) }
    }

    func learnLossScales(_ losses: UnsafePointer<Double>, _ rate: Double) {
        let adam = ScalarAdam(values: row(0), tasks: taskCount, rate: rate)
        for task in 0..<taskCount where losses[task].isFinite {
            adam.step(task, exp(row(0)[task]) * losses[task] - 1)
        }
    }

    // MARK: LDC-MTL

    func weighByDiscrepancy(_ penalty: Double) {
        let (v, slopes) = (problem.vector(1), problem.vector(2))
        let sum = discrepancies(v, slopes)
        for index in 0..<problem.size {
            problem.weights[index] = v[index] * (1 / sum + penalty * slopes[index])
        }
    }

    func learnDiscrepancy(_ losses: UnsafePointer<Double>, _ penalty: Double, _ rate: Double) {
        let (v, slopes) = (problem.vector(1), problem.vector(2))
        var count = 0
        for task in 0..<taskCount where losses[task].isFinite {
            present.base[count] = task
            self.losses[count] = losses[task]
            count += 1
        }
        problem.take(count: count)
        let sum = discrepancies(v, slopes)
        let adam = ScalarAdam(values: row(0), tasks: taskCount, rate: rate)
        for index in 0..<count {
            let slope = self.losses[index] * (1 / sum + penalty * slopes[index])
            adam.step(present.base[index], slope * v[index] * (1 - v[index]))
        }
    }

    /// v, and the slopes in v_t L_t of Σ |v_t L_t - v_{t+1} L_{t+1}|.
    ///
    /// - Returns: Σ v
    private func discrepancies(_ v: Numbers, _ slopes: Numbers) -> Double {
        var sum = 0.0
        for index in 0..<problem.size {
            v[index] = 1 / (1 + exp(-1 - row(0)[present.base[index]]))
            sum += v[index]
            slopes[index] = 0
        }
        for index in 1..<max(1, problem.size) {
            let difference = v[index - 1] * losses[index - 1] - v[index] * losses[index]
            let sign: Double = difference > 0 ? 1 : difference < 0 ? -1 : 0
            slopes[index - 1] += sign
            slopes[index] -= sign
        }
        return sum
    }

    // MARK: FAMO

    func weighByFAMO() {
        let logits = problem.vector(1)
        for index in 0..<problem.size { logits[index] = row(0)[present.base[index]] }
        problem.softmax(logits)
        var sum = 0.0
        for index in 0..<problem.size {
            problem.weights[index] /= max(0, losses[index]) + leastLoss
            sum += problem.weights[index]
        }
        for index in 0..<problem.size { problem.weights[index] /= sum }
    }

    func learnFAMO(
        _ before: UnsafePointer<Double>, _ after: UnsafePointer<Double>, _ rate: Double, _ decay: Double
    ) {
        let (logits, gains) = (problem.vector(1), problem.vector(2))
        var count = 0
        for task in 0..<taskCount where before[task].isFinite && after[task].isFinite {
            present.base[count] = task
            logits[count] = row(0)[task]
            gains[count] = log(max(0, before[task]) + leastLoss) - log(max(0, after[task]) + leastLoss)
            count += 1
        }
        problem.take(count: count)
        problem.softmax(logits)
        var mean = 0.0
        for index in 0..<count { mean += problem.weights[index] * gains[index] }
        let adam = ScalarAdam(values: row(0), tasks: taskCount, rate: rate, decay: decay)
        for index in 0..<count {
            adam.step(present.base[index], problem.weights[index] * (gains[index] - mean))
        }
    }

    // MARK: GradNorm: Adam's rows, the first epoch's sum and count, L(0)

    func weighByGradNorm() {
        if !takeNormWeights() { problem.fill(1) }
    }

    /// The weights of the tasks of this step.
    ///
    /// - Returns: false, and none, where the first losses of one of them are not known.
    private func takeNormWeights() -> Bool {
        let (initial, logits) = (row(6), problem.vector(1))
        var isKnown = epoch > 0
        for index in 0..<problem.size {
            let task = present.base[index]
            isKnown = isKnown && initial[task] > 0
            logits[index] = row(0)[task]
        }
        if isKnown { problem.softmax(logits, mass: Double(problem.size)) }
        return isKnown
    }

    func learnGradNorm(
        _ losses: UnsafePointer<Double>, _ gram: UnsafePointer<Double>, _ exponent: Double, _ rate: Double
    ) {
        let (initial, lengths, ratios) = (row(6), problem.vector(2), problem.vector(3))
        var size = 0
        for task in 0..<taskCount where losses[task].isFinite && gram[task * (taskCount + 1)].isFinite {
            present.base[size] = task
            size += 1
        }
        problem.take(count: size)
        guard size > 0, takeNormWeights() else { return }
        let count = Double(size)
        var (mean, meanRatio) = (0.0, 0.0)
        for index in 0..<size {
            let task = present.base[index]
            lengths[index] = max(0, gram[task * (taskCount + 1)]).squareRoot()
            ratios[index] = max(0, losses[task]) / initial[task]
            mean += problem.weights[index] * lengths[index] / count
            meanRatio += ratios[index] / count
        }
        // The gradient in w, then in the logits behind w = T softmax(s).
        var along = 0.0
        for index in 0..<problem.size {
            let pace = meanRatio > 0 ? ratios[index] / meanRatio : 1
            let excess = problem.weights[index] * lengths[index] - mean * pow(pace, exponent)
            let sign: Double = excess > 0 ? 1 : excess < 0 ? -1 : 0
            ratios[index] = lengths[index] * sign * problem.weights[index]
            along += ratios[index]
        }
        let adam = ScalarAdam(values: row(0), tasks: taskCount, rate: rate)
        for index in 0..<problem.size {
            adam.step(present.base[index], ratios[index] - problem.weights[index] / count * along)
        }
    }
}
