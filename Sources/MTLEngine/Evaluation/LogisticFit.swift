#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Logistic regression of a few coefficients: the θ least in Σ wᵢ (softplus(ηᵢ) - tᵢ ηᵢ) + ½ Σ λⱼ θⱼ², ηᵢ = oᵢ + Σ θⱼ xᵢⱼ.
///
/// Newton's method with halved steps: the sum is convex, so there is one least value.
struct LogisticFit {
    /// Per coefficient its column, `[rows]`.
    let columns: [[Double]]
    /// oᵢ; none for 0.
    let offsets: [Double]?
    /// tᵢ, 0 to 1.
    let targets: [Double]
    let weights: [Double]
    /// λⱼ. A little of it keeps coefficients finite where labels can be told apart.
    let ridge: [Double]

    func coefficients(from start: [Double]) -> [Double] {
        var theta = start
        var value = self.value(theta)
        for _ in 0..<100 {
            let (gradient, hessian) = derivatives(theta)
            guard let step = Self.solve(hessian, gradient) else { break }
            var (share, moved) = (1.0, false)
            while share > 1e-10 {
                let next = theta.indices.map { theta[$0] - share * step[$0] }
                let found = self.value(next)
                if found < value {
                    (theta, value, moved) = (next, found, true)
                    break
                }
                share /= 2
            }
            let size = zip(step, theta).map { abs(share * $0) / (1 + abs($1)) }.max() ?? 0
            if !moved || size < 1e-12 { break }
        }
        return theta
    }

    private func eta(_ row: Int, _ theta: [Double]) -> Double {
        theta.indices.reduce(offsets?[row] ?? 0) { $0 + theta[$1] * columns[$1][row] }
    }

    private func value(_ theta: [Double]) -> Double {
        var sum = theta.indices.reduce(0) { $0 + ridge[$1] * theta[$1] * theta[$1] / 2 }
        for row in targets.indices {
            let z = eta(row, theta)
            sum += weights[row] * (max(z, 0) + log1p(exp(-abs(z))) - targets[row] * z)
        }
        return sum
    }

    private func derivatives(_ theta: [Double]) -> (gradient: [Double], hessian: [[Double]]) {
        let count = theta.count
        var gradient = theta.indices.map { ridge[$0] * theta[$0] }
        var hessian = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
        for index in 0..<count { hessian[index][index] = ridge[index] }
        for row in targets.indices {
            let p = 1 / (1 + exp(-eta(row, theta)))
            let (slope, curve) = (weights[row] * (p - targets[row]), weights[row] * p * (1 - p))
            for one in 0..<count {
                gradient[one] += slope * columns[one][row]
                for other in 0..<count {
                    hessian[one][other] += curve * columns[one][row] * columns[other][row]
                }
            }
        }
        return (gradient, hessian)
    }

    /// Elimination with pivots; nil where the matrix has no inverse.
    private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
        var (a, b) = (matrix, right)
        for column in b.indices {
            guard let pivot = (column..<b.count).max(by: { abs(a[$0][column]) < abs(a[$1][column]) }),
                abs(a[pivot][column]) > 1e-300
            else { return nil }
            a.swapAt(column, pivot)
            b.swapAt(column, pivot)
            for row in b.indices where row != column {
                let factor = a[row][column] / a[column][column]
                for place in column..<b.count { a[row][place] -= factor * a[column][place] }
                b[row] -= factor * b[column]
            }
        }
        return b.indices.map { b[$0] / a[$0][$0] }
    }
}
