#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How a dense layer's weights and biases start; `inputs` and `outputs` are the layer's widths.
public enum Initialization: String, Sendable, CaseIterable {
    /// PyTorch's `nn.Linear`: weights and biases uniform in ±1/√inputs.
    case pytorch
    /// He normal (arXiv 1502.01852): weights N(0, 2/inputs), biases 0.
    case he
    /// Xavier uniform (Glorot & Bengio, AISTATS 2010): weights uniform in ±√(6/(inputs+outputs)), biases 0.
    case xavier

    package func fill<Scalar: BLASScalar>(
        weights: UnsafeMutableBufferPointer<Scalar>, biases: UnsafeMutableBufferPointer<Scalar>, inputs: Int,
        outputs: Int, generator: inout SeededGenerator
    ) {
        switch self {
        case .pytorch:
            let bound = 1 / Double(inputs).squareRoot()
            for index in weights.indices { weights[index] = Scalar(generator.uniform(in: -bound..<bound)) }
            for index in biases.indices { biases[index] = Scalar(generator.uniform(in: -bound..<bound)) }
        case .he:
            let deviation = (2 / Double(inputs)).squareRoot()
            for index in weights.indices { weights[index] = Scalar(generator.normal() * deviation) }
            for index in biases.indices { biases[index] = 0 }
        case .xavier:
            let bound = (6 / Double(inputs + outputs)).squareRoot()
            for index in weights.indices { weights[index] = Scalar(generator.uniform(in: -bound..<bound)) }
            for index in biases.indices { biases[index] = 0 }
        }
    }
}

/// What the parameters of a layer that `GraphBuilder.dense` adds are before training.
public enum InitialWeights: Sendable, Equatable {
    /// Drawn as the trainer's `Initialization` says, each layer from a stream of its name.
    case drawn
    /// Weights and biases 0.
    case zero
    /// Weights uniform in ±bound, biases 0.
    case uniform(bound: Double)
}
