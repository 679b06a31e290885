/// How a batch is cut: tiles that one worker takes through the layers while they are in its cache, and chunks
/// of tiles between which the workers turn from rows to parameters.
///
/// The cut depends on the model and the batch, never on the number of workers: with it every sum keeps its
/// order, and the result its bits.
package struct RowPlan: Sendable {
    /// Rows of the largest chunk: what the workspace holds.
    package let chunkRows: Int
    private let largestTile: Int

    /// Bytes of activations and gradients that a chunk may fill: about a core's share of the second-level cache,
    /// since the parameters' gradients read them right after the rows' pass has written them.
    private static let chunkBytes = 1 << 20

    package init<Scalar: BLASScalar>(
        model: SharedBottom, batch: Int, elementsPerRow: Int, backend: MatrixBackend, scalar _: Scalar.Type
    ) {
        let bytesPerRow = (elementsPerRow + model.inputs) * MemoryLayout<Scalar>.stride
        let fitting = max(256, Self.chunkBytes / bytesPerRow / 64 * 64)
        chunkRows = min(batch, fitting)
        // A tile re-reads the weights once: wide layers need more rows to pay for it, and so does a BLAS that packs.
        let parameterBytes = model.layout.count * MemoryLayout<Scalar>.stride
        largestTile = backend == .openBLAS ? max(64, chunkRows / 4) : parameterBytes > 1 << 18 ? 128 : 64
    }

    /// Rows of a tile in a batch of `rows`: small batches are cut finer, so that two workers share them.
    package func tileRows(batch rows: Int) -> Int {
        min(largestTile, max(16, (min(rows, chunkRows) / 4 + 7) / 8 * 8))
    }

    /// The most tiles a batch of up to `batch` rows is cut into.
    package func tileLimit(batch: Int) -> Int { batch / 16 + batch / chunkRows + 2 }
}
