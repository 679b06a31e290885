/// A bound on gradients before the optimiser.
public enum GradientClipping: Sendable, Equatable {
    /// Gradients as they are.
    case none
    /// The Euclidean norm of the whole gradient (`torch.nn.utils.clip_grad_norm_`).
    case norm(Double)
    /// The magnitude of every element (`torch.nn.utils.clip_grad_value_`); tables' rows are left as they are.
    case value(Double)

    var isNorm: Bool { if case .norm = self { true } else { false } }

    func check() throws(InputError) {
        switch self {
        case .none: return
        case .norm(let limit), .value(let limit):
            guard limit > 0, limit.isFinite else {
                throw InputError(
                    .value, at: "gradient clipping", found: "\(limit)", expected: "above 0, finite")
            }
        }
    }
}
