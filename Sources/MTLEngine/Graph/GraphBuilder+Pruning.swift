extension GraphBuilder {
    /// Factors that cut off what matters little: v = scale · σ(α x) where that is above a threshold, else 0: `[rows, x.width]`;
    /// "NAME.sharpness" `[1]` is α, which no optimiser trains: every training step raises it, so that factors begin nearly alike
    /// and end nearly as 0 or scale.
    ///
    /// - Parameters:
    ///   - x: the scores, `[rows, columns]`.
    ///   - scale: the greatest factor; above 0.
    ///   - threshold: what factors are to be above; at least 0, below the scale.
    ///   - sharpness: α before the first step, and where it stays; above 0.
    ///   - steps: the number of steps in which it gets there.
    ///   - title: NAME, what the parameter's name begins with.
    /// - SeeAlso: Yang et al., arXiv 2206.13108, the fusion of section 3.3.
    public mutating func pruning(
        _ x: GraphValue, scale: Double, threshold: Double, sharpness: ClosedRange<Double>, steps: Int,
        name title: String
    ) -> GraphValue {
        precondition(
            threshold >= 0 && threshold < scale && sharpness.lowerBound > 0 && steps > 0,
            "factors up to \(scale) above \(threshold), \(sharpness) in \(steps) steps")
        let source = inWorkspace(x)
        let alpha = place(1, isTrained: false)
        vector("\(title).sharpness", alpha, 1, beginsAt: sharpness.lowerBound, isTrained: false)
        structures.append(
            .raised(
                "\(title).sharpness", by: (sharpness.upperBound - sharpness.lowerBound) / Double(steps),
                to: sharpness.upperBound))
        let y = reserve(x.width)
        note(y, from: [source])
        nodes.append(
            .pruning(
                PruningNode(x: source, y: y, scale: scale, threshold: threshold, sharpness: alpha)))
        return y
    }
}
