/// DSelect-k: a mixture of experts in which every task's gate mixes k experts, each chosen by smooth bits.
///
/// A selector has ⌈log₂ experts⌉ bits z: r(z)_e = Π_b (S(z_b) where bit b of e is 1, else 1 - S(z_b)) with the smooth step S,
/// which is 0 below -γ/2 and 1 above γ/2; a gate is Σ_i softmax(w)_i r(z_i). Bits and weights are a task's own numbers
/// ("gates.TASK.bits" `[k · bits]`, "gates.TASK.weights" `[k]`, where gates are static) or linear in the features
/// ("gates.TASK.bits.weight", …). `entropy` · Σ_i H(r(z_i)) drives bits to 0 and 1. Where the experts are no power of two,
/// some states of the bits name no expert: `reach` · Σ_i 1/Σ_e r(z_i)_e drives selectors away from them, and until then a
/// gate's sum is below 1. Both are means over the rows, part of the loss of every task, in its turns too.
/// - SeeAlso: Hazimeh et al., *DSelect-k: Differentiable Selection in the Mixture of Experts*, arXiv 2106.03760.
public struct DSelectK: Architecture, Equatable {
    /// The number of experts.
    public var experts: Int
    /// The layers of an expert, from the features up.
    public var layers: [HiddenLayer]
    /// The selectors of a gate (k): the most experts it mixes once bits are 0 or 1.
    public var selected: Int
    /// Whether a gate depends on the row's features.
    public var perExample: Bool
    /// The width of the smooth step; bits begin uniform in ±γ/100.
    public var gamma: Double
    /// What the selectors' entropy is penalised with.
    public var entropy: Double
    /// What selectors without an expert are penalised with.
    public var reach: Double

    /// By default static gates of two experts, as in the paper.
    public init(
        experts: Int = 8, layers: [HiddenLayer], selected: Int = 2, perExample: Bool = false,
        gamma: Double = 1,
        entropy: Double = 1e-6, reach: Double = 1
    ) {
        self.experts = experts
        self.layers = layers
        self.selected = selected
        self.perExample = perExample
        self.gamma = gamma
        self.entropy = entropy
        self.reach = reach
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: [])
        try options.read("experts", &experts)
        layers = try options.layers()
        try options.read("selected", &selected)
        try options.read("per_example", &perExample)
        try options.read("entropy", &entropy)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try check()
        let titles = (0..<experts).map { "experts.\($0)" }
        let outputs = graph.stack(graph.features, layers, names: titles)
        let bits = Int.bitWidth - (experts - 1).leadingZeroBitCount
        let reach = experts == 1 << bits ? 0 : reach
        var gates: [GraphValue] = []
        for task in graph.headOrder {
            let name = "gates.\(graph.tasks[task].name)"
            let (z, w): (GraphValue, GraphValue)
            if perExample {
                z = graph.dense(
                    graph.features, units: selected * bits, activation: .identity, name: name + ".bits",
                    initial: .uniform(bound: gamma / 100))
                w = graph.dense(
                    graph.features, units: selected, activation: .identity, name: name + ".weights")
            } else {
                z = graph.parameter(selected * bits, bound: gamma / 100, name: name + ".bits")
                w = graph.parameter(selected, bound: 0.05, name: name + ".weights")
            }
            let r = graph.bitSelectors(z, selectors: selected, experts: experts, gamma: gamma)
            graph.penalizeSelectors(r, experts: experts, entropy: entropy, reach: reach, task: task)
            let gate = graph.mixture(experts: r, width: experts, gates: [graph.softmaxBlocks(w)])
            graph.record(gate: gate, name: graph.tasks[task].name, experts: titles)
            gates.append(gate)
        }
        let mixed = graph.mixture(experts: outputs, width: outputs.width / experts, gates: gates)
        return graph.heads(graph.inTaskOrder(mixed.blocks(gates.count)))
    }

    private func check() throws(InputError) {
        try require(experts, atLeast: 2, "experts")
        try layers.check(at: "experts", allowsNone: false)
        try require(selected, atLeast: 1, "selected experts")
        guard selected <= experts else {
            throw InputError(
                .value, at: "selected experts", found: "\(selected)", expected: "at most \(experts)")
        }
        guard gamma > 0, gamma.isFinite else {
            throw InputError(.value, at: "gamma", found: "\(gamma)", expected: "above 0, finite")
        }
        try require(entropy, atLeast: 0, "entropy")
        try require(reach, atLeast: 0, "reach")
    }
}
