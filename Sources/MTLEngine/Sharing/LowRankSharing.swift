/// Shared layers and a low-rank difference per task: W_t = W₀ + B_t A_t, b_t = b₀ + c_t.
///
/// "shared.l.weight" `[units, inputs]` (W₀) and "shared.l.bias"; "deltas.TASK.l.down.weight" `[rank, inputs]` (A_t);
/// "deltas.TASK.l.up.weight" `[units, rank]` (B_t) and "deltas.TASK.l.up.bias" (c_t). B_t and c_t begin at 0, so all tasks
/// begin with the shared layers. With a full rank any networks per task can be reached, as with `SoftSharing`. Unlike LoRA,
/// W₀ is trained too and the difference has no factor α/rank.
/// - SeeAlso: Hu et al., *LoRA*, arXiv 2106.09685.
public struct LowRankSharing: Architecture, Equatable {
    /// The layers of a task's network.
    public var layers: [HiddenLayer]
    /// The rank of the differences.
    public var rank: Int

    /// By default differences of rank 4.
    public init(layers: [HiddenLayer], rank: Int = 4) {
        self.layers = layers
        self.rank = rank
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("rank", &rank)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false)
        try require(rank, atLeast: 1, atMost: SizeLimit.rank, "rank")
        let names = graph.headOrder.map { graph.tasks[$0].name }
        var value = graph.features
        for (depth, layer) in layers.enumerated() {
            let isFirst = depth == 0
            let titles = names.map { "deltas.\($0).\(depth)" }
            let down = graph.dense(
                value, units: rank, activation: .identity, names: titles.map { $0 + ".down" },
                inputIsShared: isFirst, hasBias: false)
            let up = graph.dense(
                down, units: layer.units, activation: .identity, names: titles.map { $0 + ".up" },
                inputIsShared: false, initial: .zero)
            let sum: GraphValue
            if isFirst {
                // All tasks read the features: the shared product is one for all.
                let shared = graph.dense(
                    value, units: layer.units, activation: .identity, name: "shared.\(depth)")
                sum = graph.reserve(up.width)
                for (target, own) in zip(sum.blocks(names.count), up.blocks(names.count)) {
                    graph.accumulate(shared, into: target, isFirst: true)
                    graph.accumulate(own, into: target, isFirst: false)
                }
            } else {
                sum = graph.add([
                    graph.tiedDense(
                        value, blocks: names.count, units: layer.units, activation: .identity,
                        name: "shared.\(depth)"), up,
                ])
            }
            value = graph.finished(sum, layer, names: titles)
        }
        return graph.heads(graph.inTaskOrder(value.blocks(names.count)))
    }
}

/// A network per task whose stacked weights are kept of low rank by the trace norm.
///
/// W_l has the tasks' layer-l weights as columns, `[inputs · units, tasks]`. Every `updateEvery` steps its singular values
/// lose learningRate · weight · updateEvery, down to 0 at least: the proximal step of weight · ‖W_l‖_* for what the optimiser
/// moved meanwhile (exact for SGD; adaptive optimisers move parameters at other rates than the learning rate).
/// "networks.TASK.l.weight". Biases, towers and heads stay the tasks' own.
/// - SeeAlso: Yang & Hospedales, *Trace Norm Regularised Deep Multi-Task Learning*, arXiv 1606.04038 (last axis
///   flattening), which takes subgradients.
public struct TraceNormSharing: Architecture, Equatable {
    /// The layers of a task's network.
    public var layers: [HiddenLayer]
    /// The trace norm's factor; 0 for separate networks.
    public var weight: Double
    /// Steps between proximal steps.
    public var updateEvery: Int

