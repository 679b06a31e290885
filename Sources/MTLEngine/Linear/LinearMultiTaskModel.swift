/// What `LinearMultiTask` has fitted.
public struct LinearMultiTaskModel: Sendable, Equatable {
    /// W, `[features, tasks]`.
    public let coefficients: Matrix
    /// b, `[tasks]`; 0 without intercepts.
    public let intercepts: [Double]
    /// The summands of W in the order in which their coupling names them, `[features, tasks]` each; W itself where it
    /// has only one.
    public let parts: [Matrix]
    /// The loss of each task.
    public let losses: [LinearLoss]
    /// The objective after each proximal step. A step that followed its momentum too far may raise it a little.
    public let objectives: [Double]
    /// Whether the tolerance was reached before the iterations were used up.
    public let converged: Bool
    /// The singular values of W, falling.
    public let singularValues: [Double]
    /// Ω `[tasks, tasks]` of `taskCovariance`, M of `clustered` (large where two tasks share a cluster); else nil.
    public let taskStructure: Matrix?
    /// Θ `[dimensions, features]`, orthonormal rows, of `alternatingStructure` and its convex relaxation; else nil.
    public let sharedSubspace: Matrix?

    init(
        _ state: ProximalGradient.State, losses: [LinearLoss], coupling: LinearCoupling
    ) throws(InputError) {
        parts = state.parts
        coefficients = state.parts.dropFirst().reduce(state.parts[0]) { $0.adding(1, $1) }
        intercepts = state.intercepts
        self.losses = losses
        objectives = state.objectives
        converged = state.converged
        let svd = try SingularValues(coefficients)
        singularValues = svd.sigma
        taskStructure = coupling.taskStructure(svd)
        sharedSubspace = coupling.sharedSubspace(svd)
    }

    /// The objective at the end.
    public var objective: Double { objectives.last ?? .nan }

    /// The number of singular values of W above 1e-9 times the largest.
    public var rank: Int {
        let largest = singularValues.first ?? 0
        return singularValues.count { $0 > 1e-9 * largest }
    }

    /// The features that some task uses: rows of W that are not all zero.
    public var usedFeatures: [Int] {
        (0..<coefficients.rows).filter { coefficients.row($0).contains { $0 != 0 } }
    }

    /// The share of W's elements that are exactly zero.
    public var sparsity: Double {
        Double(coefficients.values.count { $0 == 0 }) / Double(coefficients.values.count)
    }

    /// XW + b, `[rows, tasks]`: for a logistic task the log-odds.
    ///
    /// - Throws: `InputError` if the features are not as many as the model's.
    public func scores(_ features: Matrix) throws(InputError) -> Matrix {
        guard features.columns == coefficients.rows else {
            throw InputError(
                .shape, at: "features", found: "\(features.columns) columns",
                expected: "\(coefficients.rows), as the model was fitted on")
        }
        var scores = features.multiplied(by: coefficients)
        for row in 0..<scores.rows {
            for task in 0..<scores.columns { scores[row, task] += intercepts[task] }
        }
        return scores
    }

    /// Predictions, `[rows, tasks]`: of a squared task the value, of a logistic task the probability of label 1.
    ///
    /// - Throws: `InputError` if the features are not as many as the model's.
    public func predict(_ features: Matrix) throws(InputError) -> Matrix {
        var predictions = try scores(features)
        for row in 0..<predictions.rows {
            for task in 0..<predictions.columns {
                predictions[row, task] = losses[task].prediction(predictions[row, task])
            }
        }
        return predictions
    }
}
