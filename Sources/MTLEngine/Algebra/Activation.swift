/// The function between a dense layer's product and its output.
public enum Activation: String, Sendable, Codable, CaseIterable {
    /// z, as it is.
    case identity
    /// max(z, 0)
    case relu
    /// tanh z
    case tanh
    /// 1 / (1 + exp(-z))
    case sigmoid
    /// z Φ(z) with the exact normal distribution function (Hendrycks & Gimpel, arXiv 1606.08415), as PyTorch's default.
    case gelu
    /// z σ(z) (Elfwing et al., arXiv 1702.03118), also called swish.
    case silu
    /// max(z, 0) + 0.01 min(z, 0) (Maas et al., ICML 2013), of PyTorch's default slope.
    case leakyReLU = "leaky_relu"
    /// max(z, 0) + a min(z, 0), a slope a for every unit, 0.25 at the start (He et al., arXiv 1502.01852).
    case prelu
    /// z (p + a (1 - p)), p = σ(z normalised by the batch), a slope a for every unit, 0 at the start (Zhou et al., arXiv 1706.06978).
    case dice

    /// Whether units have parameters of their own: what a hidden layer of a stack has, and no single node.
    package var hasParameters: Bool { self == .prelu || self == .dice }

    package var code: Int32 {
        switch self {
        case .identity: 0
        case .relu: 1
        case .tanh: 2
        case .sigmoid: 3
        case .gelu: 4
        case .silu: 5
        case .leakyReLU: 6
        case .prelu, .dice: preconditionFailure("\(rawValue) is an activation of hidden layers")
        }
    }

    /// Whether the backward pass needs the input z; the others need the output only.
    package var savesInput: Bool { self == .gelu || self == .silu }
}