    /// By default a proximal step every ten steps.
    public init(layers: [HiddenLayer], weight: Double = 1e-2, updateEvery: Int = 10) {
        self.layers = layers
        self.weight = weight
        self.updateEvery = updateEvery
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("weight", &weight)
        try options.read("update_every", &updateEvery)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false)
        try require(weight, atLeast: 0, "trace norm weight")
        try require(updateEvery, atLeast: 1, atMost: .max, "steps between updates")
        let networks = graph.networks(graph.features, layers)
        for depth in layers.indices {
            graph.penalizeTraceNorm(
                [graph.tasks.map { "networks.\($0.name).\(depth).weight" }], weight: weight,
                every: updateEvery)
        }
        return graph.heads(networks)
    }
}

/// Alternating structure optimisation on layers: a unit's weights are w = u + Θᵀv, its task's own u, which `weight` · ‖u‖²
/// keeps small, and coefficients v in a subspace Θ of the inputs that all tasks share.
///
/// "own.TASK.l.weight" `[units, inputs]` (u) and "own.TASK.l.bias"; "coefficients.TASK.l.weight" `[units, rank]` (v); "maps.l.weight"
/// `[rank, inputs]` (Θ, orthonormal rows), which no optimiser changes. Every `updateEvery` steps Θ becomes the top right
/// singular vectors of all tasks' rows w, v = wΘᵀ and u = w - vΘ: the networks' outputs stay what they were.
/// - SeeAlso: Ando & Zhang, *A Framework for Learning Predictive Structures from Multiple Tasks and Unlabeled Data*, JMLR
///   6, 2005, which does so on linear predictors.
public struct AlternatingStructure: Architecture, Equatable {
    /// The layers of a task's network.
    public var layers: [HiddenLayer]
    /// The dimension of the shared subspace.
    public var rank: Int
    /// What the weights outside the subspace are penalised with.
    public var weight: Double
    /// Steps between updates of Θ.
    public var updateEvery: Int

    /// By default four dimensions, found anew every hundred steps.
    public init(layers: [HiddenLayer], rank: Int = 4, weight: Double = 1e-3, updateEvery: Int = 100) {
        self.layers = layers
        self.rank = rank
        self.weight = weight
        self.updateEvery = updateEvery
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("rank", &rank)
        try options.read("weight", &weight)
        try options.read("update_every", &updateEvery)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false)
        try require(weight, atLeast: 0, "penalty weight")
        try require(updateEvery, atLeast: 1, atMost: .max, "steps between updates")
        let names = graph.headOrder.map { graph.tasks[$0].name }
        for (depth, layer) in layers.enumerated() {
            let inputs = depth == 0 ? graph.features.width : layers[depth - 1].units
            guard rank >= 1, rank <= min(inputs, names.count * layer.units) else {
                throw InputError(
                    .value, at: "rank, layer \(depth)", found: "\(rank)",
                    expected: "1 to \(min(inputs, names.count * layer.units))")
            }
        }
        var value = graph.features
        for (depth, layer) in layers.enumerated() {
            let isFirst = depth == 0
            let (own, coefficients) = (
                names.map { "own.\($0).\(depth)" }, names.map { "coefficients.\($0).\(depth)" }
            )
            let apart = graph.dense(
                value, units: layer.units, activation: .identity, names: own, inputIsShared: isFirst)
            let map = graph.fixedMap(
                value, blocks: isFirst ? 1 : names.count, units: rank, name: "maps.\(depth)")
            let common = graph.dense(
                map, units: layer.units, activation: .identity, names: coefficients, inputIsShared: isFirst,
                hasBias: false, initial: .zero)
            value = graph.finished(graph.add([apart, common]), layer, names: own)
            if weight > 0 {
                for title in own { graph.penalize(.squared(title + ".weight", weight: weight)) }
            }
            graph.updateSubspace(
                map: "maps.\(depth).weight",
                own: graph.tasks.map { "own.\($0.name).\(depth).weight" },
                coefficients: graph.tasks.map { "coefficients.\($0.name).\(depth).weight" },
                every: updateEvery)
        }
        return graph.heads(graph.inTaskOrder(value.blocks(names.count)))
    }
}
