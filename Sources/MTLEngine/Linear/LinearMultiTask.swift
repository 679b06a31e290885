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
        var solver = ProximalGradient(
            losses: smooth, quadratic: terms.quadratic, penalties: terms.penalties, tolerance: tolerance)
        let scale = solver.gradientScale()
        var state = solver.start()
        if case .alternatingStructure(let dimensions, let lambda, let l2) = coupling {
            // Θ = 0 first: which directions are worth sharing is known only from a W.
            try solver.minimize(&state, iterations: iterations, scale: scale)
            solver.penalties = [
                RidgePenalty(rho: l2, other: SpectralTailPenalty(lambda: lambda, free: dimensions))
            ]
        }
        try solver.minimize(&state, iterations: iterations - state.objectives.count, scale: scale)
        return state
    }
}
