/// A bound on gradients before the optimiser.
public enum GradientClipping: Sendable, Equatable {
    /// Gradients as they are.
    case none
    /// The Euclidean norm of the whole gradient (`torch.nn.utils.clip_grad_norm_`).
    case norm(Double)
    /// The magnitude of every element (`torch.nn.utils.clip_grad_value_`); tables' rows are left as they are.
    case value(Double)
    /// Gradients as they are; `fit` takes a step whose gradient has a norm above this for a loss that ran away, see
    /// `StoppingRule.onDivergence`.
    case stop(above: Double)

    /// Whether the norm of the whole gradient is asked for.
    var isNorm: Bool {
        switch self {
        case .norm, .stop: true
        case .none, .value: false
        }
    }

    func check() throws(InputError) {
        switch self {
        case .none: return
        case .norm(let limit), .value(let limit), .stop(let limit):
            guard limit > 0, limit.isFinite else {
                throw InputError(
                    .value, at: "gradient clipping", found: "\(limit)", expected: "above 0, finite")
            }
        }
    }
}
