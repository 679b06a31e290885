/// Hyper adapters for multi-domain recommendation: a network of every scenario's own, and behind its last layers an adapter
/// that all share, whose small matrices a hyper-network of the row's features generates.
///
/// Scenario s computes h = act(BN_s(x W_s + b_s)) layer by layer. H = hyper(x) is `[k, k]` for each row, its layers linear, batch
/// norm and activation, the last one's too; it serves all adapters. An adapter of h is
/// h + BN(σ(h U H V + a) U′ H V′ + b): U, V, biases and the norm are of all scenarios. The scenarios' norms are partitioned
/// (`GraphBuilder.batchNorm`): statistics of the scenario's rows, factors of its own beside shared ones. In prediction all norms
/// take moving statistics. Towers and last layers are the scenario's too. Parameters: "trunk.l.s.weight", "trunk.l.norm.*",
/// "hyper.k.weight", "hyper.k.norm.*", "adapters.l.down.0.weight", "adapters.l.up.0.weight", "adapters.l.down.1.weight",
/// "adapters.l.up.1.weight", "adapters.l.norm.*", "heads.TASK.l.s.weight".
/// - SeeAlso: Li et al., *HAMUR: Hyper Adapter for Multi-Domain Recommendation*, arXiv 2309.06217, and the authors' code, whose
///   norms take the statistics of whatever rows they are given, in prediction too.
public struct HAMUR: Architecture, Equatable {
    /// The layers of a scenario's network.
    public var trunk: [HiddenLayer]
    /// k: H is `[k, k]`.
    public var rank: Int
    /// The width of an adapter's hidden layer.
    public var adapterWidth: Int
    /// The hidden layers of the hyper-network.
    public var hyper: [HiddenLayer]
    /// How many of the last layers have an adapter behind them.
    public var adapters: Int

    /// By default a small adapter behind the last layer.
    public init(
        trunk: [HiddenLayer], rank: Int = 8, adapterWidth: Int = 32, hyper: [HiddenLayer] = [.relu(64)],
        adapters: Int = 1
    ) {
        self.trunk = trunk
        self.rank = rank
        self.adapterWidth = adapterWidth
        self.hyper = hyper
        self.adapters = adapters
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(trunk: try options.layers())
        try options.read("rank", &rank)
        try options.read("adapter_width", &adapterWidth)
        try options.read("generator", &hyper, .relu)
        try options.read("adapters", &adapters)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try trunk.check(at: "trunk", allowsNone: false, isPlain: true)
        try hyper.check(at: "hyper", isPlain: true)
        try require(rank, atLeast: 1, atMost: SizeLimit.rank, "rank")
        try require(adapterWidth, atLeast: 1, atMost: SizeLimit.units, "adapter width")
        try require(adapters, atLeast: 1, atMost: trunk.count, "adapters")
        // As in the authors' code the matrices end in the activation of the hidden layers, a ReLU without any.
        let sizes = hyper + [.dense(rank * rank, hyper.last?.activation ?? .relu)]
        let matrices = graph.stack(
            graph.features,
            sizes.map { .dense($0.units, $0.activation, normalization: .batch) }, names: ["hyper"])
        var h = graph.features
        for (depth, layer) in trunk.enumerated() {
            let name = "trunk.\(depth)"
            let sums = graph.scenarioDense(h, units: layer.units, activation: .identity, name: name)
            h = graph.activation(
                graph.batchNorm(sums, isPartitioned: true, name: name + ".norm"), layer.activation)
            guard depth >= trunk.count - adapters else { continue }
            h = adapted(&graph, h, matrices, name: "adapters.\(depth)")
        }
        return graph.scenarioHeads(h)
    }

    private func adapted(
        _ graph: inout GraphBuilder, _ h: GraphValue, _ matrices: GraphValue, name: String
    ) -> GraphValue {
        var value = h
        for (half, units) in [adapterWidth, h.width].enumerated() {
            let down = graph.dense(
                value, units: rank, activation: .identity, names: ["\(name).down.\(half)"],
                inputIsShared: true, hasBias: false)
            value = graph.dense(
                graph.rowProduct(down, matrices), units: units,
                activation: half == 0 ? .sigmoid : .identity, name: "\(name).up.\(half)")
        }
        return graph.add([h, graph.batchNorm(value, name: name + ".norm")])
    }
}
