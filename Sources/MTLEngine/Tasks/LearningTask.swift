/// One prediction the model learns: its name, what kind of label it has, its weight and its own layers.
public struct LearningTask: Sendable, Equatable {
    /// The kind of label, which decides the loss, the number of outputs and the metrics.
    ///
    /// Losses of numbers are of labels as `LabelScale` encodes them: their deltas and values are in its units, not the label's.
    public enum Kind: Sendable, Equatable {
        /// Label 0 or 1; one logit; binary cross-entropy, log(1+exp(z)) - y z.
        case binary
        /// Label a class index 0..<classes; `classes` logits; softmax cross-entropy.
        case multiclass(classes: Int)
        /// Label a class index 0..<classes whose order means something, such as a rating; `classes` - 1 outputs z. Cumulative logits
        /// a_0 = z_0, a_k = a_{k-1} - softplus(z_k), so that P(y > k) = σ(a_k) falls with k; the loss is -log P(y). (McCullagh,
        /// *Regression Models for Ordinal Data*, 1980, whose distances between the a_k are the same for all rows; here they
        /// may depend on them.)
        case ordinal(classes: Int)
        /// Any finite label; squared error (ŷ-y)².
        case squaredError
        /// Any finite label; Huber's loss: r²/2 for |r| ≤ delta, else delta (|r| - delta/2).
        case huber(delta: Double)
        /// Any finite label; the pinball loss of a quantile, level (y-ŷ) above the prediction and (1-level)(ŷ-y) below it (Koenker
        /// and Bassett, *Regression Quantiles*, 1978). The level is above 0 and below 1.
        case quantile(level: Double)
        /// A count, 0 or above; one logit, the mean's logarithm; half the Poisson deviance, exp(z) - y z + (y log y - y).
        case poisson
        /// A sum of payments, 0 or above and often 0; one logit, the mean's logarithm; half the Tweedie deviance of a power above 1
        /// and below 2: y²⁻ᵖ/((1-p)(2-p)) - y μ¹⁻ᵖ/(1-p) + μ²⁻ᵖ/(2-p) (Jørgensen, *Exponential Dispersion Models*, 1987).
        case tweedie(power: Double)
        /// A payment, 0 or above; three outputs: the logit of paying at all, and μ and s of a payment's logarithm, whose deviation is
        /// σ = max(softplus(s), √1e-7); binary cross-entropy of y > 0, and for those -log of the lognormal density. The prediction
        /// is the mean, P(y > 0) exp(μ + σ²/2), with σ = softplus(s) (arXiv 1912.07753, as `lifetime_value` computes it).
        case zeroInflatedLognormal

        /// The width of the task's last layer.
        public var outputs: Int {
            switch self {
            case .multiclass(let classes): classes
            case .ordinal(let classes): classes - 1
            case .zeroInflatedLognormal: 3
            default: 1
            }
        }

        /// How many numbers are predicted for a row: a probability per class, or one.
        public var predictions: Int { classes ?? 1 }

        /// How many classes it tells apart, beside yes and no; nil for another kind.
        package var classes: Int? {
            switch self {
            case .multiclass(let classes), .ordinal(let classes): classes
            default: nil
            }
        }
    }

