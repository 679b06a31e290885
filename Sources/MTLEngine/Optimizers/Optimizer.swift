/// How a gradient changes the parameters: PyTorch's definitions and defaults.
///
/// On embedding tables only the rows that a batch touches change. That is exact for SGD and Adagrad: another row's
/// gradient is 0 and would change nothing. Adam there is PyTorch's `SparseAdam`: the moments of a row that is not
/// touched do not decay. Momentum is refused, and weight decay does not apply to tables: `withRowDecay(_:)` is theirs.
/// Row-wise Adagrad and FTRL are for tables only: `Trainer(…, tableOptimizer:)`.
///
/// - SeeAlso: `torch.optim.SparseAdam`, `torch.optim.Adagrad` (Duchi et al., JMLR 12, 2011), `torch.optim.SGD`, `torch.optim.Adam` (arXiv 1412.6980), `torch.optim.AdamW` (arXiv 1711.05101).
public struct Optimizer: Sendable, Equatable {
    package enum Rule: Sendable, Equatable {
        case sgd(momentum: Double, dampening: Double, nesterov: Bool)
        case adam(beta1: Double, beta2: Double, epsilon: Double, decoupled: Bool)
        case adagrad(epsilon: Double)
        case rowAdagrad(epsilon: Double)
        case ftrl(beta: Double, l1: Double, l2: Double)
    }

    package let rule: Rule
    /// The learning rate η, per step.
    public let learningRate: Double
    /// L2 penalty (SGD, Adam) or decoupled decay (AdamW).
    public let weightDecay: Double
    /// λ of the rows of tables that a batch touches; see `withRowDecay(_:)`.
    public private(set) var rowDecay = 0.0

    private init(rule: Rule, learningRate: Double, weightDecay: Double) {
        self.rule = rule
        self.learningRate = learningRate
        self.weightDecay = weightDecay
    }

    /// Stochastic gradient descent, with momentum if that is not 0.
    public static func sgd(
        learningRate: Double = 1e-3, momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false,
        weightDecay: Double = 0
    ) -> Optimizer {
        Optimizer(
            rule: .sgd(momentum: momentum, dampening: dampening, nesterov: nesterov),
            learningRate: learningRate,
            weightDecay: weightDecay)
    }

    /// Adam; weight decay is an L2 penalty in the gradient.
    public static func adam(
        learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0
    ) -> Optimizer {
        Optimizer(
            rule: .adam(beta1: beta1, beta2: beta2, epsilon: epsilon, decoupled: false),
            learningRate: learningRate, weightDecay: weightDecay)
    }

    /// Adam with decoupled weight decay.
    public static func adamW(
        learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 1e-2
    ) -> Optimizer {
        Optimizer(
            rule: .adam(beta1: beta1, beta2: beta2, epsilon: epsilon, decoupled: true),
            learningRate: learningRate, weightDecay: weightDecay)
    }

    /// Adagrad: every parameter's step shrinks with the squares of its gradients so far.
    public static func adagrad(
        learningRate: Double = 1e-2, epsilon: Double = 1e-10, weightDecay: Double = 0
    ) -> Optimizer {
        Optimizer(rule: .adagrad(epsilon: epsilon), learningRate: learningRate, weightDecay: weightDecay)
    }

    /// Adagrad with one sum for each row of a table, of the mean of its squared gradient: a table of dimension d
    /// remembers a d-th of what Adagrad does. For tables only; as FBGEMM's exact row-wise Adagrad.
    public static func rowAdagrad(learningRate: Double = 1e-2, epsilon: Double = 1e-8) -> Optimizer {
        Optimizer(rule: .rowAdagrad(epsilon: epsilon), learningRate: learningRate, weightDecay: 0)
    }

    /// FTRL-proximal, number by number: with an l1 above 0 many weights become exactly 0. For tables only.
    ///
    /// A weight is made of its gradients alone, so that the one drawn at the beginning fades with the first of them: by
    /// |g| / (beta + |g|) where l1 and l2 are 0. Its rate falls by itself, and no rate schedule changes it. Tasks that take
    /// turns have one memory of gradients, unlike with the other rules.
    ///
    /// - SeeAlso: McMahan et al., *Ad Click Prediction: a View from the Trenches*, KDD 2013.
    /// - Parameters:
    ///   - alpha: the learning rate, of which a number has alpha / (beta + √Σg²).
    ///   - beta: what keeps the first rates small.
    ///   - l1: the penalty on magnitudes.
    ///   - l2: the penalty on squares.
    public static func ftrl(alpha: Double = 0.05, beta: Double = 1, l1: Double = 0, l2: Double = 0)
        -> Optimizer
    {
        Optimizer(rule: .ftrl(beta: beta, l1: l1, l2: l2), learningRate: alpha, weightDecay: 0)
    }

    /// The same, with λ times each row of a table that a batch touches added to the row's gradient: the L2 penalty
    /// λ/2 ‖e‖² of each such row, once a step however often the batch has it. It is added behind the clipping.
    public func withRowDecay(_ decay: Double) -> Optimizer {
        var result = self
        result.rowDecay = decay
        return result
    }

    /// Vectors of the parameters' layout that the optimiser remembers of the layers.
    package var stateVectors: Int {
        switch rule {
        case .sgd(let momentum, _, _): momentum == 0 ? 0 : 1
        case .adam: 2
        case .adagrad: 1
        case .rowAdagrad, .ftrl: 0
        }
    }

    /// Numbers that the optimiser remembers of tables.
    package struct RowState: Sendable, Equatable {
        /// Of each element.
        package let perElement: Int
        /// Of each row beside them.
        package let perRow: Int
        /// Whether it is one for all turns: where a weight is made of what is remembered, turns that remembered apart would
        /// undo each other's steps.
        package var isShared = false

        /// Those of so many rows with so many elements.
        package func count(rows: Int, elements: Int) -> Int { perElement * elements + perRow * rows }
    }

    package var rowState: RowState {
        switch rule {
        case .sgd: RowState(perElement: 0, perRow: 0)
        case .adam: RowState(perElement: 2, perRow: 0)
        case .ftrl: RowState(perElement: 2, perRow: 0, isShared: true)
        case .adagrad: RowState(perElement: 1, perRow: 0)
        case .rowAdagrad: RowState(perElement: 0, perRow: 1)
        }
    }

    /// The same at a multiple of its learning rate, as PyTorch's groups of parameters have it.
    package func scaled(by factor: Double) -> Optimizer {
        var result = Optimizer(rule: rule, learningRate: learningRate * factor, weightDecay: weightDecay)
        result.rowDecay = rowDecay
        return result
    }

    /// The same without weight decay, for parameters that have none.
    package var withoutDecay: Optimizer {
        Optimizer(rule: rule, learningRate: learningRate, weightDecay: 0)
    }
}
