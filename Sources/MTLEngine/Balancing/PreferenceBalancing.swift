// Weights by a preference that is drawn for every step, which the model reads beside its features.

extension BalancerMemory {
    /// Draws the preference of the step to come, `[tasks]`: the same until the step's weights have been asked for.
    package func drawPreference() {
        guard case .cosmos(let alpha, _) = balancing.method else { return }
        var generator = generator
        var sum = 0.0
        for task in 0..<taskCount {
            preference.base[task] = generator.gamma(alpha)
            sum += preference.base[task]
        }
        for task in 0..<taskCount {
            // Of a small alpha all numbers may be too small to be told from 0.
            preference.base[task] = sum > 0 ? preference.base[task] / sum : 1 / Double(taskCount)
        }
    }

    /// COSMOS: the gradient of Σ p_t L_t - λ cos(L, p), of the tasks that there are.
    func weighByPreference(_ penalty: Double) {
        drawPreference()
        let (p, l) = (problem.vector(1), problem.vector(2))
        var largest = leastLoss
        for index in 0..<problem.size {
            p[index] = preference.base[present.base[index]]
            largest = max(largest, abs(losses[index]))
        }
        var (ofP, ofL, product) = (0.0, 0.0, 0.0)
        for index in 0..<problem.size {
            // Over the largest one, so that no square is too large.
            l[index] = losses[index] / largest
            ofP += p[index] * p[index]
            ofL += l[index] * l[index]
            product += p[index] * l[index]
        }
        let lengths = (ofP * ofL).squareRoot()
        for index in 0..<problem.size {
            problem.weights[index] = p[index]
            guard lengths > 0 else { continue }
            let slope = (p[index] - product / ofL * l[index]) / lengths
            problem.weights[index] -= penalty * slope / largest
        }
    }
}
