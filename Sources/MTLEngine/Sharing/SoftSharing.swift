/// Soft parameter sharing: a network per task, side by side, and a penalty on how far their parameters lie apart.
///
/// Layer l of task t has parameters θ_tl (weights and biases, as one vector); W_l has them as columns, `[parameters, tasks]`.
/// The penalty is a sum over the layers; towers and heads stay the tasks' own. "networks.TASK.l.weight".
/// - SeeAlso: Duong et al., *Low Resource Dependency Parsing*, ACL 2015 (L2 distance); Evgeniou & Pontil, *Regularized
///   Multi-Task Learning*, KDD 2004 (mean); Zhang & Yeung, *A Convex Formulation for Learning Task Relationships in
///   Multi-Task Learning*, arXiv 1203.3536 (covariance), whose W is linear where ours is a layer.
public struct SoftSharing: Architecture, Equatable {
    /// Which distance between the tasks' parameters is penalised.
    public enum Distance: String, Sendable, CaseIterable {
        /// Σ_{s<t} ‖θ_s - θ_t‖²
        case pairwise
        /// Σ_t ‖θ_t - θ̄‖² for the tasks' mean θ̄: 1/tasks of the pairwise sum.
        case mean
        /// tr(W Ω⁻¹ Wᵀ) with Ω, "covariances.l" `[tasks, tasks]`, learned: it begins as 1/tasks in the diagonal and becomes
        /// (WᵀW)^{1/2}/tr((WᵀW)^{1/2}), its eigenvalues lifted by a thousandth of their mean, every `updateEvery` steps.
        case covariance
    }

    /// The layers of a task's network.
    public var layers: [HiddenLayer]
    /// Which distance between the tasks' parameters is penalised.
    public var distance: Distance
    /// The penalty's factor; 0 for separate networks.
    public var weight: Double
    /// Steps between updates of Ω.
    public var updateEvery: Int

    /// By default the distance to the tasks' mean.
    public init(
        layers: [HiddenLayer], distance: Distance = .mean, weight: Double = 1e-3, updateEvery: Int = 100
    ) {
        self.layers = layers
        self.distance = distance
        self.weight = weight
        self.updateEvery = updateEvery
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("distance", &distance)
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
        let networks = graph.networks(graph.features, layers)
        if weight > 0 {
            for depth in layers.indices {
                let parts = ["weight", "bias"].map { part in
                    graph.tasks.map { "networks.\($0.name).\(depth).\(part)" }
                }
                switch distance {
                case .pairwise: graph.couple(parts, .pairwise, weight: weight)
                case .mean: graph.couple(parts, .mean, weight: weight)
                case .covariance:
                    graph.couple(
                        parts, .covariance("covariances.\(depth)", every: updateEvery), weight: weight)
                }
            }
        }
        return graph.heads(networks)
    }
}

extension SoftSharing.Distance: OptionType {}
