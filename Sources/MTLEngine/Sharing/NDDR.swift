/// Neural discriminative dimensionality reduction: a network per task; after every layer each task's features become a
/// linear map of all tasks' features side by side, then a batch norm and an activation.
///
/// h̃_t = relu(BN(W_t [h_1; …; h_T] + b_t)), "fusions.TASK.l.weight" `[units, tasks · units]` with the tasks' blocks in the order of
/// `headOrder`, "norms.TASK.l". W_t begins with `own` in the diagonal of its own block and the rest shared out among the
/// others' diagonals; b_t, which there is only without a norm, at 0.
/// The norm's moving statistics have a momentum of .05.
/// - SeeAlso: Gao et al., *NDDR-CNN*, arXiv 1801.08297, where the map is a 1 × 1 convolution.
public struct NDDR: Architecture, Equatable {
    /// The layers of a task's network.
    public var layers: [HiddenLayer]
    /// A task's own share at the start.
    public var own: Double
    /// Whether a batch norm follows.
    public var isNormed: Bool
    /// What the fused features go through; it has no parameters.
    public var activation: Activation

    /// By default tasks begin with 0.9 of their own.
    public init(
        layers: [HiddenLayer], own: Double = 0.9, isNormed: Bool = true, activation: Activation = .relu
    ) {
        self.layers = layers
        self.own = own
        self.isNormed = isNormed
        self.activation = activation
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("own_share", &own)
        try options.read("normalized", &isNormed)
        try options.read("fused_activation", &activation)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false)
        try requireShare(own, "own share")
        try requirePlain(activation, "fused activation")
        let names = graph.headOrder.map { graph.tasks[$0].name }
        var value = graph.features
        for (depth, layer) in layers.enumerated() {
            value = graph.layer(
                value, layer, names: names.map { "networks.\($0).\(depth)" }, inputIsShared: depth == 0)
            value = graph.fusion(
                value, names: names.map { "fusions.\($0).\(depth)" }, own: own,
                hasBias: !isNormed)
            if isNormed {
                value = graph.batchNorm(
                    value, names: names.map { "norms.\($0).\(depth)" }, momentum: 0.05)
            }
            value = graph.activation(value, activation)
        }
        return graph.heads(graph.inTaskOrder(value.blocks(names.count)))
    }
}
