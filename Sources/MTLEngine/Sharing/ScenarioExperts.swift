/// Scenario-aware ranking: the row's scenario scales and shifts the features, then each task mixes experts of all
/// scenarios and experts of the row's.
///
/// x′ = x ⊙ w_s + b_s, and f_t = Σ_e softmax(gate_t(x′))_e expert_e(x′) over the shared experts and the scenario's own.
/// The paper reaches x′ through attention over a behaviour sequence and has fairness coefficients for its debiasing
/// experts; both need inputs that a table does not have and are left out. Parameters: "transform.s.weight",
/// "experts.shared.e.l.weight", "experts.own.e.l.s.weight", "gates.TASK.l.weight".
/// - SeeAlso: Shen et al., *SAR-Net: A Scenario-Aware Ranking Network for Personalized Fair Recommendation in Hundreds
///   of Travel Scenarios*, arXiv 2110.06475.
public struct SARNet: Architecture, Equatable {
    /// Experts of all scenarios.
    public var shared: Int
    /// Experts of each scenario's own.
    public var own: Int
    /// The layers of an expert.
    public var layers: [HiddenLayer]
    /// The layers of a gate before its linear one.
    public var gate: [HiddenLayer]

    /// By default gates are linear.
    public init(shared: Int = 2, own: Int = 1, layers: [HiddenLayer], gate: [HiddenLayer] = []) {
        self.shared = shared
        self.own = own
        self.layers = layers
        self.gate = gate
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: [])
        try options.read("shared", &shared)
        try options.read("own", &own)
        layers = try options.layers()
        try options.read("gate", &gate, .relu)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try require(shared, atLeast: 0, "shared experts")
        try require(own, atLeast: 0, "own experts")
        try require(shared + own, atLeast: 1, atMost: .max, "experts")
        try layers.check(at: "experts", allowsNone: false)
        try gate.check(at: "gates")
        let x = graph.affine(graph.features, perScenario: true, name: "transform")
        let width = layers[layers.count - 1].units
        let experts = graph.reserve((shared + own) * width)
        if shared > 0 {
            _ = graph.stack(
                x, layers, names: (0..<shared).map { "experts.shared.\($0)" },
                into: experts.columns(0..<shared * width))
        }
        for index in 0..<own {
            let start = (shared + index) * width
            _ = graph.scenarioStack(
                x, layers, name: "experts.own.\(index)", into: experts.columns(start..<start + width))
        }
        let order = graph.headOrder
        let gates = graph.gates(
            x, gate, experts: shared + own, names: order.map { "gates.\(graph.tasks[$0].name)" })
        let mixed = graph.mixture(experts: experts, width: width, gates: gates).blocks(order.count)
        return graph.heads(graph.inTaskOrder(mixed))
    }
}
