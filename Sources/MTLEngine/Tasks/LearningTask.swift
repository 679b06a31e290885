/// One prediction the model learns: its name, what kind of label it has, its weight and its own layers.
public struct LearningTask: Sendable, Equatable {
    /// The kind of label, which decides the loss, the number of outputs and the metrics.
    public enum Kind: Sendable, Equatable {
        /// Label 0 or 1; one logit; binary cross-entropy, log(1+exp(z)) - y z.
        case binary
        /// Label a class index 0..<classes; `classes` logits; softmax cross-entropy.
        case multiclass(classes: Int)
        /// Any finite label; squared error (ŷ-y)².
        case squaredError
        /// Any finite label; Huber's loss: r²/2 for |r| ≤ delta, else delta (|r| - delta/2).
        case huber(delta: Double)

        /// The width of the task's last layer.
        public var outputs: Int {
            if case .multiclass(let classes) = self { classes } else { 1 }
        }
    }

    /// The name of the task and of its label column.
    public let name: String
    /// The kind of label.
    public let kind: Kind
    /// λ, the factor of this task's loss in the sum that is minimised; 0 or above.
    public let weight: Double
    /// The task's own hidden layers between the shared ones and its logits.
    public let tower: [HiddenLayer]
    /// Binary: the share of the rows with label 0 that training saw. Predictions are for all rows: log of it is added to
    /// the logit (He et al., *Practical Lessons from Predicting Clicks on Ads at Facebook*, ADKDD 2014).
    public let negativeRate: Double
    /// The scenarios in which the task exists, or nil for all. Elsewhere its labels are refused, so its loss takes no
    /// rows from there, and what it predicts is NaN.
    public let scenarios: [Int]?
    /// Binary and multiclass: s, at least 0 and below 1, the part of a label that training shares out evenly between
    /// all classes: 1 of K classes becomes 1 - s + s/K, 0 becomes s/K (arXiv 1512.00567; `label_smoothing` of
    /// `torch.nn.CrossEntropyLoss`). Only gradients know it: losses and metrics are those of the labels as they are.
    /// The joint losses of some architectures (ESCM²) are on the labels as they are too.
    public let smoothing: Double

    /// A task with any kind of label.
    public init(
        _ name: String, kind: Kind, weight: Double = 1, tower: [HiddenLayer] = [], negativeRate: Double = 1,
        scenarios: [Int]? = nil, smoothing: Double = 0
    ) {
        self.name = name
        self.kind = kind
        self.weight = weight
        self.tower = tower
        self.negativeRate = negativeRate
        self.scenarios = scenarios
        self.smoothing = smoothing
    }

    /// The same task, which exists in some scenarios only.
    public func only(inScenarios scenarios: [Int]) -> LearningTask {
        LearningTask(
            name, kind: kind, weight: weight, tower: tower, negativeRate: negativeRate, scenarios: scenarios,
            smoothing: smoothing)
    }

    /// Whether the task exists in a scenario.
    public func exists(in scenario: Int) -> Bool { scenarios?.contains(scenario) ?? true }

    /// A task with labels 0 and 1: clicked, bought, churned.
    public static func binary(_ name: String, weight: Double = 1, tower: [HiddenLayer] = []) -> LearningTask {
        LearningTask(name, kind: .binary, weight: weight, tower: tower)
    }

    /// A task with one of several classes: a user tag, a category.
    public static func multiclass(
        _ name: String, classes: Int, weight: Double = 1, tower: [HiddenLayer] = []
    ) -> LearningTask {
        LearningTask(name, kind: .multiclass(classes: classes), weight: weight, tower: tower)
    }

    /// A task with a real label and squared error; `huberDelta` makes it Huber's loss: spend, minutes, ratings.
    public static func regression(
        _ name: String, huberDelta: Double? = nil, weight: Double = 1, tower: [HiddenLayer] = []
    ) -> LearningTask {
        LearningTask(
            name, kind: huberDelta.map { .huber(delta: $0) } ?? .squaredError, weight: weight, tower: tower)
    }
}
