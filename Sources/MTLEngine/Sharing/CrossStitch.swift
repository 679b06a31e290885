/// Cross-stitch networks: every task has a network of its own, and after each layer a task goes on with a learned mixture
/// of all tasks' outputs, h̃_i = Σ_j α_ij h_j.
///
/// α begins with `own` in its diagonal and the rest of 1 spread over the other tasks. Public implementations differ: some
/// begin with ones everywhere, which multiplies activations by the number of tasks per layer.
/// - SeeAlso: Misra et al., *Cross-stitch Networks for Multi-task Learning*, arXiv 1604.03539.
public struct CrossStitch: Architecture, Equatable {
    /// The layers of a task's network.
    public var layers: [HiddenLayer]
    /// α's diagonal at the start.
    public var own: Double

    /// By default tasks begin with 0.9 of their own.
    public init(layers: [HiddenLayer], own: Double = 0.9) {
        self.layers = layers
        self.own = own
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("own_share", &own)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false)
        try requireShare(own, "own share")
        let order = graph.headOrder
        var value = graph.features
        for (depth, layer) in layers.enumerated() {
            value = graph.layer(
                value, layer,
                names: order.map { "networks.\(graph.tasks[$0].name).\(depth)" }, inputIsShared: depth == 0)
            value = graph.crossStitch(value, blocks: order.count, on: own, name: "stitches.\(depth)")
        }
        return graph.heads(graph.inTaskOrder(value.blocks(order.count)))
    }
}
