/// Multi-gate mixture of experts: f_t = Σ_e softmax(gate_t(x))_e expert_e(x), then the task's tower.
///
/// Every expert is drawn from a stream of its own: experts that begin alike stay alike.
/// - SeeAlso: Ma et al., *Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts*, KDD
///   2018.
public struct MMoE: Architecture, Equatable {
    /// The number of experts.
    public var experts: Int
    /// The layers of an expert, from the features up.
    public var layers: [HiddenLayer]
    /// The layers of a gate before its linear one.
    public var gate: [HiddenLayer]
    /// What a gate's logits are divided by: above 1 for softer mixtures.
    public var temperature: Double
    /// In training, the share of a row's experts that all its gates lose, the others' weights divided by their sum.
    public var expertDropout: Double

    /// By default gates are linear.
    public init(
        experts: Int, layers: [HiddenLayer], gate: [HiddenLayer] = [], temperature: Double = 1,
        expertDropout: Double = 0
    ) {
        self.experts = experts
        self.layers = layers
        self.gate = gate
        self.temperature = temperature
        self.expertDropout = expertDropout
    }

    /// Builds the graph.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let order = graph.headOrder
        let mixed = try mixtures(&graph, names: order.map { graph.tasks[$0].name })
        return graph.heads(graph.inTaskOrder(mixed))
    }

    /// One mixture per gate.
    fileprivate func mixtures(_ graph: inout GraphBuilder, names: [String]) throws(InputError) -> [GraphValue]
    {
        try require(experts, atLeast: 1, "experts")
        try layers.check(at: "experts", allowsNone: false)
        try gate.check(at: "gates")
        guard temperature > 0, temperature.isFinite else {
            throw InputError(.value, at: "temperature", found: "\(temperature)", expected: "above 0, finite")
        }
        try requireRate(expertDropout, "expert dropout")
        let titles = (0..<experts).map { "experts.\($0)" }
        let outputs = graph.stack(graph.features, layers, names: titles)
        let gates = graph.gates(
            graph.features, gate, experts: experts, names: names.map { "gates.\($0)" },
            temperature: temperature)
        for (gate, name) in zip(gates, names) { graph.record(gate: gate, name: name, experts: titles) }
        let width = outputs.width / experts
        let kept = graph.expertDropout(gates, rate: expertDropout)
        return graph.mixture(experts: outputs, width: width, gates: kept).blocks(names.count)
    }
}

/// One-gate mixture of experts: all tasks read the same mixture.
///
/// - SeeAlso: Ma et al., KDD 2018, where it is the baseline of `MMoE`.
public struct OMoE: Architecture, Equatable {
    /// The number of experts.
    public var experts: Int
    /// The layers of an expert, from the features up.
    public var layers: [HiddenLayer]
    /// The layers of the gate before its linear one.
    public var gate: [HiddenLayer]
    /// What the gate's logits are divided by.
    public var temperature: Double
    /// In training, the share of a row's experts that the gate loses, the others' weights divided by their sum.
    public var expertDropout: Double

    /// By default the gate is linear.
    public init(
        experts: Int, layers: [HiddenLayer], gate: [HiddenLayer] = [], temperature: Double = 1,
        expertDropout: Double = 0
    ) {
        self.experts = experts
        self.layers = layers
        self.gate = gate
        self.temperature = temperature
        self.expertDropout = expertDropout
    }

    /// Builds the graph.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let shared = MMoE(
            experts: experts, layers: layers, gate: gate, temperature: temperature,
            expertDropout: expertDropout)
        let mixed = try shared.mixtures(&graph, names: ["shared"])
        return graph.heads(graph.tasks.map { _ in mixed[0] })
    }
}

extension GraphBuilder {
    /// Softmaxed gates, each of `layers` and a linear layer "NAME.l": per name a value `[rows, experts]`.
    ///
    /// - Parameter inputIsShared: whether every gate reads all of x, or its own of as many blocks of x as there are names.
    public mutating func gates(
        _ x: GraphValue, _ layers: [HiddenLayer], experts: Int, names: [String], temperature: Double = 1,
        inputIsShared: Bool = true
    ) -> [GraphValue] {
        let logits = stack(
            x, layers + [.dense(experts, .identity)], names: names, inputIsShared: inputIsShared)
        return softmaxBlocks(logits, blocks: names.count, temperature: temperature).blocks(names.count)
    }
}
