/// Single-task models side by side: every task has tables, feature layers, a network and a head of its own, and nothing is shared.
///
/// It is what sharing is compared with: the same settings, rows and batches as a model of several tasks, each task
/// learned as if it were alone. A task's layers are those of `SharedBottom` with the same layers in a model of that task only,
/// named "networks.TASK.l.weight"; its tables are "embeddings.TASK.TABLE.weight", its feature layers "features.TASK.N". What a
/// trainer does over all parameters still ties the tasks: the norm of `GradientClipping.norm`, and the epoch that is kept.
///
/// - SeeAlso: `SoftSharing`, whose networks are the tasks' own over tables that all of them read.
public struct SeparateNetworks: Architecture, Equatable {
    /// The layers of a task's network.
    public var layers: [HiddenLayer]

    /// Layers of every task's network, the lowest first; none is allowed: then the heads read the features.
    public init(layers: [HiddenLayer]) { self.layers = layers }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
    }

    /// Every task has features of its own.
    public var separatesFeatures: Bool { true }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers")
        let features = graph.taskFeatures
        guard !layers.isEmpty else { return graph.heads(features) }
        guard features.contains(where: { $0 != features[0] }) else {
            return graph.heads(graph.networks(features[0], layers))
        }
        // Features of equal width run side by side, each block over its own.
        let order = graph.headOrder
        let networks = graph.stack(
            graph.concatenate(order.map { features[$0] }), layers,
            names: order.map { "networks.\(graph.tasks[$0].name)" }, inputIsShared: false)
        return graph.heads(graph.inTaskOrder(networks.blocks(order.count)))
    }
}
