/// A step between the features and the architecture, which reads what the layers leave of them.
public protocol FeatureLayer: Sendable {
    /// Builds the layer: it reads the graph's features, fields and sequences and appends to them or replaces them.
    ///
    /// - Parameters:
    ///   - graph: the builder, with what earlier layers made of the features.
    ///   - name: what its parameters' names begin with, "features.N" for the model's layer N.
    /// - Throws: `InputError` where an option is out of range or a field is not there.
    func build(_ graph: inout GraphBuilder, name: String) throws(InputError)
}

/// Cross layers: x_(l+1) = x_0 ⊙ (W x_l + b) + x_l, "NAME.cross.l.weight", over all features.
///
/// With a rank W is U V: "NAME.cross.l.down" is V and "NAME.cross.l.up" U. V has a bias of its own, which the paper's has not; it
/// adds no function, since U carries it into b. Gated, x_(l+1) = x_0 ⊙ (W x_l + b) ⊙ σ(W_g x_l) + x_l: a gate for every product, of
/// the same rank, "NAME.cross.l.gate" and with a rank "NAME.cross.l.gate.down" and "….up", without biases.
/// - SeeAlso: Wang et al., *DCN V2: Improved Deep & Cross Network*, arXiv 2008.13535; Wang et al., *Towards Deeper, Lighter and
///   Interpretable Cross Network*, arXiv 2311.04635, whose gates these are.
public struct CrossLayers: FeatureLayer, Equatable {
    /// The number of layers; features are multiplied with each other up to this many times.
    public var count: Int
    /// The rank of W; 0 for full.
    public var rank: Int
    /// Whether the last layer's output stands beside the features (the paper's parallel form) or in their place (stacked), where
    /// it leaves no embedded fields.
    public var appends: Bool
    /// Whether every product has a gate.
    public var isGated: Bool

    /// By default of full rank, without gates, and in the place of the features.
    public init(count: Int = 3, rank: Int = 0, appends: Bool = false, isGated: Bool = false) {
        self.count = count
        self.rank = rank
        self.appends = appends
        self.isGated = isGated
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("count", &count)
        try options.read("rank", &rank)
        try options.read("appends", &appends)
        try options.read("gated", &isGated)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try require(count, atLeast: 1, "\(name), layers")
        try require(rank, atLeast: 0, atMost: SizeLimit.rank, "\(name), rank")
        let all = graph.joinedFeatures()
        let first = graph.inWorkspace(all)
        let width = first.width
        var x = first
        for depth in 0..<count {
            let title = "\(name).cross.\(depth)"
            let wx = map(&graph, x, width, .identity, hasBias: true, title)
            let y = graph.reserve(width)
            if isGated {
                let gate = map(&graph, x, width, .sigmoid, hasBias: false, title + ".gate")
                _ = graph.multiply(graph.multiply(first, wx), gate, into: y)
            } else {
                _ = graph.multiply(first, wx, into: y)
            }
            graph.accumulate(x, into: y, isFirst: false)
            x = y
        }
        if appends { graph.appendFeatures(x) } else { graph.replaceFeatures(x) }
    }

    /// act(W x + b), or act(U (V x + b') + b) with a rank.
    private func map(
        _ graph: inout GraphBuilder, _ x: GraphValue, _ units: Int, _ activation: Activation, hasBias: Bool,
        _ name: String
    ) -> GraphValue {
        func dense(_ x: GraphValue, _ units: Int, _ activation: Activation, _ name: String) -> GraphValue {
            graph.dense(
                x, units: units, activation: activation, names: [name], inputIsShared: true, hasBias: hasBias)
        }
        guard rank > 0 else { return dense(x, units, activation, name) }
        return dense(dense(x, rank, .identity, name + ".down"), units, activation, name + ".up")
    }
}
