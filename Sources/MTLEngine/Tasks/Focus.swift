#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What the focal loss makes of a row's cross-entropy c = -log p: it is (1-p)^γ c, and its slope in any logit
/// is ((1-p)^γ + γ p (1-p)^(γ-1) c) times that of c (arXiv 1708.02002).
struct Focus: BitwiseCopyable {
    let factor: Double
    let slope: Double

    @inline(__always)
    init(_ crossEntropy: Double, _ focusing: Double) {
        guard focusing > 0 else {
            (factor, slope) = (1, 1)
            return
        }
        // 1 - p without its cancellation where p is near 1.
        let rest = -expm1(-crossEntropy)
        guard rest > 0 else {
            (factor, slope) = (0, 0)
            return
        }
        factor = pow(rest, focusing)
        slope = factor + focusing * exp(-crossEntropy) * crossEntropy * factor / rest
    }
}

extension LearningTask {
    /// Whether the logits that training leads to are others than those of the probabilities.
    package var isReweighted: Bool { focusing > 0 || !classWeights.isEmpty }

    /// The logits of the probabilities behind those that a weighted or focal loss is least for, in place: z_k - log w_k - log s(q_k),
    /// s the slope of `Focus` (arXiv 2011.09172, theorem 11, with weights).
    package func calibrate<Scalar: BLASScalar>(_ z: MatrixView<Scalar>) {
        guard isReweighted else { return }
        func logWeight(_ index: Int) -> Double { classWeights.isEmpty ? 0 : log(classWeights[index]) }
        // Beyond it 1 - p is 0 for a Double, and so is its power.
        func logSlope(_ crossEntropy: Double) -> Double {
            log(max(Focus(crossEntropy, focusing).slope, .leastNormalMagnitude))
        }
        let isBinary = kind == .binary
        for row in 0..<z.rows {
            let own = z.base + row * z.stride
            if isBinary {
                let logit = Double(own[0])
                let rest = log1p(exp(-abs(logit)))
                let (yes, no) = (rest + max(-logit, 0), rest + max(logit, 0))
                own[0] = Scalar(
                    logit - logWeight(1) + logWeight(0) - logSlope(yes) + logSlope(no))
                continue
            }
            var largest = -Double.infinity
            for index in 0..<z.columns { largest = max(largest, Double(own[index])) }
            var sum = 0.0
            for index in 0..<z.columns { sum += exp(Double(own[index]) - largest) }
            let norm = largest + log(sum)
            for index in 0..<z.columns {
                let logit = Double(own[index])
                own[index] = Scalar(logit - logWeight(index) - logSlope(norm - logit))
            }
        }
    }
}
