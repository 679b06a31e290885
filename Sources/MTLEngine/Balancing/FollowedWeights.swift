// Weights that take a step of their own at each batch.
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension BalancerMemory {
    // MARK: On the simplex: rows are the weights, and whether they have begun

    /// The weights before of the tasks of this step, as if these were all: they sum up to 1.
    ///
    /// - Returns: their sum among all tasks.
    private func recall(_ w: Numbers) -> Double {
        let (all, begun) = (row(0), row(1))
        if begun[0] == 0 {
            for task in 0..<taskCount { (all[task], begun[task]) = (1 / Double(taskCount), 1) }
        }
        var sum = 0.0
        for index in 0..<problem.size { sum += all[present.base[index]] }
        for index in 0..<problem.size {
            w[index] = sum > 0 ? all[present.base[index]] / sum : 1 / Double(problem.size)
        }
        return sum
    }

    private func keep(_ w: Numbers, _ mass: Double) {
        for index in 0..<problem.size { row(0)[present.base[index]] = mass * w[index] }
    }

    /// MoDo and MoCo: w ← P(w - rate (M + penalty) w).
    func followSimplex(rate: Double, penalty: Double) {
        let (w, slope) = (problem.weights, problem.vector(1))
        let mass = recall(w)
        SmallSymmetric.multiply(problem.products, size: problem.size, w, into: slope)
        for index in 0..<problem.size {
            let fall = rate * (problem.scale * slope[index] + penalty * w[index])
            // Beyond this only the order counts, and sums stay numbers.
            w[index] -= min(1e100, max(-1e100, fall))
        }
        SmallSymmetric.projectOntoSimplex(w, size: problem.size, sorted: problem.vector(2))
        keep(w, mass)
    }

    /// SDMGrad.
    func weighByDirection(_ lambda: Double, _ rate: Double, _ momentum: Double, _ iterations: Int) {
        let count = problem.size
        let (w, mixed, slope, velocity) = (
            problem.weights, problem.vector(1), problem.vector(2), problem.vector(3)
        )
        let mass = recall(w)
        var length = 0.0
        for index in 0..<count {
            length += max(0, problem.products[index * (count + 1)]).squareRoot() / Double(count)
            velocity[index] = 0
        }
        // Two batches that agree on no task's direction tell nothing: weights stay.
        if length > 0 {
            for _ in 0..<iterations {
                for index in 0..<count { mixed[index] = w[index] + lambda / Double(count) }
                SmallSymmetric.multiply(problem.products, size: count, mixed, into: slope)
                for index in 0..<count {
                    let part = min(1e100, max(-1e100, slope[index] / length / length))
                    velocity[index] = momentum * velocity[index] + part
                    w[index] -= rate * velocity[index]
                }
                SmallSymmetric.projectOntoSimplex(w, size: count, sorted: problem.vector(4))
            }
        }
        keep(w, mass)
        for index in 0..<count { w[index] = (w[index] + lambda / Double(count)) / (1 + lambda) }
    }

    // MARK: ExcessMTL: the weights' logarithms, the first risks, whether there are any

    func weighByExcessRisk(_ stepSize: Double, _ risks: UnsafePointer<Double>?) {
        guard let risks else { preconditionFailure("excess_mtl without excess risks") }
        let (logits, first, known, compact) = (row(0), row(1), row(2), problem.vector(1))
        var largest = -Double.infinity
        for index in 0..<problem.size {
            let task = present.base[index]
            if known[task] == 0 {
                if risks[task].isFinite, risks[task] > 0 { (first[task], known[task]) = (risks[task], 1) }
            } else if risks[task].isFinite {
                logits[task] += stepSize * min(1e9, max(0, risks[task] / first[task]))
            }
            largest = max(largest, logits[task])
            compact[index] = logits[task]
        }
        problem.softmax(compact, mass: Double(problem.size))
        // Only differences count; without this they drown in a number that grows for ever.
        for task in 0..<taskCount { logits[task] -= largest }
    }

    /// Takes a step's gradients into their sums of squares, which are finite always.
    ///
    /// - Parameters:
    ///   - slopes: `[tasks, count]`; 0 for a task that is left out.
    ///   - first: where these coordinates begin among all.
    ///   - risks: is written, `[tasks]`.
    package func takeRisks(
        _ slopes: UnsafePointer<Double>, first: Int, count: Int, into risks: UnsafeMutablePointer<Double>
    ) {
        for task in 0..<taskCount {
            var risk = 0.0
            for index in 0..<count {
                let square = slopes[task * count + index] * slopes[task * count + index]
                let sums = state.base + squares + (first + index) * taskCount + task
                if square.isFinite { sums.pointee = min(sums.pointee + square, .greatestFiniteMagnitude) }
                risk += square / (sums.pointee + 1e-7).squareRoot()
            }
            risks[task] = risk
        }
    }
}
