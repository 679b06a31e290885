/// A bond between two tasks of a graph.
public struct TaskEdge: Sendable, Equatable {
    /// The index of one task.
    public let first: Int
    /// The index of another one.
    public let second: Int
    /// How much ‖w_first - w_second‖² counts; 0 or above.
    public let weight: Double

    /// A bond between two tasks.
    public init(_ first: Int, _ second: Int, weight: Double = 1) {
        self.first = first
        self.second = second
        self.weight = weight
    }
}

/// What ties the tasks of a linear model together: the penalty beside the losses.
///
/// W is `[features, tasks]`, w_t its column of task t, wⁱ its row of feature i; ‖·‖ is the Euclidean (Frobenius)
/// norm, ‖·‖₁ the sum of absolute values, ‖·‖_* the sum of singular values. Every factor is 0 or above, and none is
/// halved. The family is that of MALSAR (Zhou, Chen & Ye, *MALSAR: Multi-tAsk Learning via StructurAl
/// Regularization*, 2011).
public enum LinearCoupling: Sendable, Equatable {
    /// l1‖W‖₁ + l2‖W‖²: nothing ties the tasks; each is a lasso, a ridge or an elastic net of its own.
    case independent(l1: Double = 0, l2: Double = 0)

    /// λ Σ_i ‖wⁱ‖ + l2‖W‖²: all tasks choose the same features.
    ///
    /// Obozinski, Taskar & Jordan, *Joint covariate selection and joint subspace selection*, Statistics and
    /// Computing 20, 2010; Liu, Ji & Ye, arXiv 1205.2631.
    case jointFeatures(Double, l2: Double = 0)

    /// λ‖W‖_* + l2‖W‖²: the tasks share a subspace of few dimensions.
    ///
    /// Ji & Ye, *An Accelerated Gradient Method for Trace Norm Minimization*, ICML 2009.
    case traceNorm(Double, l2: Double = 0)

    /// W = P + Q, shared · Σ_i max_t |p_it| + sparse · ‖Q‖₁: features of all tasks and features of one.
    ///
    /// Jalali, Ravikumar, Sanghavi & Ruan, *A Dirty Model for Multi-task Learning*, NIPS 2010.
    case dirty(shared: Double, sparse: Double)

    /// W = L + S, lowRank · ‖L‖_* + outliers · Σ_t ‖s_t‖: a shared subspace, and tasks that do not belong.
    ///
    /// Chen, Zhou & Ye, *Integrating Low-Rank and Group-Sparse Structures for Robust Multi-Task Learning*, KDD 2011.
    case robust(lowRank: Double, outliers: Double)

    /// W = P + Q, shared · Σ_i ‖pⁱ‖ + outliers · Σ_t ‖q_t‖: shared features, and tasks that do not belong.
    ///
    /// Gong, Ye & Zhang, *Robust Multi-Task Feature Learning*, KDD 2012.
    case robustFeatures(shared: Double, outliers: Double)

    /// W = P + Q, sparse · ‖P‖₁ subject to ‖Q‖_* ≤ traceBound (above 0).
    ///
    /// Chen, Liu & Ye, *Learning Incoherent Sparse and Low-Rank Patterns from Multiple Tasks*, KDD 2010.
    case sparseLowRank(sparse: Double, traceBound: Double)

    /// λ Σ_t ‖w_t - w̄‖² + l1‖W‖₁: every task stays near the mean w̄ of all.
    ///
    /// Evgeniou & Pontil, *Regularized Multi-Task Learning*, KDD 2004.
    case meanRegularized(Double, l1: Double = 0)

    /// λ Σ_edges weight · ‖w_first - w_second‖² + l1‖W‖₁: tasks bound by an edge stay near each other (SRMTL).
    ///
    /// Zhou, Yuan, Liu & Ye, *A Multi-Task Learning Formulation for Predicting Disease Progression*, KDD 2011.
    case graph([TaskEdge], Double, l1: Double = 0)

    /// λ Σ_t ‖(I - ΘᵀΘ) w_t‖² + l2‖W‖² over W and Θ `[dimensions, features]` with ΘΘᵀ = I: a shared subspace that
    /// costs only l2. Without l2 a logistic task that the subspace separates has no finite minimum. Not convex: solved
    /// by turns of one step each, first with Θ = 0 to the end, then with both, to a stationary point.
    ///
    /// Ando & Zhang, *A Framework for Learning Predictive Structures from Multiple Tasks and Unlabeled Data*,
    /// JMLR 6, 2005, with u_t = w_t and v_t = Θw_t eliminated; Θ holds the top left singular vectors of W.
    case alternatingStructure(dimensions: Int, Double, l2: Double = 0)