    /// The name of the task and of its label column.
    public let name: String
    /// The kind of label.
    public let kind: Kind
    /// λ, the factor of this task's loss in the sum that is minimised; 0 or above.
    public package(set) var weight: Double
    /// The task's own hidden layers between the shared ones and its logits.
    public package(set) var tower: [HiddenLayer]
    /// Binary: the share of the rows with label 0 that training saw. Predictions are for all rows: log of it is added to
    /// the logit (He et al., *Practical Lessons from Predicting Clicks on Ads at Facebook*, ADKDD 2014).
    ///
    /// Of the first task of a funnel (`ESMM`, `ESCM2`, `AITM`, `ResFlow`): rows with label 0 were left out with the labels of all
    /// its tasks, and the later tasks' predictions are corrected for it too; they have no rate of their own.
    public let negativeRate: Double
    /// The scenarios in which the task exists, or nil for all. Elsewhere its labels are refused, so its loss takes no
    /// rows from there, and what it predicts is NaN.
    public private(set) var scenarios: [Int]?
    /// Binary and multiclass: s, at least 0 and below 1, the part of a label that training shares out evenly between
    /// all classes: 1 of K classes becomes 1 - s + s/K, 0 becomes s/K (arXiv 1512.00567; `label_smoothing` of
    /// `torch.nn.CrossEntropyLoss`). Only gradients know it: losses and metrics are those of the labels as they are.
    /// The joint losses of some architectures (ESCM²) are on the labels as they are too.
    public let smoothing: Double
    /// Binary and multiclass: per class how much its rows count in the loss that training minimises, above 0; `[no, yes]` of a binary
    /// task (`pos_weight` of `torch.nn.BCEWithLogitsLoss` is [1, w]); empty for 1 each. The loss stays the mean over labelled rows.
    ///
    /// Predictions are for rows as they come: what a weighted loss is least for, p' ∝ w p, is undone on the logits. So are
    /// they with `focusing`. Watched losses and metrics are plain ones of these predictions; those of the steps are weighted.
    public let classWeights: [Double]
    /// Binary and multiclass: γ of the focal loss, (1-p)^γ times the cross-entropy, p the probability of the label's class
    /// (arXiv 1708.02002); 0 for none. The gradient is that of the whole product. Its optimum is no probability, but a known
    /// function of it, which predictions undo (arXiv 2011.09172): p_k ∝ q_k / (w_k s(q_k)), s(q) = (1-q)^γ - γ q (1-q)^(γ-1) log q.
    public let focusing: Double
    /// Binary: what is learned of the order of the rows of a group; nil for nothing.
    public let ranking: RankingLoss?
    /// Binary: β, above 0, of the F-measure that the loss is for: in every batch rows with label 0 count TP / (β² P + FP), where P is the
    /// number (or weight) of rows with label 1, TP the sum of their predicted probabilities and FP that of the rows with label
    /// 0; nil for the plain loss (Lin et al., *Adaptive Scaling for Sparse Detection in Information Extraction*, ACL 2018). No
    /// gradient goes through that weight. Probabilities are too high by it: what decides by a threshold of 1/2 may use them.
    ///
    /// EasyRec's loss of this name takes both sums over all rows of a batch, which makes every weight 1 where β is.
    public let f1: Double?
    /// Binary and squared errors: the predictions that are learned from beside labels; nil for labels alone.
    public let teacher: Teacher?
    /// Regression: what becomes of a label before the loss, and back of what is predicted.
    public package(set) var labelScale: LabelScale

    /// A task with any kind of label.
    public init(
        _ name: String, kind: Kind, weight: Double = 1, tower: [HiddenLayer] = [], negativeRate: Double = 1,
        scenarios: [Int]? = nil, smoothing: Double = 0, classWeights: [Double] = [], focusing: Double = 0,
        ranking: RankingLoss? = nil, f1: Double? = nil, teacher: Teacher? = nil,
        labelScale: LabelScale = .identity
    ) {
        self.name = name
        self.kind = kind
        self.weight = weight
        self.tower = tower
        self.negativeRate = negativeRate
        self.scenarios = scenarios
        self.smoothing = smoothing
        self.classWeights = classWeights
        self.focusing = focusing
        self.ranking = ranking
        self.f1 = f1
        self.teacher = teacher
        self.labelScale = labelScale
    }

    /// The same task, which exists in some scenarios only.
    public func only(inScenarios scenarios: [Int]) -> LearningTask {
        var task = self
        task.scenarios = scenarios
        return task
    }

    /// The width of the task's last layer: one logit per class, one for a binary task, but of `RankingLoss.Kind.jrc` two.
    public var outputs: Int { hasTwoLogits ? 2 : kind.outputs }

    /// Whether its last layer has a logit for no and one for yes.
    package var hasTwoLogits: Bool { ranking?.kind == .jrc }

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
    ///
    /// The label is learned as it is, in its own unit; `scaled(to:)` brings labels of any size to the size of other tasks' losses.
    public static func regression(
        _ name: String, huberDelta: Double? = nil, weight: Double = 1, tower: [HiddenLayer] = []
    ) -> LearningTask {
        LearningTask(
            name, kind: huberDelta.map { .huber(delta: $0) } ?? .squaredError, weight: weight, tower: tower)
    }
}

extension [LearningTask] {
    /// Refuses a task whose parameters would have the names of what all tasks share.
    ///
    /// - Throws: `InputError` that names the task.
    func checkNames(not reserved: String) throws(InputError) {
        guard !contains(where: { $0.name == reserved }) else {
            throw InputError(
                .name, at: "task \"\(reserved)\"", found: "the name of what all tasks share",
                expected: "another name")
        }
    }
}
