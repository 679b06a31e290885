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

    package var code: Int32 {
        switch self {
        case .identity: 0
        case .relu: 1
        case .tanh: 2
        case .sigmoid: 3
        case .gelu: 4
        }
    }

    /// Whether the backward pass needs the input z; the others need the output only.
    package var savesInput: Bool { self == .gelu }
}
