/// Multi-domain multi-task mixture of experts: behind a star layer, experts of everybody, of the scenarios and of the tasks,
/// in proportions that are learned; gates and towers of every scenario and task.
///
/// h = relu(LN(star(x) A + a)) + relu(LN(x B + b)) with star(x) = x (W_s ⊙ W) + b_s + b. Per scenario d and task t
///
///     f_dt = Σ_e softmax(gate_dt(h))_e shared_e(h)
///          + σ(e_d) [σ(b_d) own_d(h) + (1 - σ(b_d)) mean of the other scenarios' experts]
///          + σ(e_t) [σ(b_t) task_t(h) + (1 - σ(b_t)) mean of the other tasks' experts]
///
/// No gradient goes from a gate into h. All scenarios' experts are computed for every row, and its rows train all of them. A
/// tower's layers are act(LN(z W_dt + b_dt) ⊙ γ_dt + β_dt) whatever the model's normalisation, the slopes of PReLU and Dice all
/// scenarios' in common; of a task without hidden layers the tower is the last layer alone, where the authors have one hidden layer. Their experts have layer normalisation too, which
/// `normalization: layer` gives these.
///
/// The four numbers e_d, e_t, b_d, b_t are "fusion.scenario", "fusion.task", "fusion.own_scenario" and "fusion.own_task", each
/// `[1]`, from 0 (a half). The authors give them an optimiser of their own; here they are parameters like all others. Others:
/// "star.s.weight", "star.shared.weight", "embedding.0.weight", "skip.0.weight", "experts.shared.e.l.weight",
/// "experts.scenarios.s.l.weight", "experts.tasks.TASK.l.weight", "gates.TASK.l.s.weight", "heads.TASK.l.s.weight",
/// "heads.TASK.l.norm.weight", "heads.TASK.l.norm.s.weight".
/// - SeeAlso: Zhang et al., *M3oE: Multi-Domain Multi-Task Mixture-of-Experts Recommendation Framework*, arXiv
///   2404.18465, and the authors' code.
public struct M3oE: Architecture, Equatable {
    /// The width of the star layer and of h; 0 for none: h is then x.
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

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try require(starWidth, atLeast: 0, atMost: SizeLimit.units, "star width")
        try require(shared, atLeast: 1, "shared experts")
        // Every scenario's expert is computed for every row.
        try require(graph.scenarios, atLeast: 1, "scenarios")
        try layers.check(at: "experts", allowsNone: false)
        try gate.check(at: "gates")
        let h = starWidth > 0 ? embedding(&graph) : graph.features
        let width = layers[layers.count - 1].units
        let experts = graph.stack(h, layers, names: (0..<shared).map { "experts.shared.\($0)" })
        let scenarios = graph.stack(
            h, layers, names: (0..<graph.scenarios).map { "experts.scenarios.\($0)" })
        let names = graph.tasks.map(\.name)
        let tasks = graph.stack(h, layers, names: names.map { "experts.tasks.\($0)" }).blocks(names.count)
        let (ofScenario, ofTask) = (share(&graph, "scenario"), share(&graph, "task"))
        let ownScenario = graph.scenarios > 1 ? share(&graph, "own_scenario") : nil
        let ownTask = names.count > 1 ? share(&graph, "own_task") : nil
        let ofRow = graph.scenarioSelect(scenarios)
        let ofAll = scenarios.blocks(graph.scenarios)
        let scenario = graph.multiply(blended(&graph, ofRow, of: ofAll, ownScenario), ofScenario)
        var logits: [GraphValue] = []
        for (index, task) in graph.tasks.enumerated() {
            let weights = graph.scenarioStack(
                h.stopped, gate + [.dense(shared, .identity)], name: "gates.\(task.name)")
            let common = graph.mixture(
                experts: experts, width: width, gates: [graph.softmaxBlocks(weights)])
            let blend = blended(&graph, tasks[index], of: tasks, ownTask)
            let sum = graph.add([common, scenario, graph.multiply(blend, ofTask)])
            logits.append(head(&graph, sum, task))
        }
        return logits
    }

    /// h: the star layer's embedding beside a skip.
    private func embedding(_ graph: inout GraphBuilder) -> GraphValue {
        let normed = [HiddenLayer.dense(starWidth, .relu, normalization: .layer)]
        let star = graph.scenarioDense(
            graph.features, units: starWidth, activation: .identity, sharesFactor: true, name: "star")
        let embedding = graph.stack(star, normed, names: ["embedding"])
        let skip = graph.stack(graph.features, normed, names: ["skip"])
        return graph.add([embedding, skip])
    }

    /// A number between 0 and 1, from a half: `[rows, 1]`.
    private func share(_ graph: inout GraphBuilder, _ name: String) -> GraphValue {
        let number = graph.parameter(1, name: "fusion.\(name)")
        return graph.activation(number, .sigmoid)
    }

    /// One of several values, and the mean of the others for the rest of 1.
    private func blended(
        _ graph: inout GraphBuilder, _ own: GraphValue, of all: [GraphValue], _ share: GraphValue?
    ) -> GraphValue {
        guard let share else { return own }
        let rest = 1 / Double(all.count - 1)
        let others = graph.add(all + [own], factors: all.map { _ in rest } + [-rest])
        let difference = graph.add([own, others], factors: [1, -1])
        return graph.add([others, graph.multiply(difference, share)])
    }

    /// A task's tower and logits of the row's scenario.
    private func head(
        _ graph: inout GraphBuilder, _ x: GraphValue, _ task: LearningTask
    ) -> GraphValue {
        let present = graph.scenarios(of: task)
        var h = x
        for (depth, layer) in task.tower.enumerated() {
            let name = "heads.\(task.name).\(depth)"
            h = graph.scenarioDense(
                h, units: layer.units, activation: .identity, present: present, name: name)
            h = graph.affine(
                graph.layerNorm(h, names: [name + ".norm"]), perScenario: true, name: name + ".norm")
            h = graph.finished(
                h, .dense(layer.units, layer.activation, dropout: layer.dropout), names: [name])
        }
        return graph.scenarioLogits(
            h, outputs: task.outputs, present: present,
            name: "heads.\(task.name).\(task.tower.count)")
    }
}
