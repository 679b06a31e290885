/// Minimises loss(W) + tr(W A Wᵀ) + Σ_j p_j(P_j) over the parts P_j, W = Σ_j P_j.
///
/// FISTA with backtracking (Beck & Teboulle, *A Fast Iterative Shrinkage-Thresholding Algorithm*, SIAM J. Imaging
/// Sciences 2(1), 2009, section 4), its momentum restarted whenever it points uphill or has led there (O'Donoghue &
/// Candès, *Adaptive Restart for Accelerated Gradient Schemes*, arXiv 1204.3982). It ends when the gradient mapping
/// L‖P - Q‖ at the extrapolated point Q is below `tolerance` times ‖∇loss(0)‖, which no choice of units changes.
struct ProximalGradient {
    let losses: TaskLosses
    /// A `[T, T]`, or nil for none.
    let quadratic: Matrix?
    var penalties: [any Penalty]
    let tolerance: Double

    /// Where a run is; a run can start from what another one reached.
    struct State {
        var parts: [Matrix]
        var intercepts: [Double]
        /// L, the inverse of the step.
        var curvature: Double
        var objectives: [Double] = []
        var converged = false
    }

    /// All zero.
    func start() -> State {
        let part = Matrix(zeros: losses.featureCount, losses.taskCount)
        return State(
            parts: penalties.map { _ in part }, intercepts: losses.zeros,
            // W moves by the sum of what the parts move by.
            curvature: losses.curvature() * Double(penalties.count))
    }

    /// ‖∇loss(0)‖
    func gradientScale() -> Double {
        let zero = Matrix(zeros: losses.featureCount, losses.taskCount)
        let evaluation = losses.evaluate(losses.scores(zero), intercepts: losses.zeros)
        return losses.gradient(evaluation.residuals).squaredNorm.squareRoot()
    }

    private struct Point {
        var parts: [Matrix]
        var sum: Matrix
        var scores: [Matrix]

        func extrapolated(_ beta: Double, from past: Point) -> Point {
            func ahead(_ now: Matrix, _ past: Matrix) -> Matrix {
                now.scaled(1 + beta).adding(-beta, past)
            }
            return Point(
                parts: zip(parts, past.parts).map(ahead), sum: ahead(sum, past.sum),
                scores: zip(scores, past.scores).map(ahead))
        }
    }

    private func point(_ parts: [Matrix]) -> Point {
        let sum = parts.dropFirst().reduce(parts[0]) { $0.adding(1, $1) }
        return Point(parts: parts, sum: sum, scores: losses.scores(sum))
    }

    /// Runs until it converges or the iterations are used up.
    func minimize(_ state: inout State, iterations: Int, scale: Double) throws(InputError) {
        var x = point(state.parts)
        var y = x
        var momentum = 1.0
        state.converged = false
        for _ in 0..<iterations {
            let next = try step(from: y, &state)
            let moved = zip(next.parts, y.parts).map { $0.adding(-1, $1) }
            let length = moved.reduce(0) { $0 + $1.squaredNorm }.squareRoot()
            state.parts = next.parts
            if state.curvature * length <= tolerance * scale {
                state.converged = true
                return
            }
            var uphill = 0.0
            for ((moved, now), past) in zip(zip(moved, next.parts), x.parts) {
                uphill -= moved.dot(now.adding(-1, past))
            }
            if uphill > 0 || rises(state.objectives) {
                momentum = 1
                y = next
            } else {
                let grown = (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
                y = next.extrapolated((momentum - 1) / grown, from: x)
                momentum = grown
            }
            x = next
        }
    }

    /// Whether the last step raised the objective by more than its rounding: without momentum none does, even where a
    /// penalty is not convex.
    private func rises(_ objectives: [Double]) -> Bool {
        guard let last = objectives.last, let before = objectives.dropLast().last else { return false }
        return last - before > 64 * Double.ulpOfOne * abs(before)
    }

    /// One proximal step, its length halved until the quadratic model bounds the smooth part.
    private func step(from y: Point, _ state: inout State) throws(InputError) -> Point {
        let here = losses.evaluate(y.scores, intercepts: state.intercepts)
        var value = here.value
        var gradient = losses.gradient(here.residuals)
        if let quadratic {
            let product = y.sum.multiplied(by: quadratic)
            value += product.dot(y.sum)
            gradient = gradient.adding(2, product)
        }
        while true {
            let length = 1 / state.curvature
            var parts: [Matrix] = []
            var penalty = 0.0
            for (part, term) in zip(y.parts, penalties) {
                let (moved, value) = try term.proximal(part.adding(-length, gradient), step: length)
                parts.append(moved)
                penalty += value
            }
            let next = point(parts)
            let there = losses.evaluate(next.scores, intercepts: here.intercepts)
            var reached = there.value
            if let quadratic { reached += next.sum.multiplied(by: quadratic).dot(next.sum) }
            let moved = zip(next.parts, y.parts).reduce(0) { $0 + $1.0.adding(-1, $1.1).squaredNorm }
            let bound = value + gradient.dot(next.sum.adding(-1, y.sum)) + state.curvature / 2 * moved
            // Near the end both sides differ by less than their rounding, which must not shorten the steps.
            let rounding = 64 * Double.ulpOfOne * max(abs(value), abs(reached))
            if reached <= bound + rounding {
                state.intercepts = there.intercepts
                state.objectives.append(reached + penalty)
                return next
            }
            guard state.curvature < 1e300, reached.isFinite || value.isFinite else {
                throw InputError(
                    .value, at: "linear model", found: "an objective of NaN",
                    expected: "features and labels of a size whose squares can be added")
            }
            state.curvature *= 2
        }
    }
}
