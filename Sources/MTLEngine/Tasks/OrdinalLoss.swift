#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The sum of -log P(y) of ordered classes, and its gradient in the outputs; see `LearningTask.Kind.ordinal`.
///
/// σ(a) - σ(b) = σ(a) σ(-b) (1 - exp(b - a)), and of neighbours a - b = softplus(z) is 1 - exp(b - a) = σ(z): nothing cancels.
@inline(__always)
func ordinalLoss<Scalar: BLASScalar>(
    _ logits: MatrixView<Scalar>, _ labels: UnsafePointer<Scalar>, _ labelStride: Int, _ scale: Scalar,
    _ gradient: MatrixView<Scalar>?
) -> Double {
    var sum = 0.0
    let outputs = logits.columns
    for row in 0..<logits.rows {
        let label = labels[row * labelStride]
        let z = logits.base + row * logits.stride
        let d = gradient.map { $0.base + row * $0.stride }
        d?.update(repeating: 0, count: outputs)
        guard !label.isNaN else { continue }
        let own = Int(label)
        // Slopes in the cumulative logits below and above the class.
        var (logit, below, above) = (0.0, 0.0, 0.0)
        for index in 0...min(own, outputs - 1) {
            logit = index == 0 ? Double(z[0]) : logit - softplus(Double(z[index]))
            if index == own - 1 {
                sum += softplus(-logit)
                below = -sigmoid(-logit)
            }
            if index == own {
                sum += softplus(logit)
                above = sigmoid(logit)
                if own > 0 { sum += softplus(-Double(z[own])) }
            }
        }
        guard let d else { continue }
        d[0] = scale * Scalar(below + above)
        for index in 1..<max(1, min(own, outputs - 1) + 1) {
            // Every output beyond the first moves the cumulative logits from its own on.
            let behind = (index <= own - 1 ? below : 0) + above
            var slope = -sigmoid(Double(z[index])) * behind
            if index == own { slope -= sigmoid(-Double(z[index])) }
            d[index] = scale * Scalar(slope)
        }
    }
    return sum
}

/// The probabilities of a row's classes.
@inline(__always)
func ordinalProbabilities<Scalar: BLASScalar>(
    _ z: UnsafeMutablePointer<Scalar>, _ p: UnsafeMutablePointer<Scalar>, classes: Int
) {
    var (logit, above) = (0.0, 1.0)
    for index in 0..<classes - 1 {
        logit = index == 0 ? Double(z[0]) : logit - softplus(Double(z[index]))
        let next = sigmoid(logit)
        p[index] = Scalar(max(0, above - next))
        above = next
    }
    p[classes - 1] = Scalar(above)
}
