/// Multi-scenario multi-task meta learning: the row's scenario generates the weights by which a task attends to experts, and those of
/// the layers above.
///
/// S = network([fields, scenario's vector]) describes the row's scenario. A meta unit makes of it, for the row, W `[n, n]` and b:
/// meta(v) = act(v W + b), W and b linear in S. Task t has a trained vector T_t and, over experts E_i of the features,
///
///     a_i = ⟨v_t, meta_t([E_i, T_t])⟩,  R_t = Σ_i softmax(a)_i E_i,  h ← act(meta(h) + h) from h = R_t on
///
/// with `unitDepth` units in the place of meta_t and `towerDepth` residual layers, all of them the task's own; act is the last
/// expert layer's activation. The paper's transformer over an advertiser's sequences is a feature layer here, its MLP over a task's
/// embedding the trained vector that it would come to, its Poisson loss a kind of task. (Public code leaves out the softmax, or
/// attends from row to row of the batch.) Rows generate n² numbers for each unit: experts are to be narrow.
///
/// Parameters: "scenario.scenarios.s", "scenario.network.l.weight", "experts.e.l.weight", "tasks.TASK" (T_t),
/// "attention.TASK.k.weight" `[n² + n, S]`, W row-major before b, with n = units + task width, "attention.TASK.score" (v_t), and
/// "meta.TASK.j.weight" with n = units.
/// - SeeAlso: Zhang et al., *Leaving No One Behind: A Multi-Scenario Multi-Task Meta Learning Approach for Advertiser
///   Modeling*, arXiv 2201.06814.
public struct M2M: Architecture, Equatable {
    /// The number of experts.
    public var experts: Int
    /// The layers of an expert.
    public var layers: [HiddenLayer]
    /// The width of a task's vector.
    public var taskWidth: Int
    /// The names of the embedded features that describe the scenario.
    public var fields: [String]
    /// The width of the scenario's vector; 0 for none.
    public var scenarioWidth: Int
    /// The layers of the network that describes the scenario; none: the fields and the vector as they are.
    public var scenario: [HiddenLayer]
    /// Meta units one behind the other in the attention.
    public var unitDepth: Int
    /// Residual layers of a task's meta tower; 0 for none.
    public var towerDepth: Int

    /// By default four experts, one meta unit and one residual layer.
    public init(
        experts: Int = 4, layers: [HiddenLayer], taskWidth: Int = 8, fields: [String] = [],
        scenarioWidth: Int = 8, scenario: [HiddenLayer] = [], unitDepth: Int = 1, towerDepth: Int = 1
    ) {
        self.experts = experts
        self.layers = layers
        self.taskWidth = taskWidth
        self.fields = fields
        self.scenarioWidth = scenarioWidth
        self.scenario = scenario
        self.unitDepth = unitDepth
        self.towerDepth = towerDepth
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: options.layers(of: [64, 32]))
        try options.read("experts", &experts)
        try options.read("layers", &layers)
        try options.read("task_width", &taskWidth)
        try options.read("fields", &fields)
        try options.read("scenario_width", &scenarioWidth)
        try options.read("generator", &scenario, .relu)
        try options.read("unit_depth", &unitDepth)
        try options.read("tower_depth", &towerDepth)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range, or an embedded feature that does not exist.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try check()
        let width = layers[layers.count - 1].units
        let unit = width + taskWidth
        let parts = try scenarioParts(&graph, fields, width: scenarioWidth, name: "scenario.scenarios")
        let view = graph.stack(graph.concatenate(parts), scenario, names: ["scenario.network"])
        let titles = (0..<experts).map { "experts.\($0)" }
        let values = graph.stack(graph.features, layers, names: titles)
        var result: [GraphValue] = []
        for task in graph.tasks.map(\.name) {
            let anchor = graph.parameter(taskWidth, bound: 1, name: "tasks.\(task)")
            let score = graph.parameter(
                unit, bound: 1 / Double(unit).squareRoot(), name: "attention.\(task).score")
            var h = graph.reserve(experts * unit)
            let scores = graph.reserve(experts * unit)
            for (index, expert) in values.blocks(experts).enumerated() {
                let block = h.blocks(experts)[index]
                graph.accumulate(expert, into: block.columns(0..<width), isFirst: true)
                graph.accumulate(anchor, into: block.columns(width..<unit), isFirst: true)
                graph.accumulate(score, into: scores.blocks(experts)[index], isFirst: true)
            }
            for depth in 0..<unitDepth {
                h = metaUnit(&graph, h, blocks: experts, view, name: "attention.\(task).\(depth)")
            }
            let weights = graph.softmaxBlocks(graph.dot(h, scores, blocks: experts))
            graph.record(gate: weights, name: task, experts: titles)
            var tower = graph.mixture(experts: values, width: width, gates: [weights])
            for depth in 0..<towerDepth {
                let moved = metaUnit(&graph, tower, blocks: 1, view, name: "meta.\(task).\(depth)")
                tower = graph.activation(graph.add([moved, tower]), layers[layers.count - 1].activation)
            }
            result.append(tower)
        }
        return graph.heads(result)
    }

    /// act(v W + b) of every block of v, W and b generated from what describes the scenario.
    private func metaUnit(
        _ graph: inout GraphBuilder, _ v: GraphValue, blocks: Int, _ view: GraphValue, name: String
    ) -> GraphValue {
        let width = v.width / blocks
        let generated = graph.dense(
            view, units: width * width + width, activation: .identity, name: name)
        let sums = graph.reserve(v.width)
        _ = graph.mixture(
            experts: generated.columns(0..<width * width), width: width, gates: v.blocks(blocks), into: sums)
        for block in sums.blocks(blocks) {
            graph.accumulate(generated.columns(width * width..<generated.width), into: block, isFirst: false)
        }
        return graph.activation(sums, layers[layers.count - 1].activation)
    }

    private func check() throws(InputError) {
        try require(experts, atLeast: 1, "experts")
        try layers.check(at: "experts", allowsNone: false, isPlain: true)
        try scenario.check(at: "generator", isPlain: true)
        try require(taskWidth, atLeast: 1, atMost: SizeLimit.rank, "task width")
        try require(unitDepth, atLeast: 1, "unit depth")
        try require(towerDepth, atLeast: 0, "tower depth")
        // A unit's matrix has the square of its columns.
        try require(
            layers[layers.count - 1].units + taskWidth, atLeast: 1, atMost: SizeLimit.rank,
            "units of the last layer and task width")
    }
}
