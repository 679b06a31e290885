extension GraphBuilder {
    /// act(x_b W + b) of every block of x, with one W for all: `[rows, blocks · units]`, "NAME.weight" and "NAME.bias".
    public mutating func tiedDense(
        _ x: GraphValue, blocks: Int, units: Int, activation: Activation, name title: String
    ) -> GraphValue {
        precondition(
            units > 0 && blocks > 0 && x.width % blocks == 0, "\(x.width) columns in \(blocks) blocks")
        precondition(!activation.hasParameters, "\(activation.rawValue), which only hidden layers have")
        let source = inWorkspace(x)
        let inputs = x.width / blocks
        let order: Dense.Order = units < 8 && activation != .relu ? .outputMajor : .inputMajor
        var layer = Dense(
            blocks: 1, inputs: inputs, outputs: units, inputIsShared: false,
            activation: activation, order: order)
        layer.weight = place(layer.weightCount + layer.biasCount)
        layer.bias = layer.weight + layer.weightCount
        if order == .inputMajor && needsGradient(source) {
            layer.transposed = transposedCount
            transposedCount = Self.sum(transposedCount, layer.biasCount * layer.transposedStride)
        }
        nameLayer(
            title, weight: layer.weight, bias: layer.bias, inputs: inputs, outputs: units,
            isTransposed: order == .inputMajor)
        let y = reserve(blocks * units)
        let saved = activation.savesInput ? reserveSaved(y.width) : y
        note(y, hasParameters: true, from: [])
        nodes.append(
            .tiedDense(
                TiedDenseNode(
                    layer: layer, x: source, y: y, saved: saved, isTrained: true, blocks: 0..<blocks)))
        return y
    }

    /// x_b Θᵀ of every block of x: `[rows, blocks · units]`; "NAME.weight" `[units, x.width / blocks]` is Θ, which starts
    /// with orthonormal rows and which no optimiser changes; `updateSubspace` may.
    public mutating func fixedMap(_ x: GraphValue, blocks: Int, units: Int, name title: String) -> GraphValue
    {
        precondition(
            units > 0 && blocks > 0 && x.width % blocks == 0, "\(x.width) columns in \(blocks) blocks")
        let source = inWorkspace(x)
        var layer = Dense(
            blocks: 1, inputs: x.width / blocks, outputs: units, inputIsShared: false,
            activation: .identity, order: .outputMajor)
        layer.weight = place(layer.weightCount + layer.biasCount, isTrained: false)
        layer.bias = layer.weight + layer.weightCount
        name(title + ".weight", layer.weight, [units, layer.inputs], isTrained: false)
        beginnings.append(.orthonormal(layer.weight, rows: units, columns: layer.inputs, name: title))
        let y = reserve(blocks * units)
        note(y, from: [source])
        nodes.append(
            .tiedDense(
                TiedDenseNode(layer: layer, x: source, y: y, saved: y, isTrained: false, blocks: 0..<blocks)))
        return y
    }

    /// Layers of `tiedDense`: `[rows, blocks · units of the last layer]`; layer l's parameters are "NAME.l.weight" and
    /// "NAME.l.bias". Layers with normalisation, dropout or an activation with parameters trap:
    /// `check(at:allowsNone:isPlain:)` refuses them before.
    public mutating func tiedStack(
        _ x: GraphValue, blocks: Int, _ layers: [HiddenLayer], name title: String
    ) -> GraphValue {
        var value = x
        precondition(layers.allSatisfy(\.isPlain), "tied layers that are no plain ones")
        for (depth, layer) in layers.enumerated() {
            value = tiedDense(
                value, blocks: blocks, units: layer.units, activation: layer.activation,
                name: "\(title).\(depth)")
        }
        return value
    }

    /// target = x, or target += x where an earlier node has written it; of equal width.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - target: from `reserve`, or part of it.
    ///   - isFirst: whether it overwrites.
    public mutating func accumulate(_ x: GraphValue, into target: GraphValue, isFirst: Bool) {
        precondition(x.width == target.width, "\(x.width) columns into \(target.width)")
        linear(x, into: target, alpha: 1, adds: !isFirst)
    }

    /// Adds a loss of a conditional probability that corrects for which rows could be observed: each row's loss weighted by
    /// its inverse propensity, or doubly robust where there is an imputation; see `ESCM2`. No gradient of the imputation's
    /// squared error flows into the conditional logit.
    ///
    /// All logits are `[rows, 1]`.
    /// - Parameters:
    ///   - conditional: the logit of the outcome once it was observed.
    ///   - propensity: the logit of being observed; no gradient flows through it.
    ///   - imputed: before its softplus, what the loss would be; nil for inverse propensities alone.
    ///   - outcome: the task whose label is the outcome.
    ///   - observed: the task whose label says whether it could happen.
    ///   - maximumWeight: the largest inverse propensity; larger ones are clipped to it.
    ///   - weight: the loss's factor.
    /// - SeeAlso: Wang et al., arXiv 2204.05125.
    public mutating func penalizeCounterfactual(
        conditional: GraphValue, propensity: GraphValue, imputed: GraphValue?, outcome: Int, observed: Int,
        maximumWeight: Double, weight: Double
    ) {
        precondition(
            conditional.width == 1 && propensity.width == 1 && imputed?.width ?? 1 == 1, "single logits")
        joints.append(
            .counterfactual(
                CounterfactualLoss(
                    conditional: conditional, propensity: propensity, imputed: imputed, outcome: outcome,
                    observed: observed, maximumWeight: maximumWeight, weight: weight)))
    }
}
