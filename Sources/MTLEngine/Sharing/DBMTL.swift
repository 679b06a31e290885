/// Deep Bayesian multi-task learning: a task's relation layers read its own network's output and the relation layers' outputs of
/// the tasks that its event depends on, r_t = f_t([h_t, r_parents]); the task's tower reads r_t.
///
/// Layers that all share are "trunk.l", the tasks' own "networks.TASK.l" and "relations.TASK.l". Tasks may depend on several
/// and be of any kind; one that depends on none reads its own network alone, through relation layers too.
/// - SeeAlso: Wang et al., *Deep Bayesian Multi-Target Learning for Recommender Systems*, arXiv 1902.09154.
public struct DBMTL: Architecture, Equatable {
    /// Per task the tasks that its event depends on.
    public var parents: [String: [String]]
    /// Layers that all tasks share, from the features up.
    public var trunk: [HiddenLayer]
    /// Experts over the trunk, of which every task's network reads its own mixture; nil for none.
    public var experts: MMoE?
    /// The layers of a task's network.
    public var layers: [HiddenLayer]
    /// The layers over a task's network and its parents' relations.
    public var relation: [HiddenLayer]

    /// By default tasks share nothing but the features.
    public init(
        parents: [String: [String]], trunk: [HiddenLayer] = [], experts: MMoE? = nil,
        layers: [HiddenLayer], relation: [HiddenLayer] = [.relu(32)]
    ) {
        self.parents = parents
        self.trunk = trunk
        self.experts = experts
        self.layers = layers
        self.relation = relation
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(parents: try options.parents(), layers: [])
        try options.read("trunk", &trunk)
        experts = try options.experts()
        layers = try options.layers()
        try options.read("relation", &relation)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names an option out of range or a task of `parents` that is unknown, of a wrong kind or
    ///   its own ancestor.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let funnel = try graph.funnel(parents, isBinary: false)
        try trunk.check(at: "trunk")
        try layers.check(at: "layers", allowsNone: false)
        try relation.check(at: "relation", allowsNone: false)
        let shared = graph.stack(graph.features, trunk, names: ["trunk"])
        let inputs = try experts?.taskMixtures(&graph, of: shared).tasks
        var r = graph.networks(inputs ?? graph.tasks.map { _ in shared }, layers)
        let roots = graph.tasks.indices.filter { funnel.parents[$0].isEmpty }
        for task in roots + funnel.order {
            let x = graph.concatenate([r[task]] + funnel.parents[task].map { r[$0] })
            r[task] = graph.stack(x, relation, names: ["relations.\(graph.tasks[task].name)"])
        }
        return graph.heads(r)
    }
}
