/// Linear models of several tasks, tied by a penalty: baselines that train in seconds, and starting points.
///
/// Minimises Σ_t s_t Σ_i loss(x_iᵀw_t + b_t, y_it) + coupling(W) over the coefficients W `[features, tasks]` and the
/// intercepts b, which no penalty touches. Everything is in Double, on one thread, and the same bits every time.
///
/// ```swift
/// let model = try LinearMultiTask(.traceNorm(0.1), loss: .logistic).fit(features: x, labels: y)
/// let probabilities = try model.predict(x)
/// ```
public struct LinearMultiTask: Sendable, Equatable {
    /// What ties the tasks together.
    public var coupling: LinearCoupling
    /// One loss for all tasks, or one per task.
    public var losses: [LinearLoss]
    /// s_t: 1, or 1 over the task's labelled rows (the default, so that a penalty means the same for any of them).
    public var reduction: LinearReduction
    /// Whether every task has an intercept.
    public var intercept: Bool
    /// The gradient mapping, relative to the gradient of the losses at W = 0, below which a model has converged.
    public var tolerance: Double
    /// The most proximal steps.
    public var iterations: Int

    /// Models with one loss for all tasks.
    public init(
        _ coupling: LinearCoupling, loss: LinearLoss = .squared, reduction: LinearReduction = .mean,
        intercept: Bool = true, tolerance: Double = 1e-7, iterations: Int = 10_000
    ) {
        self.init(
            coupling, losses: [loss], reduction: reduction, intercept: intercept, tolerance: tolerance,
            iterations: iterations)
    }

    /// Models with a loss per task.
    public init(
        _ coupling: LinearCoupling, losses: [LinearLoss], reduction: LinearReduction = .mean,
        intercept: Bool = true, tolerance: Double = 1e-7, iterations: Int = 10_000
    ) {
        self.coupling = coupling
        self.losses = losses
        self.reduction = reduction
        self.intercept = intercept
        self.tolerance = tolerance
        self.iterations = iterations
    }

    /// Fits all tasks on the same rows.
    ///
    /// - Parameters:
    ///   - features: `[rows, features]`, finite. Scale them alike; a penalty cannot tell units.
    ///   - labels: `[rows, tasks]`, NaN where missing.
    /// - Throws: `InputError` for shapes that do not fit, features that are not finite, labels outside the loss's
    ///   range, a task without a label (or, logistic with an intercept, with one class only), a factor out of range.
    public func fit(features: Matrix, labels: Matrix) throws(InputError) -> LinearMultiTaskModel {
        guard features.rows == labels.rows else {
            throw InputError(
                .shape, at: "labels", found: "\(labels.rows) rows",
                expected: "\(features.rows), as the features")
        }
        return try fit([LabelledBlock(features: features, tasks: 0..<labels.columns, labels: labels)])
    }

    /// Fits tasks that have rows of their own.
    ///
    /// - Throws: `InputError` as `fit(features:labels:)` does.
    public func fit(_ tasks: [LinearTaskRows]) throws(InputError) -> LinearMultiTaskModel {
        var blocks: [LabelledBlock] = []
        for (index, task) in tasks.enumerated() {
            guard task.features.columns == tasks[0].features.columns else {
                throw InputError(
                    .shape, at: "features of task \(index)", found: "\(task.features.columns) columns",
                    expected: "\(tasks[0].features.columns), as task 0")
            }
            guard task.features.rows == task.labels.count else {
                throw InputError(
                    .shape, at: "labels of task \(index)", found: "\(task.labels.count) values",
                    expected: "\(task.features.rows), as its features")
            }
            blocks.append(
                LabelledBlock(
                    features: task.features, tasks: index..<index + 1,
                    labels: Matrix(task.labels.count, 1, task.labels)))
        }
        return try fit(blocks)
    }

    private func fit(_ blocks: [LabelledBlock]) throws(InputError) -> LinearMultiTaskModel {
        let tasks = blocks.last?.tasks.upperBound ?? 0
        guard tasks > 0 else {
            throw InputError(.empty, at: "tasks", found: "none", expected: "at least one")
        }
        guard let features = blocks.first?.features.columns, features > 0 else {
            throw InputError(.empty, at: "features", found: "no columns", expected: "at least one")
        }
        guard losses.count == 1 || losses.count == tasks else {
            throw InputError(
                .shape, at: "losses", found: "\(losses.count)",
                expected: "1, or one for each of \(tasks) tasks")
        }
        try checkOptions()
        try coupling.check(features: features, tasks: tasks)
        let perTask = losses.count == 1 ? [LinearLoss](repeating: losses[0], count: tasks) : losses
        let smooth = try TaskLosses(blocks, losses: perTask, reduction: reduction, hasIntercept: intercept)
        let state = try solve(smooth)
        return try LinearMultiTaskModel(state, losses: perTask, coupling: coupling)
    }

    private func checkOptions() throws(InputError) {
        guard tolerance > 0, tolerance.isFinite else {
            throw InputError(.value, at: "tolerance", found: "\(tolerance)", expected: "above 0, finite")
        }
        guard iterations > 0 else {
            throw InputError(.value, at: "iterations", found: "\(iterations)", expected: "at least 1")
        }
    }

    private func solve(_ smooth: TaskLosses) throws(InputError) -> ProximalGradient.State {
        let terms = try coupling.terms(tasks: smooth.taskCount)
        let solver = ProximalGradient(
            losses: smooth, quadratic: terms.quadratic, penalties: terms.penalties, tolerance: tolerance)
        let scale = solver.gradientScale()
        var state = solver.start()
        guard case .alternatingStructure(let dimensions, let lambda, let l2) = coupling else {
            try solver.minimize(&state, iterations: iterations, scale: scale)
            return state
        }
        try solver.minimize(&state, iterations: iterations, scale: scale)
        try alternate(&state, smooth, scale: scale, dimensions: dimensions) { theta in
            RidgePenalty(rho: l2, other: SubspacePenalty(lambda: lambda, theta: theta))
        }
        return state
    }

    /// W given Θ by proximal steps, Θ given W by its singular vectors; neither raises the objective. It has
    /// converged when a new Θ leaves nothing to do for W.
    private func alternate(
        _ state: inout ProximalGradient.State, _ smooth: TaskLosses, scale: Double, dimensions: Int,
        penalty: (Matrix) -> any Penalty
    ) throws(InputError) {
        while state.objectives.count < iterations {
            let theta = topLeftVectors(try SingularValues(state.parts[0]), dimensions)
            let solver = ProximalGradient(
                losses: smooth, quadratic: nil, penalties: [penalty(theta)], tolerance: tolerance)
            let before = state.objectives.count
            // A W that is exact for a Θ which will move anyway is wasted.
            try solver.minimize(&state, iterations: min(iterations - before, 100), scale: scale)
            if state.converged && state.objectives.count == before + 1 { return }
        }
        state.converged = false
    }
}
