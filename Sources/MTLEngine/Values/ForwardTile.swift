/// A tile of rows on its way up through the nodes: pointers and numbers only. It knows no gradient.
///
/// Values lie in a workspace that holds this tile alone, or a whole chunk of rows of which the tile is a part.
package struct ForwardTile<Scalar: BLASScalar> {
    package var parameters: UnsafeMutablePointer<Scalar>
    package var transposes: UnsafeMutablePointer<Scalar>
    package let workspace: UnsafeMutablePointer<Scalar>
    /// Rows the workspace is planned for, and the tile's first row there.
    package let capacity: Int
    package let origin: Int
    package let rows: Int
    /// The features of the tile, `[rows, inputs + embedded]`.
    package let features: MatrixView<Scalar>
    package let inputs: Int
    package let scenario: Int
    /// Whether this worker's copies of the scenario's weights are another's.
    package var refreshes: Bool
    package let isTraining: Bool
    /// What dropout draws from, and the tile's rows in the batch.
    package var dropoutKey: UInt64
    package let positions: UnsafePointer<Int32>?
    package let start: Int
    /// Lists of the program; per worker memory of the scenarios' weights and of whoever needs some.
    package var lists: UnsafePointer<Int32>
    package let scratch: UnsafeMutablePointer<Scalar>
    /// Statistics of the batch norms: of the tile's scenario, of all rows, and the tile's own sums.
    package let scenarioNorms: UnsafeMutablePointer<Scalar>
    package let norms: UnsafeMutablePointer<Scalar>
    package let sums: UnsafeMutablePointer<Double>
    package let product: Product<Scalar>
    /// Which member of a packed ensemble the rows are on their way through.
    package var member = 0

    package var level: Int32 { product.level }

    /// The same rows on their way through a member of a packed ensemble, which draws for itself.
    @inline(__always)
    package func of(member: Int) -> ForwardTile {
        var tile = self
        tile.member = member
        tile.dropoutKey &+= UInt64(member) &* 0xA24B_AED4_963E_E407
        tile.refreshes = refreshes && member == 0
        return tile
    }

    /// The tile whose parameters are the member's own of a node.
    @inline(__always)
    package func own(parameters stride: Int, transposes transposedStride: Int) -> ForwardTile {
        var tile = self
        tile.parameters += member * stride
        tile.transposes += member * transposedStride
        tile.refreshes = true
        return tile
    }

    /// A value of this tile.
    @inline(__always)
    package func view(_ value: GraphValue) -> MatrixView<Scalar> {
        if value.isFeatures { return features.columns(value.range) }
        return MatrixView(
            workspace + value.offsetPerRow * capacity + origin * value.stride + value.column, rows: rows,
            columns: value.width, stride: value.stride)
    }
}
