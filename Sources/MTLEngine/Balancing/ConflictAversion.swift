/// CAGrad.
///
/// For p = Σ v_t g_t over the simplex, p·g₀ + c ‖g₀‖ ‖p‖ is least where p is nearest to -t g₀ with t = ‖p‖ / (c ‖g₀‖). For a given t
/// that p is a quadratic problem; t is found by its equation, ‖p(t)‖² - (t c ‖g₀‖)² = 0, which is above 0 for small t and below for large.
///
/// As long as the same tasks have a weight ‖p‖² = α + β t², α being the least ‖p‖² over these tasks whatever their signs: a step of
/// Newton's method in t² is exact there, and the next quadratic problem begins where the last one ended.
extension BalancerMemory {
    func weighByConflictAversion(_ radius: Double, _ isRescaled: Bool) {
        let count = problem.size
        let (equality, pull, solution, q) = (
            problem.vector(1), problem.vector(2), problem.vector(3), problem.vector(4)
        )
        // With v = y d_min/d, and lengths in units of the shortest, all numbers but those of very long gradients are of size 1.
        var shortest = Double.infinity
        for index in 0..<count { shortest = min(shortest, problem.lengths[index]) }
        var longest = 0.0
        for index in 0..<count {
            equality[index] = max(shortest / problem.lengths[index], .leastNormalMagnitude)
            q[index] = problem.lengths[index] / shortest / Double(count)
            longest = max(longest, q[index] * Double(count))
        }
        SmallSymmetric.multiply(problem.cosines, size: count, q, into: pull)
        let mean = max(0, SmallSymmetric.product(q, problem.cosines, q, size: count)).squareRoot()
        let factor = isRescaled ? 1 / (1 + radius * radius) : 1
        problem.fill(factor / Double(count))
        // Where the mean gradient is 0 there is no direction, with c = 0 no other one.
        guard radius * mean > 1e-12 * longest else { return }

        let bound = radius * radius * mean * mean
        var isBegun = false
        func square(_ t2: Double) -> Double {
            for index in 0..<count { q[index] = t2.squareRoot() * pull[index] }
            problem.quadratic.solve(
                problem.cosines, size: count, q: q, a: equality, into: solution, goesOn: isBegun)
            isBegun = true
            return max(0, SmallSymmetric.product(solution, problem.cosines, solution, size: count))
        }
        // No p is longer than the longest gradient.
        var high = longest * longest / bound
        var low = high * 1e-16
        var isAbove = false
        // There ‖p‖ is that of the mean.
        var root = min(1 / (radius * radius), high)
        var isFound = false
        for round in 0..<80 {
            let found = square(root)
            let value = found - root * bound
            isFound = abs(value) <= 1e-13 * root * bound || high - low <= 1e-15 * high
            if isFound { break }
            if value > 0 { (low, isAbove) = (root, true) } else { high = root }
            problem.quadratic.center(problem.cosines, size: count, a: equality, into: q)
            let least = max(0, SmallSymmetric.product(q, problem.cosines, q, size: count))
            let rise = (found - least) / root
            let step = rise < bound ? least / (bound - rise) : .infinity
            if step <= low, !isAbove {
                // Then p = 0 is best: the tasks agree on nothing, and the mean is all that is left.
                guard square(low) > low * bound else { return }
                isAbove = true
            }
            let middle = high > 4 * low ? (low * high).squareRoot() : 0.5 * (low + high)
            root = round % 8 == 7 || !(step > low && step < high) ? middle : step
        }
        if !isFound { _ = square(root) }
        for index in 0..<count {
            problem.weights[index] += factor * solution[index] * equality[index] / root.squareRoot()
        }
    }
}
