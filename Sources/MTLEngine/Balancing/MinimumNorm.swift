// The shortest combination of the gradients.

extension BalancerMemory {
    /// MGDA. With w = y/d over lengths d the square to make least is yᵀCy, over Σ y/d = 1, y ≥ 0.
    func weighByMinimumNorm(_ normalization: Balancing.GradientNormalization) {
        let (count, divisors, equality, solution) = (
            problem.size, problem.vector(1), problem.vector(2), problem.vector(3)
        )
        for index in 0..<count {
            divisors[index] =
                switch normalization {
                case .none: 1
                case .norm: problem.lengths[index] * problem.scale.squareRoot()
                case .loss: max(losses[index], leastLoss)
                case .lossNorm:
                    max(losses[index], leastLoss) * problem.lengths[index] * problem.scale.squareRoot()
                }
            equality[index] = divisors[index] / problem.lengths[index]
        }
        var largest = 0.0
        for index in 0..<count { largest = max(largest, equality[index]) }
        for index in 0..<count { equality[index] = max(equality[index] / largest, .leastNormalMagnitude) }
        problem.quadratic.solve(problem.cosines, size: count, q: nil, a: equality, into: solution)
        for index in 0..<count {
            problem.weights[index] = solution[index] * equality[index] / divisors[index]
        }
    }

    /// PE-LTR: M ŵ = ν 1 - M c with Σ ŵ = 1 - Σ c, then the nearest ŵ ≥ 0 of the same sum.
    func weighByFlooredMinimumNorm() {
        let (count, floors, along, right) = (
            problem.size, problem.vector(1), problem.vector(2), problem.vector(3)
        )
        var rest = 1.0
        for index in 0..<count {
            floors[index] = options.base[present.base[index]]
            rest -= floors[index]
            for column in 0..<count {
                problem.square[index * count + column] =
                    problem.cosines[index * count + column] + (index == column ? 1e-12 : 0)
            }
        }
        rest = max(0, rest)
        // That is ŵ + c = ν M⁻¹1, and their sum is 1.
        SmallSymmetric.factor(problem.square, size: count, floor: 1e-14)
        for index in 0..<count { right[index] = 1 / problem.lengths[index] }
        var longest = 0.0
        for index in 0..<count { longest = max(longest, right[index]) }
        for index in 0..<count { right[index] /= longest }
        SmallSymmetric.solve(problem.square, size: count, right)
        var (sum, size) = (0.0, 0.0)
        for index in 0..<count {
            along[index] = right[index] / problem.lengths[index] / longest
            sum += along[index]
            size += abs(along[index])
        }
        for index in 0..<count {
            // Where M⁻¹1 sums up to 0 no point of the plane is the nearest: all are.
            let share = abs(sum) > 1e-12 * size ? along[index] / sum : 1 / Double(count)
            problem.weights[index] = share - floors[index]
        }
        SmallSymmetric.projectOntoSimplex(
            problem.weights, size: count, mass: rest, sorted: problem.vector(4))
        for index in 0..<count { problem.weights[index] += floors[index] }
    }
}
