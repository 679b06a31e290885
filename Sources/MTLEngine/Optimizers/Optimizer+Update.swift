#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension Optimizer {
    /// The update as it stands at one step, its powers computed once for all parameters.
    ///
    /// - Parameter factor: what the learning rate is multiplied with.
    package func update<Scalar: BLASScalar>(
        step: Int, factor: Double = 1, as _: Scalar.Type
    ) -> Update<Scalar> {
        let learningRate = learningRate * factor
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
        case .rowAdagrad(let epsilon):
            return .rowAdagrad(learningRate: Scalar(learningRate), epsilon: Scalar(epsilon))
        case .ftrl(let beta, let l1, let l2):
            // Weights are a function of alpha and all gradients so far: with another alpha they would jump.
            return .ftrl(
                FTRLStep(
                    alpha: Scalar(self.learningRate), beta: Scalar(beta), l1: Scalar(l1), l2: Scalar(l2)))
        }
    }

    /// An optimiser at one step: a pass over parameters, gradients and state of the same layout.
    package enum Update<Scalar: BLASScalar>: Sendable {
        case sgd(
            learningRate: Scalar, momentum: Scalar, dampening: Scalar, nesterov: Bool, weightDecay: Scalar,
            isFirstStep: Bool)
        case adam(AdamStep<Scalar>)
        case adagrad(learningRate: Scalar, epsilon: Scalar, weightDecay: Scalar)
        case rowAdagrad(learningRate: Scalar, epsilon: Scalar)
        case ftrl(FTRLStep<Scalar>)

        /// Whether parameters decay.
        package var decays: Bool {
            switch self {
            case .sgd(_, _, _, _, let decay, _), .adagrad(_, _, let decay): decay != 0
            case .adam(let step): step.weightDecay != 0
            case .rowAdagrad, .ftrl: false
            }
        }

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
            case .rowAdagrad, .ftrl: preconditionFailure("a rule for tables on layers")
            }
        }

        /// Changes the rows of a table that the slots in `range` stand for. What is remembered of a row lies together.
        package func applyRows(
            _ range: Range<Int>, touched: UnsafePointer<Int32>, width: Int,
            table: UnsafeMutablePointer<Scalar>, state: UnsafeMutablePointer<Scalar>,
            sums: UnsafePointer<Scalar>, decay: Scalar, level: Int32
        ) {
            switch self {
            case .sgd(let learningRate, _, _, _, _, _):
                Scalar._embedSGD(
                    level: level, range: range, touched: touched, width: width, table: table, sums: sums,
                    learningRate: learningRate, decay: decay)
            case .adam(let step):
                Scalar._embedAdam(
                    level: level, range: range, touched: touched, width: width, table: table, state: state,
                    sums: sums, step: step, decay: decay)
            case .adagrad(let learningRate, let epsilon, _):
                Scalar._embedAdagrad(
                    level: level, range: range, touched: touched, width: width, table: table, state: state,
                    sums: sums, learningRate: learningRate, epsilon: epsilon, decay: decay)
            case .rowAdagrad(let learningRate, let epsilon):
                Scalar._embedRowAdagrad(
                    level: level, range: range, touched: touched, width: width, table: table, state: state,
                    sums: sums, learningRate: learningRate, epsilon: epsilon, decay: decay)
            case .ftrl(let step):
                Scalar._embedFTRL(
                    level: level, range: range, touched: touched, width: width, table: table, state: state,
                    sums: sums, step: step, decay: decay)
            }
        }
    }
}
