/// A tile of rows on its way up through the nodes: pointers and numbers only. It knows no gradient.
///
/// Values lie in a workspace that holds this tile alone, or a whole chunk of rows of which the tile is a part.
package struct ForwardTile<Scalar: BLASScalar> {
    package let parameters: UnsafeMutablePointer<Scalar>
    package let transposes: UnsafeMutablePointer<Scalar>
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
    package let refreshes: Bool
    package let isTraining: Bool
    /// What dropout draws from, and the tile's rows in the batch.
    package let dropoutKey: UInt64
    package let positions: UnsafePointer<Int32>?
    package let start: Int
    /// Lists of the program; per worker memory of the scenarios' weights and of whoever needs some.
    package let lists: UnsafePointer<Int32>
    package let scratch: UnsafeMutablePointer<Scalar>
    /// Statistics of the batch norms: of the tile's scenario, of all rows, and the tile's own sums.
    package let scenarioNorms: UnsafeMutablePointer<Scalar>
    package let norms: UnsafeMutablePointer<Scalar>
    package let sums: UnsafeMutablePointer<Double>
    package let product: Product<Scalar>

    package var level: Int32 { product.level }

    /// A value of this tile.
    @inline(__always)
    package func view(_ value: GraphValue) -> MatrixView<Scalar> {
        if value.isFeatures { return features.columns(value.range) }
        return MatrixView(
            workspace + value.offsetPerRow * capacity + origin * value.stride + value.column, rows: rows,
            columns: value.width, stride: value.stride)
    }
}
