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

    /// By default towers share nothing but the features.
    public init(parents: [String: String], trunk: [HiddenLayer] = []) {
        self.parents = parents
        self.trunk = trunk
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(parents: try options.singleParents())
        try options.read("layers", &trunk)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, kind.outputs]`.
    ///
    /// - Throws: `InputError` that names an option out of range or a task of `parents` that is unknown, of a wrong kind or
    ///   its own ancestor.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let funnel = try graph.funnel(parents)
        try graph.checkRates(funnel)
        try trunk.check(at: "trunk")
        let shared = graph.stack(graph.features, trunk, names: ["trunk"])
        return graph.products(graph.heads(graph.tasks.map { _ in shared }), funnel)
    }
}

/// Entire-space counterfactual multi-task model: `ESMM` whose conditional probabilities have a loss of their own, over the
/// rows where the earlier event happened, each weighted by one over the probability that it would.
///
/// IPS: weight · mean over the rows of o ℓ / q, where o is the parent's label, ℓ the log loss of the task's label under its
/// conditional logit, and q the parent's predicted probability, through which no gradient flows. DR (doubly robust):
/// weight · mean of ê + o (ℓ - ê) / q + o (ℓ - ê)² / q, with ê = softplus of an imputation tower ("imputations.TASK", of the
/// task's tower), since a log loss is not negative. A row counts where the parent's label is known; these losses belong to
/// joint training and rest in turns of single tasks.
/// - SeeAlso: Wang et al., *ESCM²: Entire Space Counterfactual Multi-Task Model*, arXiv 2204.05125.
public struct ESCM2: Architecture, Equatable {
    /// Per later task the task whose event comes before.
    public var parents: [String: String]
    /// Layers that all towers share, from the features up.
    public var trunk: [HiddenLayer]
    /// Whether an imputation tower makes the loss doubly robust; else it is weighted by inverse propensities.
    public var isDoublyRobust: Bool
    /// The factor of the counterfactual losses.
    public var weight: Double
    /// The most that one over a propensity may be.
    public var maximumWeight: Double

    /// By default doubly robust, with half the weight of a task.
    public init(
        parents: [String: String], trunk: [HiddenLayer] = [], isDoublyRobust: Bool = true,
        weight: Double = 0.5, maximumWeight: Double = 15
    ) {
        self.parents = parents
        self.trunk = trunk
        self.isDoublyRobust = isDoublyRobust
        self.weight = weight
        self.maximumWeight = maximumWeight
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(parents: try options.singleParents())
        try options.read("layers", &trunk)
        try options.read("doubly_robust", &isDoublyRobust)
        try options.read("weight", &weight)
        try options.read("maximum_weight", &maximumWeight)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, kind.outputs]`.
    ///
    /// - Throws: `InputError` that names an option out of range or a task of `parents` that is unknown, of a wrong kind or
    ///   its own ancestor.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let funnel = try graph.funnel(parents)
        try graph.checkRates(funnel)
        try trunk.check(at: "trunk")
        try require(weight, atLeast: 0, "weight")
        try require(maximumWeight, atLeast: 1, "maximum weight")
        let shared = graph.stack(graph.features, trunk, names: ["trunk"])
        let conditional = graph.heads(graph.tasks.map { _ in shared })
        let logits = graph.products(conditional, funnel)
        for task in funnel.order {
            let (own, parent) = (graph.tasks[task], funnel.parent(task))
            let imputed =
                isDoublyRobust
                ? graph.stack(
                    shared, own.tower + [.dense(1, .identity)], names: ["imputations.\(own.name)"]) : nil
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
