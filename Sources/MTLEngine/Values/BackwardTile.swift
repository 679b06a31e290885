/// A tile of rows on its way back: its values, their gradients, and where the parameters' gradients are added up.
package struct BackwardTile<Scalar: BLASScalar> {
    package var forward: ForwardTile<Scalar>
    /// The gradient vector of the tile's shard of rows.
    package var gradients: UnsafeMutablePointer<Scalar>
    /// The gradients of values in the workspace; per storage the elements per row before its own.
    package let valueGradients: UnsafeMutablePointer<Scalar>
    package let gradientOffsets: UnsafeBufferPointer<Int>
    /// The gradient in the embedded features, `[rows, embedded]`.
    package let embedded: MatrixView<Scalar>
    /// Whether the tile is the first of its shard, and the first of its scenario there: gradients overwrite.
    package var isFirst: Bool
    package var isFirstOfScenario: Bool
    /// The same of the gradients of members' own parameters, which no other member has begun.
    package var isFirstOfMember = false
    package var isFirstOfMemberAndScenario = false
    /// Whether this worker's copies of the scenario's weights are another's since the forward pass.
    package var refreshesBackward: Bool

    package init(
        forward: ForwardTile<Scalar>, gradients: UnsafeMutablePointer<Scalar>,
        valueGradients: UnsafeMutablePointer<Scalar>, gradientOffsets: UnsafeBufferPointer<Int>,
        embedded: MatrixView<Scalar>, isFirst: Bool, isFirstOfScenario: Bool, refreshesBackward: Bool
    ) {
        self.forward = forward
        self.gradients = gradients
        self.valueGradients = valueGradients
        self.gradientOffsets = gradientOffsets
        self.embedded = embedded
        self.isFirst = isFirst
        self.isFirstOfScenario = isFirstOfScenario
        self.refreshesBackward = refreshesBackward
    }

    /// The same rows on their way back from a member of a packed ensemble.
    @inline(__always)
    package func of(_ tile: ForwardTile<Scalar>) -> BackwardTile {
        var back = self
        back.forward = tile
        back.isFirst = isFirst && tile.member == 0
        back.isFirstOfScenario = isFirstOfScenario && tile.member == 0
        back.isFirstOfMember = isFirst
        back.isFirstOfMemberAndScenario = isFirstOfScenario
        back.refreshesBackward = refreshesBackward && tile.member == 0
        return back
    }

    /// The tile whose parameters and gradients are the member's own of a node.
    @inline(__always)
    package func own(parameters stride: Int, transposes transposedStride: Int) -> BackwardTile {
        var back = self
        back.gradients += forward.member * stride
        back.forward = forward.own(parameters: stride, transposes: transposedStride)
        back.isFirst = isFirstOfMember
        back.isFirstOfScenario = isFirstOfMemberAndScenario
        back.refreshesBackward = true
        return back
    }

    @inline(__always) package var parameters: UnsafeMutablePointer<Scalar> { forward.parameters }
    @inline(__always) package var transposes: UnsafeMutablePointer<Scalar> { forward.transposes }
    @inline(__always) package var rows: Int { forward.rows }
    @inline(__always) package var scenario: Int { forward.scenario }
    @inline(__always) package var lists: UnsafePointer<Int32> { forward.lists }
    @inline(__always) package var scratch: UnsafeMutablePointer<Scalar> { forward.scratch }
    @inline(__always) package var scenarioNorms: UnsafeMutablePointer<Scalar> { forward.scenarioNorms }
    @inline(__always) package var norms: UnsafeMutablePointer<Scalar> { forward.norms }
    @inline(__always) package var sums: UnsafeMutablePointer<Double> { forward.sums }
    @inline(__always) package var product: Product<Scalar> { forward.product }
    @inline(__always) package var level: Int32 { forward.product.level }

    /// A value of this tile.
    @inline(__always)
    package func view(_ value: GraphValue) -> MatrixView<Scalar> { forward.view(value) }

    /// The gradient in a value.
    @inline(__always)
    package func gradient(_ value: GraphValue) -> MatrixView<Scalar> {
        if value.isFeatures {
            let first = value.column - forward.inputs
            return embedded.columns(first..<first + value.width)
        }
        let offset = gradientOffsets[value.storage] * forward.capacity + forward.origin * value.stride
        return MatrixView(
            valueGradients + offset + value.column, rows: forward.rows, columns: value.width,
            stride: value.stride)
    }
}
