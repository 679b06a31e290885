/// Multi-gate mixture of experts (or one-gate, OMoE): f_t = Σ_e softmax(gate_t(x))_e expert_e(x), then the task's tower.
///
/// Every expert is drawn from a stream of its own: experts that begin alike stay alike.
/// - SeeAlso: Ma et al., *Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts*, KDD
///   2018.
public struct MMoE: Architecture, Equatable {
    /// Who has a gate.
    public enum Gating: Sendable {
        /// Every task has a gate of its own.
        case perTask
        /// One gate, whose mixture all tasks read: the paper's baseline, OMoE.
        case shared
    }

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
    /// Who has a gate.
    public var gating: Gating

    /// By default every task has a linear gate.
    public init(
        experts: Int = 8, layers: [HiddenLayer], gate: [HiddenLayer] = [], temperature: Double = 1,
        expertDropout: Double = 0, gating: Gating = .perTask
    ) {
        self.experts = experts
        self.layers = layers
        self.gate = gate
        self.temperature = temperature
        self.expertDropout = expertDropout
        self.gating = gating
    }

    package init(_ options: inout OptionReader, gating: Gating) throws(InputError) {
        self.init(layers: [], gating: gating)
        try options.read("experts", &experts)
        layers = try options.layers()
        try readGates(&options)
    }

    fileprivate mutating func readGates(_ options: inout OptionReader) throws(InputError) {
        try options.read("gate", &gate, .relu)
        try options.read("temperature", &temperature)
        try options.read("expert_dropout", &expertDropout)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        graph.heads(try taskMixtures(&graph, of: graph.features).tasks)
    }

    /// The experts over x as part of another architecture: a mixture for every task, in the order of the tasks, and for what else
    /// has a gate of its own, `[rows, units of the last layer]` each.
    ///
    /// - Parameters:
    ///   - graph: the graph that gets them.
    ///   - x: what experts and gates read, `[rows, columns]`.
    ///   - others: names of gates behind those of the tasks, "gates.NAME".
    /// - Throws: `InputError` that names the option that is out of range.
    public func taskMixtures(
        _ graph: inout GraphBuilder, of x: GraphValue, others: [String] = []
    ) throws(InputError) -> (tasks: [GraphValue], others: [GraphValue]) {
        switch gating {
        case .perTask:
            let names = graph.headOrder.map { graph.tasks[$0].name }
            let mixed = try mixtures(&graph, of: x, names: names + others)
            return (
                graph.inTaskOrder(Array(mixed.prefix(names.count))), Array(mixed.dropFirst(names.count))
            )
        case .shared:
            let mixed = try mixtures(&graph, of: x, names: ["shared"] + others)
            return (graph.tasks.map { _ in mixed[0] }, Array(mixed.dropFirst()))
        }
    }

    /// One mixture per gate.
    private func mixtures(
        _ graph: inout GraphBuilder, of x: GraphValue, names: [String]
    ) throws(InputError) -> [GraphValue] {
        try require(experts, atLeast: 1, "experts")
        try layers.check(at: "experts", allowsNone: false)
        try gate.check(at: "gates")
        guard temperature > 0, temperature.isFinite else {
            throw InputError(.value, at: "temperature", found: "\(temperature)", expected: "above 0, finite")
        }
        try requireRate(expertDropout, "expert dropout")
        let titles = (0..<experts).map { "experts.\($0)" }
        let outputs = graph.stack(x, layers, names: titles)
        let gates = graph.gates(
            x, gate, experts: experts, names: names.map { "gates.\($0)" },
            temperature: temperature)
        for (gate, name) in zip(gates, names) { graph.record(gate: gate, name: name, experts: titles) }
        let width = outputs.width / experts
        let kept = graph.expertDropout(gates, rate: expertDropout)
        return graph.mixture(experts: outputs, width: width, gates: kept).blocks(names.count)
    }
}

extension OptionReader {
    /// Experts inside another architecture: "experts" is their number, and "expert_layers", "gate", "temperature" and
    /// "expert_dropout" are as of `mmoe`. Nil where the file does not say the number.
    mutating func experts() throws(InputError) -> MMoE? {
        let count = try value("experts", as: Int.self)
        var result = MMoE(experts: count ?? 0, layers: layers(of: Self.usualUnits))
        let before = result
        let units = try value("expert_layers", as: [Int].self)
        if let units { result.layers = layers(of: units) }
        try result.readGates(&self)
        guard count == nil else { return result }
        guard units == nil, result == before else {
            throw InputError(
                .name, at: "experts", found: "nothing, beside options of experts", expected: "their number")
        }
        return nil
    }
}

extension GraphBuilder {
    /// Softmaxed gates, each of `layers` and a linear layer "NAME.l": per name a value `[rows, experts]`.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - layers: the layers, from x up.
    ///   - experts: the number of experts.
    ///   - names: one per block, what the names of its parameters begin with.
    ///   - temperature: what a gate's logits are divided by; above 0.
    ///   - inputIsShared: whether every gate reads all of x, or its own of as many blocks of x as there are names.
    public mutating func gates(
        _ x: GraphValue, _ layers: [HiddenLayer], experts: Int, names: [String], temperature: Double = 1,
        inputIsShared: Bool = true
    ) -> [GraphValue] {
        let logits = stack(
            x, layers + [.dense(experts, .identity)], names: names, inputIsShared: inputIsShared)
        return softmaxBlocks(logits, blocks: names.count, temperature: temperature).blocks(names.count)
    }
}
