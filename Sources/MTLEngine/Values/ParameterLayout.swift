/// A named piece of the parameter vector: one layer's weights or biases, or one task's share of them.
public struct ParameterSegment: Sendable, Equatable {
    /// "trunk.0.weight", "heads.click.1.bias", …: the names PyTorch would give the same modules.
    public let name: String
    /// Index of the first element in the parameter vector.
    public let offset: Int
    /// PyTorch's shape: `[outputs, inputs]` for weights, `[outputs]` for biases.
    public let shape: [Int]
    /// Whether the vector holds the weights transposed, `[inputs, outputs]`.
    public let isTransposed: Bool
    /// Whether an optimiser changes it; moving statistics are brought up to date by the training step instead.
    public var isTrained = true

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// What the name of a count of batches ends in; it is read in training alone.
    package static let countName = ".num_batches_tracked"
    /// What takes the place of a count that a model of before does not have: of as many batches as change nothing more.
    package static let countOfBefore = 4096.0
    /// Whether it is such a count.
    package var isCount: Bool { name.hasSuffix(Self.countName) }
}

/// Where every named segment lies in the one flat vector of a model's parameters.
///
/// Gradients and optimiser state of the layers have the same layout. Shared segments come first, embedding tables last.
public struct ParameterLayout: Sendable, Equatable {
    /// All segments, in the order of the vector.
    public internal(set) var segments: [ParameterSegment] = []
    /// The length of the vector.
    public internal(set) var count = 0
    /// The length of the shared layers' part, at the start.
    public internal(set) var sharedCount = 0
    /// The length of all layers' part; embedding tables lie behind it.
    public internal(set) var denseCount = 0

    /// The segment of a name.
    ///
    /// - Throws: `InputError` if there is none.
    public func segment(_ name: String) throws(InputError) -> ParameterSegment {
        guard let found = segments.first(where: { $0.name == name }) else {
            throw InputError(
                .name, at: "parameter \"\(name)\"", found: "no such segment",
                expected: "one of \(segments.map(\.name).joined(separator: ", "))")
        }
        return found
    }

    /// Copies a segment out of a vector, in PyTorch's order.
    package func read<Scalar>(_ segment: ParameterSegment, from vector: UnsafePointer<Scalar>) -> [Scalar] {
        guard segment.isTransposed else {
            return Array(UnsafeBufferPointer(start: vector + segment.offset, count: segment.count))
        }
        return (0..<segment.count).map { vector[position($0, in: segment)] }
    }

    /// Copies values in PyTorch's order into a segment of a vector.
    package func write<Scalar>(
        _ values: [Scalar], to segment: ParameterSegment, of vector: UnsafeMutablePointer<Scalar>
    ) throws(InputError) {
        guard values.count == segment.count else {
            throw InputError(
                .shape, at: "parameter \"\(segment.name)\"", found: "\(values.count) values",
                expected: "\(segment.shape)")
        }
        guard segment.isTransposed else {
            values.withUnsafeBufferPointer { source in
                if let base = source.baseAddress {
                    (vector + segment.offset).update(from: base, count: source.count)
                }
            }
            return
        }
        for (index, value) in values.enumerated() { vector[position(index, in: segment)] = value }
    }

    private func position(_ index: Int, in segment: ParameterSegment) -> Int {
        guard segment.isTransposed else { return segment.offset + index }
        let (outputs, inputs) = (segment.shape[0], segment.shape[1])
        return segment.offset + index % inputs * outputs + index / inputs
    }
}
