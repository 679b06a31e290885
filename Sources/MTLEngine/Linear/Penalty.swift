/// A term p(X) of an objective that is known by its proximal operator,
/// prox_τp(V) = argmin_X ½‖X - V‖² + τ p(X).
package protocol Penalty: Sendable {
    /// prox_τp(V) and p there.
    func proximal(_ v: Matrix, step: Double) throws(InputError) -> (x: Matrix, value: Double)
}

/// λ Σ |x_ij|; prox: soft thresholding by τλ.
package struct ElementPenalty: Penalty {
    package let lambda: Double

    package init(lambda: Double) {
        self.lambda = lambda
    }

    package func proximal(_ v: Matrix, step: Double) -> (x: Matrix, value: Double) {
        var x = v
        let threshold = step * lambda
        var sum = 0.0
        for index in x.values.indices {
            let size = max(abs(x.values[index]) - threshold, 0)
            sum += size
            x.values[index] = x.values[index] < 0 ? -size : size
        }
        return (x, lambda * sum)
    }
}

/// λ Σ_rows ‖x_i‖₂, a feature for all tasks or none; prox: (1 - τλ/‖v_i‖)₊ v_i.
package struct RowPenalty: Penalty {
    package let lambda: Double

    package init(lambda: Double) {
        self.lambda = lambda
    }

    package func proximal(_ v: Matrix, step: Double) -> (x: Matrix, value: Double) {
        var norms = [Double](repeating: 0, count: v.rows)
        for row in 0..<v.rows {
            for column in 0..<v.columns { norms[row] += v[row, column] * v[row, column] }
        }
        let (factors, sum) = shrinkage(of: norms, by: step * lambda)
        var x = v
        for row in 0..<v.rows {
            for column in 0..<v.columns { x[row, column] *= factors[row] }
        }
        return (x, lambda * sum)
    }
}

/// λ Σ_columns ‖x_t‖₂, a task's whole column or none of it; prox: (1 - τλ/‖v_t‖)₊ v_t.
package struct ColumnPenalty: Penalty {
    package let lambda: Double

    package init(lambda: Double) {
        self.lambda = lambda
    }

    package func proximal(_ v: Matrix, step: Double) -> (x: Matrix, value: Double) {
        var norms = [Double](repeating: 0, count: v.columns)
        for row in 0..<v.rows {
            for column in 0..<v.columns { norms[column] += v[row, column] * v[row, column] }
        }
        let (factors, sum) = shrinkage(of: norms, by: step * lambda)
        return (v.scalingColumns(factors), lambda * sum)
    }
}

/// Per group the factor that shortens it by `threshold`, and the sum of the lengths left.
private func shrinkage(of squaredNorms: [Double], by threshold: Double) -> ([Double], Double) {
    var sum = 0.0
    let factors = squaredNorms.map { square in
        let norm = square.squareRoot()
        guard norm > threshold else { return 0.0 }
        sum += norm - threshold
        return (norm - threshold) / norm
    }
    return (factors, sum)
}

/// λ Σ_rows max_t |x_it|; prox: v_i minus its projection on the ℓ₁ ball of radius τλ (Moreau).
package struct RowMaximumPenalty: Penalty {
    package let lambda: Double

    package init(lambda: Double) {
        self.lambda = lambda
    }

    package func proximal(_ v: Matrix, step: Double) -> (x: Matrix, value: Double) {
        var x = v
        var sum = 0.0
        for row in 0..<v.rows {
            // v - projection is v clipped at the projection's threshold.
            let limit = ballThreshold(v.row(row).map(abs).sorted(by: >), radius: step * lambda)
            guard let limit else {
                for column in 0..<v.columns { x[row, column] = 0 }
                continue
            }
            var largest = 0.0
            for column in 0..<v.columns {
                x[row, column] = min(max(v[row, column], -limit), limit)
                largest = max(largest, abs(x[row, column]))
            }
            sum += largest
        }
        return (x, lambda * sum)
    }
}

/// The θ ≥ 0 at which Σ (a_i - θ)₊ = radius, of falling a ≥ 0; nil where Σ a_i ≤ radius already.
///
/// Duchi et al., *Efficient Projections onto the l1-Ball for Learning in High Dimensions*, ICML 2008, figure 1.
package func ballThreshold(_ falling: [Double], radius: Double) -> Double? {
    guard falling.reduce(0, +) > radius else { return nil }
    var sum = 0.0
    var threshold = 0.0
    for (index, value) in falling.enumerated() {
        sum += value
        let candidate = (sum - radius) / Double(index + 1)
        if value < candidate { break }
        threshold = candidate
    }
    return threshold
}

/// ρ‖X‖² beside another penalty; prox: the other's at V/(1+2τρ) with step τ/(1+2τρ).
package struct RidgePenalty: Penalty {
    package let rho: Double
    package let other: any Penalty

    package init(rho: Double, other: any Penalty) {
        self.rho = rho
        self.other = other
    }

    package func proximal(_ v: Matrix, step: Double) throws(InputError) -> (x: Matrix, value: Double) {
        let shrink = 1 / (1 + 2 * step * rho)
        let (x, value) = try other.proximal(v.scaled(shrink), step: step * shrink)
        return (x, value + rho * x.squaredNorm)
    }
}

/// tr(X A Xᵀ) with a positive semidefinite A over the tasks `[T, T]`; prox: V (I + 2τA)⁻¹, by A's eigenvectors.
package struct TaskQuadraticPenalty: Penalty {
    private let eigen: SymmetricEigenvalues

    package init(_ a: Matrix) throws(InputError) { eigen = try SymmetricEigenvalues(a) }

    package func proximal(_ v: Matrix, step: Double) -> (x: Matrix, value: Double) {
        let lambda = eigen.lambda.map { max($0, 0) }
        let rotated = v.multiplied(by: eigen.vt, transposeB: true)
            .scalingColumns(lambda.map { 1 / (1 + 2 * step * $0) })
        let value = rotated.scalingColumns(lambda).dot(rotated)
        return (rotated.multiplied(by: eigen.vt), value)
    }
}
