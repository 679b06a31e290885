extension LinearCoupling {
    /// The coupling as the solver takes it: a smooth tr(W A Wᵀ), and a penalty per part of W.
    struct Terms {
        var quadratic: Matrix?
        var penalties: [any Penalty]
    }

    func terms(tasks: Int) throws(InputError) -> Terms {
        switch self {
        case .independent(let l1, let l2):
            Terms(penalties: [RidgePenalty(rho: l2, other: ElementPenalty(lambda: l1))])
        case .jointFeatures(let lambda, let l2):
            Terms(penalties: [RidgePenalty(rho: l2, other: RowPenalty(lambda: lambda))])
        case .traceNorm(let lambda, let l2):
            Terms(penalties: [RidgePenalty(rho: l2, other: TraceNormPenalty(lambda: lambda))])
        case .dirty(let shared, let sparse):
            Terms(penalties: [RowMaximumPenalty(lambda: shared), ElementPenalty(lambda: sparse)])
        case .robust(let lowRank, let outliers):
            Terms(penalties: [TraceNormPenalty(lambda: lowRank), ColumnPenalty(lambda: outliers)])
        case .robustFeatures(let shared, let outliers):
            Terms(penalties: [RowPenalty(lambda: shared), ColumnPenalty(lambda: outliers)])
        case .sparseLowRank(let sparse, let bound):
            Terms(penalties: [ElementPenalty(lambda: sparse), TraceBall(radius: bound)])
        case .meanRegularized(let lambda, let l1):
            try Self.quadraticTerms(Self.meanDistances(tasks).scaled(lambda), l1: l1)
        case .graph(let edges, let lambda, let l1):
            try Self.quadraticTerms(Self.laplacian(edges, tasks: tasks).scaled(lambda), l1: l1)
        case .alternatingStructure(_, let lambda, let l2):
            Terms(penalties: [RidgePenalty(rho: lambda + l2, other: ElementPenalty(lambda: 0))])
        case .convexAlternatingStructure, .clustered:
            Terms(penalties: spectralBox.map { [$0] } ?? [])
        case .taskCovariance(let lambda, let l2):
            Terms(penalties: [RidgePenalty(rho: l2, other: SquaredTraceNormPenalty(lambda: lambda))])
        }
    }

    /// The penalty of the two relaxations, with M minimised out.
    var spectralBox: SpectralBoxPenalty? {
        switch self {
        case .convexAlternatingStructure(let count, let lambda, let l2),
            .clustered(let count, let lambda, let l2):
            let eta = l2 / lambda
            return SpectralBoxPenalty(c: lambda * eta * (1 + eta), eta: eta, k: Double(count))
        default: return nil
        }
    }

    /// Beside an ℓ₁ norm the quadratic is smooth; alone it has an exact prox, whose size cannot shorten the steps.
    private static func quadraticTerms(_ a: Matrix, l1: Double) throws(InputError) -> Terms {
        l1 > 0
            ? Terms(quadratic: a, penalties: [ElementPenalty(lambda: l1)])
            : Terms(penalties: [try TaskQuadraticPenalty(a)])
    }

    /// A with tr(W A Wᵀ) = Σ_t ‖w_t - w̄‖²: I - 11ᵀ/T.
    private static func meanDistances(_ tasks: Int) -> Matrix {
        var a = Matrix(tasks, tasks, [Double](repeating: -1 / Double(tasks), count: tasks * tasks))
        for task in 0..<tasks { a[task, task] += 1 }
        return a
    }

    /// A with tr(W A Wᵀ) = Σ_edges weight · ‖w_first - w_second‖²: the Laplacian of the graph.
    private static func laplacian(_ edges: [TaskEdge], tasks: Int) -> Matrix {
        var a = Matrix(zeros: tasks, tasks)
        for edge in edges {
            a[edge.first, edge.first] += edge.weight
            a[edge.second, edge.second] += edge.weight
            a[edge.first, edge.second] -= edge.weight
            a[edge.second, edge.first] -= edge.weight
        }
        return a
    }

    /// Ω or M over the tasks, from the singular values of W; nil for couplings without one.
    func taskStructure(_ svd: SingularValues) -> Matrix? {
        let tasks = svd.vt.columns
        switch self {
        case .taskCovariance:
            let sum = svd.sigma.reduce(0, +)
            guard sum > 0 else {
                // W = 0 says nothing about the tasks: every Ω is as good, this one favours none.
                var omega = Matrix(zeros: tasks, tasks)
                for task in 0..<tasks { omega[task, task] = 1 / Double(tasks) }
                return omega
            }
            return Self.symmetric(svd, svd.sigma.map { $0 / sum })
        case .clustered: return spectralBox.map { Self.symmetric(svd, $0.weights(of: svd.sigma)) }
        default: return nil
        }
    }

    /// V·diag(values)·Vᵀ
    private static func symmetric(_ svd: SingularValues, _ values: [Double]) -> Matrix {
        svd.vt.transposed.scalingColumns(values).multiplied(by: svd.vt)
    }

    /// Θ `[dimensions, features]`, the top left singular vectors of W, of couplings that look for it.
    func sharedSubspace(_ svd: SingularValues) -> Matrix? {
        switch self {
        case .alternatingStructure(let count, _, _), .convexAlternatingStructure(let count, _, _):
            topLeftVectors(svd, count)
        default: nil
        }
    }
}

/// The first left singular vectors as rows.
func topLeftVectors(_ svd: SingularValues, _ count: Int) -> Matrix {
    var theta = Matrix(zeros: count, svd.u.rows)
    for vector in 0..<count {
        for row in 0..<svd.u.rows { theta[vector, row] = svd.u[row, vector] }
    }
    return theta
}
