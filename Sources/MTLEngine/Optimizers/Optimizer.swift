#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How a gradient changes the parameters: PyTorch's definitions and defaults.
///
/// On embedding tables only the rows that a batch touches change. That is exact for SGD and Adagrad: another row's
/// gradient is 0 and would change nothing. Adam there is PyTorch's `SparseAdam`: the moments of a row that is not
/// touched do not decay. Momentum is refused, and weight decay does not apply to tables.
///
/// - SeeAlso: `torch.optim.SparseAdam`, `torch.optim.Adagrad` (Duchi et al., JMLR 12, 2011), `torch.optim.SGD`, `torch.optim.Adam` (arXiv 1412.6980), `torch.optim.AdamW` (arXiv 1711.05101).
public struct Optimizer: Sendable, Equatable {
    package enum Rule: Sendable, Equatable {
        case sgd(momentum: Double, dampening: Double, nesterov: Bool)
        case adam(beta1: Double, beta2: Double, epsilon: Double, decoupled: Bool)
        case adagrad(epsilon: Double)
    }

    package let rule: Rule
    /// The learning rate η, per step.
    public let learningRate: Double
    /// L2 penalty (SGD, Adam) or decoupled decay (AdamW).
    public let weightDecay: Double

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

    /// Vectors of the parameters' layout that the optimiser remembers.
    package var stateVectors: Int {
        switch rule {
        case .sgd(let momentum, _, _): momentum == 0 ? 0 : 1
        case .adam: 2
        case .adagrad: 1
        }
    }

    /// The same at a multiple of its learning rate, as PyTorch's groups of parameters have it.
    package func scaled(by factor: Double) -> Optimizer {
        Optimizer(rule: rule, learningRate: learningRate * factor, weightDecay: weightDecay)
    }

    /// The same without weight decay, for parameters that have none.
    package var withoutDecay: Optimizer {
        Optimizer(rule: rule, learningRate: learningRate, weightDecay: 0)
    }

    package func check(hasTables: Bool = false) throws(InputError) {
        func require(_ holds: Bool, _ name: String, _ value: Double, _ expected: String) throws(InputError) {
            guard holds else {
                throw InputError(.value, at: "optimizer, \(name)", found: "\(value)", expected: expected)
            }
        }
        try require(
            learningRate >= 0 && learningRate.isFinite, "learning rate", learningRate, "0 or above, finite")
        try require(
            weightDecay >= 0 && weightDecay.isFinite, "weight decay", weightDecay, "0 or above, finite")
        switch rule {
        case .sgd(let momentum, let dampening, let nesterov):
            try require(momentum >= 0 && momentum.isFinite, "momentum", momentum, "0 or above, finite")
            try require(
                !nesterov || (momentum > 0 && dampening == 0), "nesterov", momentum,
                "a momentum above 0 and no dampening")
            try require(
                !hasTables || momentum == 0, "momentum", momentum,
                "0 with embedding tables, whose rows change only when a batch touches them")
        case .adam(let beta1, let beta2, let epsilon, _):
            try require(beta1 >= 0 && beta1 < 1, "beta1", beta1, "0 ..< 1")
            try require(beta2 >= 0 && beta2 < 1, "beta2", beta2, "0 ..< 1")
            try require(epsilon >= 0 && epsilon.isFinite, "epsilon", epsilon, "0 or above, finite")
        case .adagrad(let epsilon):
            try require(epsilon > 0 && epsilon.isFinite, "epsilon", epsilon, "above 0, finite")
        }
    }

    /// The update as it stands at one step, its powers computed once for all parameters.
    package func update<Scalar: BLASScalar>(step: Int, as _: Scalar.Type) -> Update<Scalar> {
        switch rule {
        case .sgd(let momentum, let dampening, let nesterov):
            return .sgd(
                learningRate: Scalar(learningRate), momentum: Scalar(momentum), dampening: Scalar(dampening),
                nesterov: nesterov, weightDecay: Scalar(weightDecay), isFirstStep: step == 1)
        case .adam(let beta1, let beta2, let epsilon, let decoupled):
            return .adam(
                AdamStep(
                    learningRate: Scalar(learningRate), beta1: Scalar(beta1),
                    oneMinusBeta1: Scalar(1 - beta1),
                    beta2: Scalar(beta2), oneMinusBeta2: Scalar(1 - beta2), epsilon: Scalar(epsilon),
                    weightDecay: Scalar(weightDecay), isDecoupled: decoupled,
                    biasCorrection1: Scalar(1 - pow(beta1, Double(step))),
                    rootBiasCorrection2: Scalar((1 - pow(beta2, Double(step))).squareRoot())))
        case .adagrad(let epsilon):
            return .adagrad(
                learningRate: Scalar(learningRate), epsilon: Scalar(epsilon), weightDecay: Scalar(weightDecay)
            )
        }
    }

    /// An optimiser at one step: a pass over parameters, gradients and state of the same layout.
    package enum Update<Scalar: BLASScalar>: Sendable {
        case sgd(
            learningRate: Scalar, momentum: Scalar, dampening: Scalar, nesterov: Bool, weightDecay: Scalar,
            isFirstStep: Bool)
        case adam(AdamStep<Scalar>)
        case adagrad(learningRate: Scalar, epsilon: Scalar, weightDecay: Scalar)

        /// Changes `count` parameters; `state` holds this range of the first state vector, the next one lies
        /// `stateStride` elements behind it.
        package func apply(
            count: Int, parameters: UnsafeMutablePointer<Scalar>, gradients: UnsafePointer<Scalar>,
            state: UnsafeMutablePointer<Scalar>, stateStride: Int, level: Int32
        ) {
            switch self {
            case .sgd(
                let learningRate, let momentum, let dampening, let nesterov, let weightDecay, let isFirst):
                Scalar._sgd(
                    level: level, count: count, p: parameters, g: gradients,
                    buffer: momentum == 0 ? nil : state, learningRate: learningRate, momentum: momentum,
                    dampening: dampening, nesterov: nesterov, weightDecay: weightDecay, isFirstStep: isFirst)
            case .adam(let step):
                Scalar._adam(
                    level: level, count: count, p: parameters, g: gradients, m: state, v: state + stateStride,
                    step: step)
            case .adagrad(let learningRate, let epsilon, let weightDecay):
                Scalar._adagrad(
                    level: level, count: count, p: parameters, g: gradients, sum: state,
                    learningRate: learningRate, epsilon: epsilon, weightDecay: weightDecay)
            }
        }

        /// Changes the rows of a table that the slots in `range` stand for. A row's state vectors lie side by side.
        package func applyRows(
            _ range: Range<Int>, touched: UnsafePointer<Int32>, width: Int,
            table: UnsafeMutablePointer<Scalar>, state: UnsafeMutablePointer<Scalar>,
            sums: UnsafePointer<Scalar>, level: Int32
        ) {
            switch self {
            case .sgd(let learningRate, _, _, _, _, _):
                Scalar._embedSGD(
                    level: level, range: range, touched: touched, width: width, table: table, sums: sums,
                    learningRate: learningRate)
            case .adam(let step):
                Scalar._embedAdam(
                    level: level, range: range, touched: touched, width: width, table: table, state: state,
                    sums: sums, step: step)
            case .adagrad(let learningRate, let epsilon, _):
                Scalar._embedAdagrad(
                    level: level, range: range, touched: touched, width: width, table: table, state: state,
                    sums: sums, learningRate: learningRate, epsilon: epsilon)
            }
        }
    }
}
