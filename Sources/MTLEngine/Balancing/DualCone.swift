#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

// Projections onto the directions along which no task's loss rises.

extension BalancerMemory {
    /// UPGrad, and the mean's projection: over v ≥ u the least vᵀMv, for u = e_i/T of each task in turn, or 1/T at once. With
    /// v = u + x it is ½ xᵀMx + (Mu)ᵀx over x ≥ 0.
    func weighByDualCone(each: Bool) {
        let (count, u, q, x) = (problem.size, problem.vector(1), problem.vector(2), problem.vector(3))
        var trace = 0.0
        for index in 0..<count { trace += problem.products[index * (count + 1)] }
        for row in 0..<count {
            for column in 0..<count {
                problem.square[row * count + column] =
                    problem.products[row * count + column] / trace + (row == column ? 1e-4 : 0)
            }
        }
        problem.fill(0)
        for task in 0..<(each ? count : 1) {
            for index in 0..<count { u[index] = each && index != task ? 0 : 1 / Double(count) }
            SmallSymmetric.multiply(problem.square, size: count, u, into: q)
            problem.quadratic.solve(problem.square, size: count, q: q, a: nil, into: x)
            for index in 0..<count { problem.weights[index] += u[index] + x[index] }
        }
    }

    /// PCD. Rows are the average of the squared lengths, and its count. With s = 1/√average, G = s M s, main task first, the
    /// multipliers μ ≥ 0 of the other tasks make ½ μᵀGμ - Σ μ_t (τ G_tt - G_t,main) least.
    func weighByPriority(_ progress: Double, _ momentum: Double) {
        let (count, average, steps) = (problem.size, row(0), row(1))
        let (scales, q, mu) = (problem.vector(1), problem.vector(2), problem.vector(3))
        for index in 0..<count {
            let (task, length) = (present.base[index], problem.lengths[index] * problem.scale.squareRoot())
            // Squared lengths of any gradient that is a number at all are kept as one.
            average[task] = min(
                .greatestFiniteMagnitude, momentum * average[task] + (1 - momentum) * length * length)
            steps[task] += 1
            let debiased = average[task] / (1 - pow(momentum, steps[task]))
            scales[index] = debiased > 0 ? length / debiased.squareRoot() : 1
        }
        guard let first = placeOfMain else { return problem.fill(1) }
        // Of G's rows without the main one; scales hold s ‖g‖ from here on, so that G = s C s.
        func product(_ a: Int, _ b: Int) -> Double {
            scales[a] * scales[b] * problem.cosines[a * count + b]
        }
        func place(_ index: Int) -> Int { index < first ? index : index + 1 }
        let others = count - 1
        var largest = product(first, first)
        for row in 0..<others {
            let task = place(row)
            largest = max(largest, product(task, task))
            q[row] = product(task, first) - progress * product(task, task)
            for column in 0..<others { problem.square[row * others + column] = product(task, place(column)) }
        }
        problem.quadratic.solve(problem.square, size: others, q: q, a: nil, into: mu)
        if !isFeasible(mu, q, others, largest) { for row in 0..<others { mu[row] = 0 } }
        rescale(mu, first, scales, others)
    }

    /// Whether every task makes its progress; where none can, multipliers grow without end.
    private func isFeasible(_ mu: Numbers, _ q: Numbers, _ others: Int, _ largest: Double) -> Bool {
        for row in 0..<others {
            var slack = q[row]
            for column in 0..<others { slack += problem.square[row * others + column] * mu[column] }
            guard slack > -1e-7 * largest, mu[row] < 1e7 else { return false }
        }
        return true
    }

    /// As long as the main gradient.
    private func rescale(_ mu: Numbers, _ first: Int, _ scales: Numbers, _ others: Int) {
        let (count, y) = (problem.size, problem.vector(4))
        var size = 0.0
        for index in 0..<count {
            y[index] = scales[index] * (index == first ? 1 : mu[index < first ? index : index - 1])
            size += abs(y[index])
        }
        let square = SmallSymmetric.product(y, problem.cosines, y, size: count)
        let isDirection = square > 1e-14 * size * size
        for index in 0..<count {
            problem.weights[index] =
                isDirection
                ? y[index] / square.squareRoot() * (problem.lengths[first] / problem.lengths[index]) : 0
        }
    }
}
