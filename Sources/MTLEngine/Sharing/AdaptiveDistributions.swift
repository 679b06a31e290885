/// Adaptive distribution hierarchical model: rows find their distribution themselves, by the centre that their features have
/// the greatest dot product with, and each distribution has star layers up to the logits: W_k ⊙ W, b_k + b.
///
/// In a training step the centres, which lie on the unit sphere, move in three rounds before rows are dealt out:
/// r = softmax(x·c) over the clusters and c ← β c + (1 - β) Σ r x over the batch, brought to length 1. No gradient reaches them
/// or passes the routing, and prediction routes by the centres alone. All clusters are computed for every row, so their number
/// multiplies the star layers' cost. It knows no scenarios: they may be one of the features. Parameters: "routing.centres" (not
/// trained), "star.l.k.weight", "star.l.shared.weight", "heads.TASK.l.k.weight", "heads.TASK.l.shared.weight".
/// - SeeAlso: Li et al., *Adaptive Distribution Hierarchical Model for Multi-Domain CTR Prediction* (AdaptDHM), arXiv
///   2211.12105.
public struct AdaptDHM: Architecture, Equatable {
    /// The star layers, from the features up.
    public var layers: [HiddenLayer]
    /// The number of distributions.
    public var clusters: Int
    /// β: how much of a centre stays in a round.
    public var momentum: Double

    /// By default three clusters.
    public init(layers: [HiddenLayer], clusters: Int = 3, momentum: Double = 0.9) {
        self.layers = layers
        self.clusters = clusters
        self.momentum = momentum
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("clusters", &clusters)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range, or a task whose tower has a
    ///   normalisation, dropout or an activation with parameters.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false, isPlain: true)
        try require(clusters, atLeast: 1, "clusters")
        guard momentum >= 0, momentum < 1 else {
            throw InputError(.value, at: "momentum", found: "\(momentum)", expected: "0 up to 1, without 1")
        }
        for task in graph.tasks { try task.tower.check(at: "task \"\(task.name)\", tower", isPlain: true) }
        let routes = graph.routing(
            graph.features, clusters: clusters, momentum: momentum, name: "routing")
        let h = star(&graph, graph.features, layers, routes, name: "star")
        var logits: [GraphValue] = []
        for task in graph.tasks {
            let head = task.tower + [.dense(task.outputs, .identity)]
            logits.append(star(&graph, h, head, routes, name: "heads.\(task.name)"))
        }
        return logits
    }

    private func star(
        _ graph: inout GraphBuilder, _ x: GraphValue, _ layers: [HiddenLayer], _ routes: GraphValue,
        name: String
    ) -> GraphValue {
        var h = x
        for (depth, layer) in layers.enumerated() {
            h = graph.clusterDense(
                h, units: layer.units, activation: layer.activation, routes: routes,
                name: "\(name).\(depth)")
        }
        return h
    }
}
