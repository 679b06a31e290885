// Weights by the eigenvalues of the products or of the cosines.

extension BalancerMemory {
    /// What rounding leaves of an eigenvalue that is 0, over the largest one.
    private var rankTolerance: Double { 1e-12 * Double(problem.size) }

    private func copy(_ matrix: Numbers) {
        for index in 0..<problem.size * problem.size { problem.square[index] = matrix[index] }
        SmallSymmetric.eigen(problem.square, size: problem.size, vectors: problem.basis)
    }

    /// Aligned-MTL.
    func weighByAlignment(_ scale: Balancing.AlignmentScale) {
        let (count, values) = (problem.size, problem.vector(1))
        copy(problem.products)
        var largest = 0.0
        for index in 0..<count { largest = max(largest, problem.square[index * (count + 1)]) }
        let threshold = largest * 1e-13 * Double(count)
        var (kept, sum) = (0, 0.0)
        for index in 0..<count where problem.square[index * (count + 1)] > threshold {
            let value = problem.square[index * (count + 1)]
            var place = kept
            while place > 0, values[place - 1] > value {
                values[place] = values[place - 1]
                place -= 1
            }
            values[place] = value
            kept += 1
            sum += value
        }
        let common =
            switch scale {
            case .least: values[0]
            case .median: values[(kept - 1) / 2]
            case .mean: sum / Double(kept)
            }
        problem.fill(0)
        for index in 0..<count where problem.square[index * (count + 1)] > threshold {
            var part = 0.0
            for row in 0..<count { part += problem.basis[row * count + index] / Double(count) }
            part *= (common / problem.square[index * (count + 1)]).squareRoot()
            for row in 0..<count { problem.weights[row] += part * problem.basis[row * count + index] }
        }
    }

    /// y with C y = 1, the shortest where there are several.
    private func equalize(_ y: Numbers, _ ones: Numbers) {
        copy(problem.cosines)
        for index in 0..<problem.size { ones[index] = 1 }
        var largest = 0.0
        for index in 0..<problem.size { largest = max(largest, problem.square[index * (problem.size + 1)]) }
        SmallSymmetric.pseudoinverse(
            problem.square, problem.basis, size: problem.size, threshold: largest * rankTolerance, ones,
            into: y)
    }

    /// IMTL-G.
    func weighByEqualProjections() {
        let y = problem.vector(1)
        equalize(y, problem.vector(2))
        var (sum, size, shortest) = (0.0, 0.0, Double.infinity)
        for index in 0..<problem.size { shortest = min(shortest, problem.lengths[index]) }
        for index in 0..<problem.size {
            y[index] *= shortest / problem.lengths[index]
            sum += y[index]
            size += abs(y[index])
        }
        for index in 0..<problem.size {
            problem.weights[index] = abs(sum) > 1e-9 * size ? y[index] / abs(sum) : 0
        }
    }

    /// ConFIG.
    func weighByEqualCosines() {
        let (count, y, projections) = (problem.size, problem.vector(1), problem.vector(2))
        equalize(y, projections)
        SmallSymmetric.multiply(problem.cosines, size: count, y, into: projections)
        var (square, sum, size) = (0.0, 0.0, 0.0)
        for index in 0..<count {
            square += y[index] * projections[index]
            sum += problem.lengths[index] * projections[index]
            size += y[index] * y[index]
        }
        // Units that cancel out have no such direction.
        guard square > rankTolerance * size else { return problem.fill(0) }
        for index in 0..<count { problem.weights[index] = sum / square * y[index] / problem.lengths[index] }
    }
}
