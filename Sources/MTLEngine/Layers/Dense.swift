/// The weights of a dense layer, h = act(x W + b), or of several of equal shape side by side (one block per task, expert, gate):
/// their shapes and where they lie. A plan: it owns no memory.
///
/// T blocks · I inputs · O outputs
package struct Dense: Sendable {
    /// How a block's weights lie in the parameter vector.
    package enum Order: Sendable {
        /// `[I, O]`: the forward product and the weights' gradient read and write whole rows as they are.
        case inputMajor
        /// `[O, I]`, for logits: blocks over a shared input stack to one `[T·O, I]` matrix.
        case outputMajor
    }

    package let blocks: Int
    package let inputs: Int
    package let outputs: Int
    /// Every block reads the whole input; else block t reads its own I columns of it.
    package let inputIsShared: Bool
    package let activation: Activation
    package let order: Order

    /// Offsets in the parameter vector: block t's weights at `weight + t·I·O`, its biases at `bias + t·O`.
    package var weight = 0
    package var bias = 0
    /// Offset of the transposed weights `[O, I]` per block, where the backward pass needs them.
    package var transposed: Int?

    package var weightCount: Int { blocks * inputs * outputs }
    package var biasCount: Int { blocks * outputs }
    package var width: Int { blocks * outputs }
    /// Rows between transposed weights.
    package var transposedStride: Int { workspaceStride(columns: inputs) }
    /// Elements in a row of the weight matrix.
    package var rowLength: Int { order == .inputMajor ? outputs : inputs }
    /// Whether the blocks' weights act as one matrix on one input.
    package var isStacked: Bool { order == .outputMajor && inputIsShared }

    /// Weights of a block as stored.
    package func weights<Scalar>(_ block: Int, at base: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
        let start = base + weight + block * inputs * outputs
        return switch order {
        case .inputMajor: MatrixView(start, rows: inputs, columns: outputs, stride: outputs)
        case .outputMajor: MatrixView(start, rows: outputs, columns: inputs, stride: inputs)
        }
    }

    /// The weights of neighbouring blocks of a stacked layer as one matrix, `[blocks·O, I]`.
    package func stacked<Scalar>(
        _ some: Range<Int>, at base: UnsafeMutablePointer<Scalar>
    ) -> MatrixView<Scalar> {
        MatrixView(
            base + weight + some.lowerBound * outputs * inputs, rows: some.count * outputs, columns: inputs,
            stride: inputs)
    }

    /// The transposed weights of neighbouring blocks as one matrix, `[blocks·O, I]`.
    package func transposedWeights<Scalar>(
        _ some: Range<Int>, at base: UnsafeMutablePointer<Scalar>
    ) -> MatrixView<Scalar> {
        guard let transposed else {
            preconditionFailure("a layer whose input has no gradient keeps no transposed weights")
        }
        return MatrixView(
            base + transposed + some.lowerBound * outputs * transposedStride, rows: some.count * outputs,
            columns: inputs, stride: transposedStride)
    }
}
