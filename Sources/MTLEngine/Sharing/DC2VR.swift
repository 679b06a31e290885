/// Interventions between tasks: what a later task's network has in a subspace of a few dimensions is moved by the difference to what
/// an earlier task's has in one of its own, h′ = h + (h R_bᵀ - g R_sᵀ) R_b.
///
/// g is the earlier task's h′, of several the mean; no gradient goes into it. R_b and R_s are `[rank, units]` with orthonormal rows,
/// which are trained: they begin so, and after every step that moved them they are made so again, row by row (Gram and Schmidt),
/// so that h′ is h but for the subspace. (Means over steps, of averaged weights, are only nearly so.) The code behind this
/// maps free parameters to such matrices instead, which reaches the same ones along other paths. Weight decay does not apply to them.
///
/// Layers that all share are "trunk.l", then experts, the tasks' own "networks.TASK.l", and "interventions.TASK.base" (R_b) and
/// "interventions.TASK.source" (R_s) of tasks with a parent. Tasks may have several parents and be of any kind; a later one's
/// label may be of rows of its own.
/// - SeeAlso: the model DC2VR (deconfounding conversion rate) of TorchEasyRec, `tzrec/modules/intervention.py`, after the low-rank interventions of Wu et al.,
///   *ReFT: Representation Finetuning for Language Models*, arXiv 2404.03592.
public struct DC2VR: Architecture, Equatable {
    /// Per later task the tasks that it is moved by.
    public var parents: [String: [String]]
    /// Layers that all tasks share, from the features up.
    public var trunk: [HiddenLayer]
    /// Experts over the trunk, of which every task's network reads its own mixture; nil for none.
    public var experts: MMoE?
    /// The layers of a task's network.
    public var layers: [HiddenLayer]
    /// The dimension of the subspaces, below the units of the last layer.
    public var rank: Int

    /// By default tasks share nothing but the features, and subspaces have four dimensions.
    public init(
        parents: [String: [String]], trunk: [HiddenLayer] = [], experts: MMoE? = nil, layers: [HiddenLayer],
        rank: Int = 4
    ) {
        self.parents = parents
        self.trunk = trunk
        self.experts = experts
        self.layers = layers
        self.rank = rank
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(parents: try options.parents(), layers: [])
        try options.read("trunk", &trunk)
        experts = try options.experts()
        layers = try options.layers()
        try options.read("rank", &rank)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names an option out of range or a task of `parents` that is unknown or its own ancestor.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let funnel = try graph.funnel(parents, isBinary: false)
        try trunk.check(at: "trunk")
        try layers.check(at: "layers", allowsNone: false)
        let width = layers[layers.count - 1].units
        try require(rank, atLeast: 1, atMost: SizeLimit.rank, "rank")
        guard rank < width else {
            throw InputError(
                .value, at: "rank", found: "\(rank)", expected: "below the \(width) units of the last layer")
        }
        let shared = graph.stack(graph.features, trunk, names: ["trunk"])
        let inputs = try experts?.taskMixtures(&graph, of: shared).tasks
        var h = graph.networks(inputs ?? graph.tasks.map { _ in shared }, layers)
        for task in funnel.order {
            let earlier = funnel.parents[task].map { h[$0] }
            let source =
                earlier.count == 1
                ? earlier[0]
                : graph.add(earlier, factors: earlier.map { _ in 1 / Double(earlier.count) })
            let name = "interventions.\(graph.tasks[task].name)"
            let base = graph.orthonormalRows(rank, width: width, name: "\(name).base")
            let other = graph.orthonormalRows(rank, width: width, name: "\(name).source")
            let difference = graph.add(
                [coordinates(&graph, h[task], base), coordinates(&graph, source.stopped, other)],
                factors: [1, -1])
            h[task] = graph.add([h[task], graph.rowProduct(difference, base)])
        }
        return graph.heads(h)
    }

    /// h Rᵀ, `[rows, rank]`, of R's rows side by side in every row.
    private func coordinates(
        _ graph: inout GraphBuilder, _ h: GraphValue, _ matrix: GraphValue
    ) -> GraphValue {
        let repeated = graph.reserve(matrix.width)
        for block in repeated.blocks(rank) { graph.accumulate(h, into: block, isFirst: true) }
        return graph.dot(repeated, matrix, blocks: rank)
    }
}
