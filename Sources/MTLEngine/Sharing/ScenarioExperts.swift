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

    /// Adds the nodes from the features to the logits; per task `[rows, kind.outputs]`.
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

/// Multi-domain multi-task mixture of experts: behind a star layer, experts of everybody, of the row's scenario and of
/// the task, in proportions that every scenario and task learns.
///
/// h = star(x); f_t = Σ_e softmax(gate_t(h))_e shared_e(h) + σ(a_st) own_s(h) + σ(c_st) (σ(o_t) task_t(h) +
/// (1 - σ(o_t)) mean of the other tasks' experts). The paper mixes other scenarios' experts in as well, which costs all
/// of them for every row and lets a scenario's rows train the others' experts, and finds the proportions by a search of
/// its own; here they are parameters: "fusion.scenario.s" and "fusion.task.s" of `[tasks]`, from 0 (a half), in the
/// order of `graph.headOrder`, and "fusion.own.TASK" `[1]`. Others: "star.*", "experts.shared.e.l.weight",
/// "experts.scenario.l.s.weight", "experts.tasks.TASK.l.weight", "gates.TASK.l.weight".
/// - SeeAlso: Zhang et al., *M3oE: Multi-Domain Multi-Task Mixture-of-Experts Recommendation Framework*, arXiv
///   2404.18465.
public struct M3oE: Architecture, Equatable {
    /// The width of the star layer; 0 for none.
    public var starWidth: Int
    /// The number of experts that all scenarios and tasks use.
    public var shared: Int
    /// The layers of an expert.
    public var layers: [HiddenLayer]
    /// The layers of a gate before its linear one.
    public var gate: [HiddenLayer]

    /// By default gates are linear.
    public init(starWidth: Int = 64, shared: Int = 4, layers: [HiddenLayer], gate: [HiddenLayer] = []) {
        self.starWidth = starWidth
        self.shared = shared
        self.layers = layers
        self.gate = gate
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: [])
        try options.read("star_width", &starWidth)
        try options.read("shared", &shared)
        layers = try options.layers()
        try options.read("gate", &gate, .relu)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, kind.outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try require(starWidth, atLeast: 0, atMost: SizeLimit.units, "star width")
        try require(shared, atLeast: 1, "shared experts")
        try layers.check(at: "experts", allowsNone: false)
        try gate.check(at: "gates")
        let order = graph.headOrder
        let names = order.map { graph.tasks[$0].name }
        let count = names.count
        let h =
            starWidth > 0
            ? graph.scenarioDense(
                graph.features, units: starWidth, activation: .relu, sharesFactor: true, name: "star")
            : graph.features
        let width = layers[layers.count - 1].units
        let experts = graph.stack(h, layers, names: (0..<shared).map { "experts.shared.\($0)" })
        let gates = graph.gates(h, gate, experts: shared, names: names.map { "gates.\($0)" })
        let common = graph.mixture(experts: experts, width: width, gates: gates).blocks(count)
        let scenario = graph.scenarioStack(h, layers, name: "experts.scenario")
        let tasks = graph.stack(h, layers, names: names.map { "experts.tasks.\($0)" }).blocks(count)
        let shares = graph.activation(
            graph.scenarioVector(count, beginsAt: 0, name: "fusion.scenario"), .sigmoid)
        let taskShares = graph.activation(
            graph.scenarioVector(count, beginsAt: 0, name: "fusion.task"), .sigmoid)
        var inputs = common
        for (place, task) in order.enumerated() {
            let own = mixedTask(&graph, tasks, place, names[place])
            let parts = [
                common[place], graph.multiply(scenario, shares.columns(place..<place + 1)),
                graph.multiply(own, taskShares.columns(place..<place + 1)),
            ]
            inputs[task] = graph.add(parts)
        }
        return graph.heads(inputs)
    }

    /// The task's expert, and the mean of the others' for the rest of 1.
    private func mixedTask(
        _ graph: inout GraphBuilder, _ tasks: [GraphValue], _ place: Int, _ name: String
    ) -> GraphValue {
        guard tasks.count > 1 else { return tasks[place] }
        let rest = 1 / Double(tasks.count - 1)
        let others = tasks.indices.filter { $0 != place }
        let mean = graph.add(others.map { tasks[$0] }, factors: others.map { _ in rest })
        let share = graph.activation(graph.parameter(1, name: "fusion.own.\(name)"), .sigmoid)
        let difference = graph.add([tasks[place], mean], factors: [1, -1])
        return graph.add([mean, graph.multiply(difference, share)])
    }
}
