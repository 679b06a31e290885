/// Shared and task-specific embeddings: every task has tables of its own beside those that all share, experts over each, and a
/// gate over the experts of all; what a task takes of another's experts teaches these nothing.
///
/// x_s are the features with the shared tables' vectors, x_t those with task t's. f_t = Σ_e softmax(gate_t(x_t + x_s))_e expert_e
/// over the task's own experts of x_t, the shared ones of x_s, and the other tasks' of their x_u, through which no gradient of task
/// t flows. Gates weigh the task's own experts first, then the shared ones, then the other tasks' in order. Dense features are in
/// x_s and in every x_t, so a gate reads their double. One level, the authors' default. Parameters: "embeddings.shared.TABLE.weight",
/// "embeddings.TASK.TABLE.weight", "experts.shared.e.l.weight", "experts.TASK.e.l.weight", "gates.TASK.l.weight"; feature layers are
/// "features.shared.N" and "features.TASK.N". No task may be called "shared".
/// - SeeAlso: Su et al., *STEM: Unleashing the Power of Embeddings for Multi-task Recommendation*, arXiv 2308.13537, and the
///   authors' code, which cuts one table of width (T + 1) d into these.
public struct STEM: Architecture, Equatable {
    /// Experts of each task, over its own features.
    public var own: Int
    /// Experts of all tasks, over the shared features.
    public var shared: Int
    /// The layers of an expert.
    public var layers: [HiddenLayer]
    /// The layers of a gate before its linear one.
    public var gate: [HiddenLayer]

    /// By default one expert of each kind, and linear gates.
    public init(own: Int = 1, shared: Int = 1, layers: [HiddenLayer], gate: [HiddenLayer] = []) {
        self.own = own
        self.shared = shared
        self.layers = layers
        self.gate = gate
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: [])
        try options.read("own", &own)
        try options.read("shared", &shared)
        layers = try options.layers()
        try options.read("gate", &gate, .relu)
    }

    /// Every task has features of its own.
    public var separatesFeatures: Bool { true }
    /// All have some in common beside them.
    public var keepsSharedFeatures: Bool { true }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range, or the features where none is embedded.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try require(own, atLeast: 1, "own experts")
        try require(shared, atLeast: 1, "shared experts")
        try layers.check(at: "experts", allowsNone: false)
        try gate.check(at: "gates")
        let common = graph.features
        guard graph.taskFeatures.contains(where: { $0 != common }) else {
            throw InputError(
                .empty, at: "embedded features", found: "none",
                expected: "at least one: without tables the tasks' own features are the shared ones")
        }
        let order = graph.headOrder
        let names = order.map { graph.tasks[$0].name }
        let inputs = order.map { graph.taskFeatures[$0] }
        let width = layers[layers.count - 1].units
        let ownCount = names.count * own
        let titles =
            names.flatMap { name in (0..<own).map { "experts.\(name).\($0)" } }
            + (0..<shared).map { "experts.shared.\($0)" }
        let experts = graph.reserve(titles.count * width)
        func fill(_ range: Range<Int>, from x: GraphValue) {
            _ = graph.stack(
                x, layers, names: Array(titles[range]),
                into: experts.columns(range.lowerBound * width..<range.upperBound * width))
        }
        for (place, x) in inputs.enumerated() { fill(place * own..<(place + 1) * own, from: x) }
        fill(ownCount..<titles.count, from: common)

        let sums = graph.reserve(names.count * common.width)
        for (x, sum) in zip(inputs, sums.blocks(names.count)) {
            graph.accumulate(x, into: sum, isFirst: true)
            graph.accumulate(common, into: sum, isFirst: false)
        }
        let gates = graph.gates(
            sums, gate, experts: titles.count, names: names.map { "gates.\($0)" }, inputIsShared: false)
        let mixed = gates.enumerated().map { place, gate in
            let near = Array(place * own..<(place + 1) * own) + Array(ownCount..<titles.count)
            let far = (0..<ownCount).filter { !near.contains($0) }
            graph.record(gate: gate, name: names[place], experts: (near + far).map { titles[$0] })
            var parts = graph.mixture(
                experts: experts, width: width, gates: [gate.columns(0..<near.count)], sees: [near])
            if !far.isEmpty {
                let others = graph.mixture(
                    experts: experts.stopped, width: width, gates: [gate.columns(near.count..<titles.count)],
                    sees: [far])
                parts = graph.add([parts, others])
            }
            return parts
        }
        return graph.heads(graph.inTaskOrder(mixed))
    }
}
