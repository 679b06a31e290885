/// A tile of rows on its way through the nodes: pointers and numbers only.
///
/// Values lie in a workspace that holds this tile alone; parameters' gradients go to the shard the tile belongs to.
package struct GraphTile<Scalar: BLASScalar> {
    package let parameters: UnsafeMutablePointer<Scalar>
    package let transposes: UnsafeMutablePointer<Scalar>
    /// The gradient vector of the tile's shard.
    package let gradients: UnsafeMutablePointer<Scalar>
    package let workspace: UnsafeMutablePointer<Scalar>
    /// Elements per row before the gradients.
    package let forwardElements: Int
    /// Per storage the elements per row of the gradients before its own.
    package let gradientOffsets: UnsafeBufferPointer<Int>
    /// Rows the workspace is planned for.
    package let capacity: Int
    package let rows: Int
    /// The features of the tile, `[rows, inputs + embedded]`.
    package let features: MatrixView<Scalar>
    /// The gradient in the embedded features.
    package let embedded: MatrixView<Scalar>
    package let inputs: Int
    package let scenario: Int
    /// Whether the tile is the first of its shard, and the first of its scenario there: gradients overwrite.
    package let isFirst: Bool
    package let isFirstOfScenario: Bool
    /// Whether this worker's copies of the scenario's weights are another's, in the forward and backward pass.
    package let refreshesForward: Bool
    package let refreshesBackward: Bool
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
            workspace + value.offsetPerRow * capacity + value.column, rows: rows, columns: value.width,
            stride: value.stride)
    }

    /// The gradient in a value.
    @inline(__always)
    package func gradient(_ value: GraphValue) -> MatrixView<Scalar> {
        if value.isFeatures {
            return embedded.columns(value.column - inputs..<value.column - inputs + value.width)
        }
        return MatrixView(
            workspace + (forwardElements + gradientOffsets[value.storage]) * capacity + value.column,
            rows: rows, columns: value.width, stride: value.stride)
    }
}