    /// λη(1 + η) min_M tr(Wᵀ (ηI + M)⁻¹ W), 0 ⪯ M ⪯ I, tr M = dimensions, η = l2/λ, both above 0: the convex
    /// relaxation of `alternatingStructure`. M `[features, features]` is minimised out.
    ///
    /// Chen, Tang, Liu & Ye, *A Convex Formulation for Learning Shared Structures from Multiple Tasks*, ICML 2009.
    case convexAlternatingStructure(dimensions: Int, Double, l2: Double)

    /// λη(1 + η) min_M tr(W (ηI + M)⁻¹ Wᵀ), 0 ⪯ M ⪯ I, tr M = clusters, η = l2/λ, both above 0: the relaxed k-means
    /// of the tasks. M `[tasks, tasks]` is the model's `taskStructure`.
    ///
    /// Zhou, Chen & Ye, *Clustered Multi-Task Learning Via Alternating Structure Optimization*, NIPS 2011; the paper
    /// shows that for as many clusters as dimensions it has the W of `convexAlternatingStructure`.
    case clustered(clusters: Int, Double, l2: Double)

    /// λ min_Ω tr(W Ω⁻¹ Wᵀ) + l2‖W‖², Ω ⪰ 0, tr Ω = 1: learns which tasks go together, or against each other.
    ///
    /// Zhang & Yeung, *A Convex Formulation for Learning Task Relationships in Multi-Task Learning*, arXiv 1203.3536
    /// (whose λ₁ and λ₂ are halved). Their alternation puts Ω = (WᵀW)^½ / tr (WᵀW)^½; with that Ω the first term is
    /// λ‖W‖_*², which is solved directly, so that an Ω without an inverse is no trouble. Ω is `taskStructure`.
    case taskCovariance(Double, l2: Double = 0)
}

extension LinearCoupling {
    /// The factors by name, in the order of the case.
    private var factors: [(name: String, value: Double)] {
        switch self {
        case .independent(let l1, let l2): [("l1", l1), ("l2", l2)]
        case .jointFeatures(let lambda, let l2), .traceNorm(let lambda, let l2),
            .taskCovariance(let lambda, let l2):
            [("penalty", lambda), ("l2", l2)]
        case .dirty(let shared, let sparse): [("shared", shared), ("sparse", sparse)]
        case .robust(let lowRank, let outliers): [("lowRank", lowRank), ("outliers", outliers)]
        case .robustFeatures(let shared, let outliers): [("shared", shared), ("outliers", outliers)]
        case .sparseLowRank(let sparse, let bound): [("sparse", sparse), ("traceBound", bound)]
        case .meanRegularized(let lambda, let l1): [("penalty", lambda), ("l1", l1)]
        case .graph(let edges, let lambda, let l1):
            [("penalty", lambda), ("l1", l1)]
                + edges.map { ("edge \($0.first)-\($0.second)", $0.weight) }
        case .alternatingStructure(_, let lambda, let l2), .convexAlternatingStructure(_, let lambda, let l2),
            .clustered(_, let lambda, let l2):
            [("penalty", lambda), ("l2", l2)]
        }
    }

    /// Factors in their ranges, edges between tasks, dimensions that exist.
    func check(features: Int, tasks: Int) throws(InputError) {
        for (name, value) in factors where !(value >= 0 && value.isFinite) {
            throw InputError(
                .value, at: "coupling, \(name)", found: "\(value)", expected: "0 or above, finite")
        }
        switch self {
        case .sparseLowRank(_, let bound): try Self.checkPositive([("traceBound", bound)])
        case .convexAlternatingStructure(let count, let lambda, let l2),
            .clustered(let count, let lambda, let l2):
            try Self.checkPositive([("penalty", lambda), ("l2", l2)])
            try Self.checkCount(count, features: features, tasks: tasks)
        case .alternatingStructure(let count, _, _):
            try Self.checkCount(count, features: features, tasks: tasks)
        case .graph(let edges, _, _):
            for edge in edges {
                let inside = 0..<tasks
                guard inside.contains(edge.first), inside.contains(edge.second), edge.first != edge.second
                else {
                    throw InputError(
                        .value, at: "coupling, edge", found: "\(edge.first)-\(edge.second)",
                        expected: "two different tasks below \(tasks)")
                }
            }
        default: break
        }
    }

    private static func checkPositive(_ factors: [(name: String, value: Double)]) throws(InputError) {
        for (name, value) in factors where value <= 0 {
            throw InputError(.value, at: "coupling, \(name)", found: "\(value)", expected: "above 0")
        }
    }

    private static func checkCount(_ count: Int, features: Int, tasks: Int) throws(InputError) {
        guard (1...min(features, tasks)).contains(count) else {
            throw InputError(
                .value, at: "coupling, dimensions or clusters", found: "\(count)",
                expected: "1 to \(min(features, tasks)), the smaller count of features and tasks")
        }
    }
}
