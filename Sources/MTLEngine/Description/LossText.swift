extension LearningTask {
    /// What the task minimises and what it predicts, in words: "Huber's loss (delta 1.0) of (label - 12.5) / 3.0; predicts the
    /// label in its own unit".
    public var lossDescription: String {
        var loss: String
        switch kind {
        case .binary, .multiclass: loss = focusing > 0 ? "focal loss, gamma \(focusing)" : "log loss"
        case .ordinal(let classes): return "log loss of \(classes) ordered classes"
        case .squaredError: loss = "squared error"
        case .huber(let delta): loss = "Huber's loss, delta \(delta)"
        case .quantile(let level): loss = "pinball loss of quantile \(level)"
        case .poisson: loss = "Poisson deviance"
        case .tweedie(let power): loss = "Tweedie deviance, power \(power)"
        case .zeroInflatedLognormal: loss = "zero-inflated lognormal loss"
        }
        switch kind {
        case .binary, .multiclass:
            if let ranking {
                loss =
                    "\(Self.rounded(1 - ranking.share)) \(loss) + \(ranking.share) \(ranking.kind.rawValue) loss of a group"
            }
            if let f1 {
                return "log loss, rows with label 0 weighted for the F-measure, beta \(Self.rounded(f1))"
            }
            guard isReweighted else { return "\(loss)" }
            let weights = classWeights.map { "\(Self.rounded($0))" }.joined(separator: ", ")
            return loss + (weights.isEmpty ? "" : ", classes weighted \(weights)")
                + "; probabilities are corrected for it"
        default: break
        }
        guard !labelScale.isIdentity else { return "\(loss) of the label" }
        var label = labelScale.isLogarithmic ? "log(1 + label)" : "label"
        if labelScale.shift != 0 { label = "(\(label) - \(Self.rounded(labelScale.shift)))" }
        if labelScale.scale != 1 { label += " / \(Self.rounded(labelScale.scale))" }
        return "\(loss) of \(label); predictions are in the label's unit"
    }

    /// Six digits, without Foundation.
    private static func rounded(_ value: Double) -> Double {
        guard value != 0, value.isFinite else { return value }
        var step = 1.0
        while value.magnitude * step < 100_000, step < 1e300 { step *= 10 }
        while value.magnitude * step >= 1_000_000, step > 1e-300 { step /= 10 }
        return (value * step).rounded() / step
    }
}
