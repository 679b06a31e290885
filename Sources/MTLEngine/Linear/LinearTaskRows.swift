/// The rows of one task that has features of its own.
public struct LinearTaskRows: Sendable, Equatable {
    /// `[rows, features]`; every task of a model has the same features in the same order.
    public let features: Matrix
    /// `[rows]`, NaN where missing.
    public let labels: [Double]

    /// The rows of one task.
    public init(features: Matrix, labels: [Double]) {
        self.features = features
        self.labels = labels
    }
}

/// Whether a task's losses are added up or averaged over its labelled rows.
public enum LinearReduction: String, Sendable {
    /// Σ over the task's labelled rows: tasks with more rows count for more.
    case sum
    /// The mean over the task's labelled rows.
    case mean
}
