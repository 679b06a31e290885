/// Multi-task attention network on dense layers: a shared trunk, and per task and layer a mask over the trunk's units.
///
/// With p_l the trunk's layer l (p_{-1} the features), a_tl = σ(V relu(U [p_{l-1}; h_t(l-1)])) and h_tl = a_tl ⊙ p_l; at
/// layer 0 the mask reads the features alone. "trunk.l", "attention.TASK.l.0" (U) and "attention.TASK.l.1" (V). The
/// paper's block has two convolutions and reads the first's output where ours reads the block's input; its masks have
/// batch norms, ours none.
/// - SeeAlso: Liu, Johns & Davison, *End-to-End Multi-Task Learning with Attention*, arXiv 1803.10704.
public struct MTAN: Architecture, Equatable {
    /// The shared layers, from the features up.
    public var layers: [HiddenLayer]
    /// The hidden units of a mask.
    public var attention: Int

    /// A trunk and the width of its masks' hidden layer.
    public init(layers: [HiddenLayer], attention: Int = 16) {
        self.layers = layers
        self.attention = attention
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("attention", &attention)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false)
        try require(attention, atLeast: 1, atMost: SizeLimit.units, "attention units")
        let names = graph.headOrder.map { graph.tasks[$0].name }
        var (below, attended) = (graph.features, [GraphValue]())
        for (depth, layer) in layers.enumerated() {
            let shared = graph.layer(below, layer, names: ["trunk.\(depth)"], inputIsShared: true)
            let input =
                depth == 0 ? below : graph.concatenate(attended.flatMap { [below, $0] })
            let masks = graph.stack(
                input, [.relu(attention), .dense(layer.units, .sigmoid)],
                names: names.map { "attention.\($0).\(depth)" }, inputIsShared: depth == 0)
            let value = graph.reserve(names.count * layer.units)
            attended = value.blocks(names.count)
            for (mask, target) in zip(masks.blocks(names.count), attended) {
                _ = graph.multiply(mask, shared, into: target)
            }
            below = shared
        }
        return graph.heads(graph.inTaskOrder(attended))
    }
}
