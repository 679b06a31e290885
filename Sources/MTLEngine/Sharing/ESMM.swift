/// Entire-space multi-task model: a task's tower says how likely its event is once its parent's has happened, and the
/// task's prediction is the product along the funnel, p(buy) = p(click) p(buy | click).
///
/// All losses are over all impressions: label a purchase 0 where there was no click. Products are taken in log space, so
/// that p(later) ≤ p(earlier) in every row whatever the logits. "heads.TASK" of a later task holds the tower of the
/// conditional probability, with a bias of its own.
/// - SeeAlso: Ma et al., *Entire Space Multi-Task Model*, arXiv 1804.07931, which has two tasks that share their
///   embeddings; here a funnel is a tree of any depth, and its towers may share layers.
public struct ESMM: Architecture, Equatable {
    /// Per later task the task whose event comes before.
    public var parents: [String: String]
    /// Layers that all towers share, from the features up.
    public var trunk: [HiddenLayer]
    /// Experts over the trunk, of which every task has its own mixture; nil for none.
    public var experts: MMoE?

    /// By default towers share nothing but the features.
    public init(parents: [String: String], trunk: [HiddenLayer] = [], experts: MMoE? = nil) {
        self.parents = parents
        self.trunk = trunk
        self.experts = experts
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(parents: try options.singleParents())
        try options.read("layers", &trunk)
        experts = try options.experts()
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names an option out of range or a task of `parents` that is unknown, of a wrong kind or
    ///   its own ancestor.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let funnel = try graph.funnel(parents)
        try graph.checkLosses(funnel)
        try trunk.check(at: "trunk")
        let shared = graph.stack(graph.features, trunk, names: ["trunk"])
        return graph.products(
            graph.heads(
                try experts?.taskMixtures(&graph, of: shared).tasks ?? graph.tasks.map { _ in shared }),
            funnel)
    }
}

/// Entire-space counterfactual multi-task model: `ESMM` whose conditional probabilities have a loss of their own, over the
/// rows where the earlier event happened, each weighted by one over the probability that it would.
///
/// IPS: weight · mean over the rows of o ℓ / q, where o is the parent's label, ℓ the log loss of the task's label under its
/// conditional logit, and q the parent's predicted probability, through which no gradient flows. DR (doubly robust):
/// weight · mean of ê + o (ℓ - ê) / q + o (ℓ - ê)² / q, with ê = softplus of an imputation tower ("imputations.TASK", of the
/// task's tower), since a log loss is not negative. The mean is over the rows whose labels say what happened: the parent's is 0, or
/// it is 1 and the task's is known. These losses belong to joint training and rest in turns of single tasks.
///
/// The paper minimises the sum over all parameters at once, and so does PaddleRec. The square then pulls the conditional probability to
/// where losses vary least, 1/2: on simulated visits conversions were predicted at 2.1 times their rate, worse than by a constant. Here
/// ℓ is a constant in the square, as in the doubly robust joint learning that it is from, where the imputation alone is fitted by it.
/// - SeeAlso: Wang et al., *ESCM²: Entire Space Counterfactual Multi-Task Model*, arXiv 2204.05125; Wang et al., *Doubly
///   Robust Joint Learning for Recommendation on Data Missing Not at Random*, ICML 2019.
public struct ESCM2: Architecture, Equatable {
    /// Per later task the task whose event comes before.
    public var parents: [String: String]
    /// Layers that all towers share, from the features up.
    public var trunk: [HiddenLayer]
    /// Experts over the trunk, of which every task and every imputation has its own mixture; nil for none.
    public var experts: MMoE?
    /// Whether an imputation tower makes the loss doubly robust; else it is weighted by inverse propensities.
    public var isDoublyRobust: Bool
    /// The factor of the counterfactual losses.
    public var weight: Double
    /// The most that one over a propensity may be.
    public var maximumWeight: Double

    /// By default doubly robust, with half the weight of a task.
    public init(
        parents: [String: String], trunk: [HiddenLayer] = [], experts: MMoE? = nil,
        isDoublyRobust: Bool = true, weight: Double = 0.5, maximumWeight: Double = 15
    ) {
        self.parents = parents
        self.trunk = trunk
        self.experts = experts
        self.isDoublyRobust = isDoublyRobust
        self.weight = weight
        self.maximumWeight = maximumWeight
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(parents: try options.singleParents())
        try options.read("layers", &trunk)
        experts = try options.experts()
        try options.read("doubly_robust", &isDoublyRobust)
        try options.read("weight", &weight)
        try options.read("maximum_weight", &maximumWeight)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names an option out of range or a task of `parents` that is unknown, of a wrong kind or
    ///   its own ancestor.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let funnel = try graph.funnel(parents)
        try graph.checkLosses(funnel)
        try trunk.check(at: "trunk")
        try require(weight, atLeast: 0, "weight")
        try require(maximumWeight, atLeast: 1, "maximum weight")
        let shared = graph.stack(graph.features, trunk, names: ["trunk"])
        let titles = funnel.order.map { "imputations.\(graph.tasks[$0].name)" }
        let mixed = try experts?.taskMixtures(&graph, of: shared, others: isDoublyRobust ? titles : [])
        let conditional = graph.heads(mixed?.tasks ?? graph.tasks.map { _ in shared })
        let logits = graph.products(conditional, funnel)
        for (place, task) in funnel.order.enumerated() {
            let (own, parent) = (graph.tasks[task], funnel.parent(task))
            let imputed =
                isDoublyRobust
                ? graph.stack(
                    mixed?.others[place] ?? shared, own.tower + [.dense(1, .identity)],
                    names: [titles[place]]) : nil
            graph.penalizeCounterfactual(
                conditional: conditional[task], propensity: logits[parent], imputed: imputed, outcome: task,
                observed: parent, maximumWeight: maximumWeight, weight: weight)
        }
        return logits
    }
}

extension GraphBuilder {
    /// Logits of whole funnels from those of their single steps.
    fileprivate mutating func products(_ conditional: [GraphValue], _ funnel: Funnel) -> [GraphValue] {
        var logits = conditional
        for task in funnel.order {
            logits[task] = logitProduct(logits[funnel.parent(task)], conditional[task])
        }
        return logits
    }
}
