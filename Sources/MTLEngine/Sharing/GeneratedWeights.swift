/// Adaptive parameter generation: every layer is a product of two low-rank factors that all rows share around a small
/// matrix that is generated for the row, W = U S(z) V, act(((x U + a) S(z)) V + b).
///
/// z is the row's scenario, its features, or both; no gradient flows from z into the features' embeddings. The paper's
/// over-parameterised factors, which are one matrix after training, are left out. S begins as `nn.Linear` does, the
/// down-projection U has a bias. Parameters: "condition.scenarios.s", "layers.l.down.weight", "layers.l.generator.k.weight",
/// "layers.l.up.weight", "heads.TASK.l.weight".
/// - SeeAlso: Yan et al., *APG: Adaptive Parameter Generation Network for Click-Through Rate Prediction*, arXiv
///   2203.16218.
public struct APG: Architecture, Equatable {
    /// What the weights are generated from, z.
    public enum Condition: String, Sendable, CaseIterable {
        /// A trained vector of the row's scenario.
        case scenario
        /// The features, through which no gradient flows back.
        case features
        /// Both, side by side.
        case both
    }

    /// The layers, from the features up.
    public var layers: [HiddenLayer]
    /// k: S(z) is `[k, k]`.
    public var rank: Int
    /// What the weights are generated from, z.
    public var condition: Condition
    /// The width of the scenario's vector in z.
    public var scenarioWidth: Int
    /// The hidden layers of a generator.
    public var generator: [HiddenLayer]

    /// By default z is the scenario.
    public init(
        layers: [HiddenLayer], rank: Int = 8, condition: Condition = .scenario, scenarioWidth: Int = 8,
        generator: [HiddenLayer] = []
    ) {
        self.layers = layers
        self.rank = rank
        self.condition = condition
        self.scenarioWidth = scenarioWidth
        self.generator = generator
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("rank", &rank)
        try options.read("condition", &condition)
        try options.read("scenario_width", &scenarioWidth)
        try options.read("generator", &generator, .relu)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, kind.outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false, isPlain: true)
        try generator.check(at: "generator")
        try require(rank, atLeast: 1, atMost: SizeLimit.rank, "rank")
        try require(scenarioWidth, atLeast: 1, atMost: SizeLimit.units, "scenario width")
        var parts: [GraphValue] = []
        if condition != .features {
            parts.append(graph.scenarioVector(scenarioWidth, name: "condition.scenarios"))
        }
        if condition != .scenario { parts.append(graph.features.stopped) }
        let z = graph.concatenate(parts)
        var h = graph.features
        for (depth, layer) in layers.enumerated() {
            let name = "layers.\(depth)"
            let s = graph.stack(
                z, generator + [.dense(rank * rank, .identity)], names: ["\(name).generator"])
            let down = graph.dense(h, units: rank, activation: .identity, name: "\(name).down")
            h = graph.dense(
                graph.rowProduct(down, s), units: layer.units, activation: layer.activation,
                name: "\(name).up")
        }
        return graph.heads(graph.tasks.map { _ in h })
    }
}

/// Hyper adapters for multi-domain recommendation: behind every layer of a shared bottom an adapter of the row's
/// scenario, whose small matrices a hyper-network of the row's features generates.
///
/// H = hyper(x) is `[k, k]` for each row and serves all adapters. An adapter of a layer's output h is
/// h + norm(σ((h U_s H) V_s + a_s) U′_s H V′_s + b_s): all factors are the scenario's own, and the norm takes the
/// scenario's statistics, in prediction moving ones. Unlike in the paper the projections U have biases, and the norm has
/// shared factors beside the scenario's. Parameters: "trunk.l.weight", "hyper.k.weight", "adapters.l.down.0.s.weight",
/// "adapters.l.up.0.s.weight", "adapters.l.down.1.s.weight", "adapters.l.up.1.s.weight", "adapters.l.norm.*",
/// "heads.TASK.l.weight".
/// - SeeAlso: Li et al., *HAMUR: Hyper Adapter for Multi-Domain Recommendation*, arXiv 2309.06217.
public struct HAMUR: Architecture, Equatable {
    /// The layers of the shared bottom.
    public var trunk: [HiddenLayer]
    /// k: H is `[k, k]`.
    public var rank: Int
    /// The width of an adapter's hidden layer.
    public var adapterWidth: Int
    /// The hidden layers of the hyper-network.
    public var hyper: [HiddenLayer]

    /// By default small adapters.
    public init(
        trunk: [HiddenLayer], rank: Int = 8, adapterWidth: Int = 32, hyper: [HiddenLayer] = [.relu(64)]
    ) {
        self.trunk = trunk
        self.rank = rank
        self.adapterWidth = adapterWidth
        self.hyper = hyper
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(trunk: try options.layers())
        try options.read("rank", &rank)
        try options.read("adapter_width", &adapterWidth)
        try options.read("generator", &hyper, .relu)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, kind.outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try trunk.check(at: "trunk", allowsNone: false, isPlain: true)
        try hyper.check(at: "hyper")
        try require(rank, atLeast: 1, atMost: SizeLimit.rank, "rank")
        try require(adapterWidth, atLeast: 1, atMost: SizeLimit.units, "adapter width")
        let matrices = graph.stack(
            graph.features, hyper + [.dense(rank * rank, .identity)], names: ["hyper"])
        var h = graph.features
        for (depth, layer) in trunk.enumerated() {
            let name = "adapters.\(depth)"
            h = graph.dense(
                h, units: layer.units, activation: layer.activation, name: "trunk.\(depth)")
            var adapted = h
            for (half, units) in [adapterWidth, layer.units].enumerated() {
                let down = graph.scenarioDense(
                    adapted, units: rank, activation: .identity, name: "\(name).down.\(half)")
                adapted = graph.scenarioDense(
                    graph.rowProduct(down, matrices), units: units,
                    activation: half == 0 ? .sigmoid : .identity, name: "\(name).up.\(half)")
            }
            let normed = graph.batchNorm(adapted, isPartitioned: true, name: "\(name).norm")
            h = graph.add([h, normed])
        }
        return graph.heads(graph.tasks.map { _ in h })
    }
}

extension APG.Condition: OptionType {}
