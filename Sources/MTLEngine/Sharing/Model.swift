/// A model: features in, one prediction per task out. It is a plan and holds no numbers.
///
/// `SharedBottom` and `MultiTaskModel` are the models there are; a new way of sharing is an `Architecture`.
public protocol Model: Sendable {
    /// The number of dense features.
    var inputs: Int { get }
    /// The features that are looked up in tables.
    var embedded: [EmbeddedFeature] { get }
    /// The tables of the embedded features.
    var tables: [EmbeddingTable] { get }
    /// The number of scenarios; 1 for a model that knows none.
    var scenarios: Int { get }
    /// The tasks, in the order of losses and turns.
    var tasks: [LearningTask] { get }
    /// The flat vector of parameters.
    var layout: ParameterLayout { get }
    /// Not API: what runs it.
    var _blueprint: _Blueprint { get }
}

/// Not API: the plan behind a model.
public struct _Blueprint: Sendable {
    package enum Plan: Sendable {
        case sharedBottom(SharedBottom)
        case graph(GraphPlan)
    }

    package let plan: Plan
    package let embedding: EmbeddingPlan
    /// Whether a dataset has to say which scenario a row belongs to.
    package let needsScenarios: Bool
}

extension SharedBottom: Model {
    /// One: hard sharing knows no scenarios.
    public var scenarios: Int { 1 }
    /// Not API.
    public var _blueprint: _Blueprint {
        _Blueprint(plan: .sharedBottom(self), embedding: embedding, needsScenarios: false)
    }
}
