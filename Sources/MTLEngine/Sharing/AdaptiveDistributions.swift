/// Adaptive distribution hierarchical model: rows find their distribution themselves, as the nearest of a few centres in
/// the space of the features, and each distribution has star layers: W_k ⊙ W, b_k + b.
///
/// Centres follow the means of their rows with an exponential moving average; no gradient reaches them or passes the
/// routing, and prediction routes by the centres alone. The paper routes by a softmax of dot products, which one long
/// centre can win everywhere; here the nearest wins. All clusters are computed for every row, so their number multiplies
/// the star layers' cost. It knows no scenarios: they may be one of the features. Parameters: "routing.centres" (not
/// trained), "star.l.k.weight", "star.l.shared.weight", "heads.TASK.l.weight".
/// - SeeAlso: Li et al., *Adaptive Distribution Hierarchical Model for Multi-Domain CTR Prediction* (AdaptDHM), arXiv
///   2211.12105.
public struct AdaptDHM: Architecture, Equatable {
    /// The star layers, from the features up.
    public var layers: [HiddenLayer]
    /// The number of distributions.
    public var clusters: Int
    /// β: how much of a centre stays in a step.
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

    /// Adds the nodes from the features to the logits; per task `[rows, kind.outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false, isPlain: true)
        try require(clusters, atLeast: 1, "clusters")
        guard momentum >= 0, momentum < 1 else {
            throw InputError(.value, at: "momentum", found: "\(momentum)", expected: "0 up to 1, without 1")
        }
        let routes = graph.routing(
            graph.features, clusters: clusters, momentum: momentum, name: "routing")
        var h = graph.features
        for (depth, layer) in layers.enumerated() {
            h = graph.clusterDense(
                h, units: layer.units, activation: layer.activation, routes: routes, name: "star.\(depth)")
        }
        return graph.heads(graph.tasks.map { _ in h })
    }
}
