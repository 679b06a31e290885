#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The loss of a conditional probability, of which only rows that were observed tell (ESCM², arXiv 2204.05125).
///
/// o the observed task's label · y the outcome's · q = max(σ(propensity), 1 / maximumWeight), a constant · ℓ the log loss of y
/// under the conditional logit · ê = softplus(imputed). Per row o ℓ / q, or with ê: ê + o (ℓ - ê) / q + o (ℓ - ê)² / q.
///
/// ℓ is a constant in the square, which is how the imputation learns what the loss is. Were it not, the square would be a second
/// loss of the conditional probability, least where losses differ least, at 1/2: E ℓ + Var ℓ of an event of rate .05 is least at .19.
package struct CounterfactualLoss: Sendable {
    package let conditional: GraphValue
    package let propensity: GraphValue
    package let imputed: GraphValue?
    package let outcome: Int
    package let observed: Int
    package let maximumWeight: Double
    package let weight: Double

    package var values: [GraphValue] { [conditional] + (imputed.map { [$0] } ?? []) }

    /// Whether a row's labels say what happened.
    @inline(__always)
    static func isKnown<Scalar: BLASScalar>(outcome: Scalar, observed: Scalar) -> Bool {
        observed == 0 || (!observed.isNaN && !outcome.isNaN)
    }

    /// Adds its gradient to the logits'. Rows whose labels do not say what happened count 0.
    ///
    /// - Parameters:
    ///   - rows: rows of the tile; outcomes, observed and weights begin with the first of them.
    ///   - weights: per row its weight, or nil for 1.
    ///   - scale: what a row is multiplied with.
    /// - Returns: the sum over the rows.
    func add<Scalar: BLASScalar>(
        _ tile: BackwardTile<Scalar>, _ rows: Range<Int>, outcomes: UnsafePointer<Scalar>,
        observed: UnsafePointer<Scalar>,
        weights: UnsafePointer<Scalar>?, scale: Double
    ) -> Double {
        let (z, a) = (tile.view(conditional).rows(rows), tile.view(propensity).rows(rows))
        let dz = tile.gradient(conditional).rows(rows)
        var sum = 0.0
        for row in 0..<rows.count {
            guard Self.isKnown(outcome: outcomes[row], observed: observed[row]) else { continue }
            let o = Double(observed[row])
            let factor = scale * Double(weights?[row] ?? 1)
            let logit = Double(z.base[row * z.stride])
            var (loss, slope) = (0.0, 0.0)
            if o > 0 {
                let y = Double(outcomes[row])
                loss = softplus(logit) - y * logit
                slope = sigmoid(logit) - y
            }
            let inverse =
                o > 0 ? o * min(1 + exp(-Double(a.base[row * a.stride])), maximumWeight) : 0
            guard let imputed else {
                sum += factor * inverse * loss
                dz.base[row * dz.stride] += Scalar(factor * inverse * slope)
                continue
            }
            let (u, du) = (tile.view(imputed).rows(rows), tile.gradient(imputed).rows(rows))
            let guess = Double(u.base[row * u.stride])
            let estimate = softplus(guess)
            let error = loss - estimate
            sum += factor * (estimate + inverse * error * (1 + error))
            dz.base[row * dz.stride] += Scalar(factor * inverse * slope)
            du.base[row * du.stride] += Scalar(factor * (1 - inverse * (1 + 2 * error)) * sigmoid(guess))
        }
        return sum
    }

    private func sigmoid(_ z: Double) -> Double { 1 / (1 + exp(-z)) }
    private func softplus(_ z: Double) -> Double { max(z, 0) + log1p(exp(-abs(z))) }
}
