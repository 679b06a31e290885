/// Hierarchical information extraction: scenarios first, tasks then. A row is read by experts of all scenarios, by those of its own
/// scenario and, weighed by what its scenario has learned of the others, by theirs; customised gate control over the three
/// gives every task its mixture.
///
/// G(x) and S_j(x), of all and of scenario j, are Σ_k softmax(gate(x))_k expert_k(x) over experts and gates of their own. A row of
/// scenario s with the trained vector e_s becomes [G, S_s, Σ_{j≠s} softmax(gate(e_s))_j S_j]; the softmax goes over all scenarios, its
/// own part is left out, as in the authors' code. Then the tasks: one level of `PLE`. With one scenario the third part is not
/// there. All scenarios' experts are computed for every row, and rows of all train them.
///
/// Parameters: "experts.shared.k.l.weight", "experts.scenarios.s.k.l.weight", "gates.shared.l.weight", "gates.scenarios.s.l.weight",
/// "transfer.scenarios.s" (e_s), "transfer.gate.l.weight", and those of `PLE`, "levels.0.…".
/// - SeeAlso: Zhou et al., *HiNet: Novel Multi-Scenario & Multi-Task Learning with Hierarchical Information Extraction*, arXiv
///   2303.06095, and the authors' code, which has a ReLU on the logits of its gates and softmaxes those of its tasks over one
///   element each: here they are linear, over the experts.
public struct HiNet: Architecture, Equatable {
    /// Experts of all scenarios.
    public var shared: Int
    /// Experts of each scenario.
    public var own: Int
    /// The layers of an expert.
    public var layers: [HiddenLayer]
    /// The layers of a gate before its linear one, of experts and of scenarios.
    public var gate: [HiddenLayer]
    /// The width of a scenario's vector.
    public var scenarioWidth: Int
    /// The experts of the tasks, over the three parts.
    public var tasks: PLE.Level

    /// By default two experts of each kind, linear gates, and for the tasks one expert of each kind of as many units.
    public init(
        shared: Int = 2, own: Int = 2, layers: [HiddenLayer], gate: [HiddenLayer] = [],
        scenarioWidth: Int = 8, tasks: PLE.Level? = nil
    ) {
        self.shared = shared
        self.own = own
        self.layers = layers
        self.gate = gate
        self.scenarioWidth = scenarioWidth
        self.tasks = tasks ?? PLE.Level(layers: Array(layers.suffix(1)))
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: options.layers(of: [64]))
        try options.read("shared", &shared)
        try options.read("own", &own)
        try options.read("layers", &layers)
        try options.read("gate", &gate, .relu)
        try options.read("scenario_width", &scenarioWidth)
        tasks.layers = Array(layers.suffix(1))
        try options.read("task_own", &tasks.own)
        try options.read("task_shared", &tasks.shared)
        try options.read("task_layers", &tasks.layers)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try require(shared, atLeast: 1, "shared experts")
        try require(own, atLeast: 1, "own experts")
        try require(scenarioWidth, atLeast: 1, atMost: SizeLimit.units, "scenario width")
        // Every scenario's experts are computed for every row.
        try require(graph.scenarios * own, atLeast: 1, "own experts of all scenarios")
        try layers.check(at: "experts", allowsNone: false)
        try gate.check(at: "gates")
        try require(tasks.own, atLeast: 0, "tasks' own experts")
        try require(tasks.shared, atLeast: 0, "tasks' shared experts")
        try tasks.layers.check(at: "tasks' experts", allowsNone: false)
        let common = extracted(&graph, of: shared, ["shared"])
        let scenarios = extracted(&graph, of: own, (0..<graph.scenarios).map { "scenarios.\($0)" })
        let ofRow = graph.scenarioSelect(scenarios)
        var parts = [common, ofRow]
        if graph.scenarios > 1 {
            let vector = graph.scenarioVector(scenarioWidth, name: "transfer.scenarios")
            let weights = graph.gates(vector, gate, experts: graph.scenarios, names: ["transfer.gate"])[0]
            let sum = graph.mixture(experts: scenarios, width: ofRow.width, gates: [weights])
            let mine = graph.multiply(ofRow, graph.scenarioSelect(weights))
            parts.append(graph.add([sum, mine], factors: [1, -1]))
        }
        let level = PLE(levels: [tasks], gate: gate)
        return graph.heads(try level.taskMixtures(&graph, of: graph.concatenate(parts)))
    }

    /// One mixture per name of its own experts, side by side.
    private func extracted(
        _ graph: inout GraphBuilder, of count: Int, _ names: [String]
    ) -> GraphValue {
        let titles = names.map { name in (0..<count).map { "experts.\(name).\($0)" } }
        let experts = graph.stack(graph.features, layers, names: titles.flatMap { $0 })
        let gates = graph.gates(
            graph.features, gate, experts: count, names: names.map { "gates.\($0)" })
        for (place, gate) in gates.enumerated() {
            graph.record(gate: gate, name: names[place], experts: titles[place])
        }
        return graph.mixture(
            experts: experts, width: layers[layers.count - 1].units, gates: gates,
            sees: names.indices.map { Array($0 * count..<($0 + 1) * count) })
    }
}
