/// How a batch is cut.
///
/// - A *block* of rows is what a partial loss is summed over. It depends on the batch only, so a loss keeps its bits
///   whatever the number of workers.
/// - A *tile* of blocks is what a worker takes through the layers and back while it is in its cache.
/// - A *chunk* of tiles is what lies between two meetings of the workers, where they turn from rows to parameters.
package struct RowPlan: Sendable {
    /// Rows of the largest chunk: what the workspace holds.
    package let chunkRows: Int
    private let largestTile: Int
    private let tileShare: Int
    private let mayHalve: Bool

    /// Bytes of activations and gradients that a chunk of a small model may fill: about a core's share of the
    /// second-level cache, since the parameters' gradients read them right after the rows' pass has written them.
    private static let chunkBytes = 1 << 20
    /// Above this many bytes the parameters do not stay in the second-level cache beside the rows: a tile then has to
    /// be high enough to pay for streaming them.
    private static let wideParameterBytes = 1 << 18
    /// The kernels pass partial sums through memory every so many rows: chunks that end there change no bit.
    private static let alignment = 256

    package init<Scalar: BLASScalar>(
        model: SharedBottom, batch: Int, elementsPerRow: Int, backend: MatrixBackend, workers: Int,
        scalar _: Scalar.Type
    ) {
        let scalar = MemoryLayout<Scalar>.stride
        let fitting = Self.chunkBytes / ((elementsPerRow + model.inputWidth) * scalar)
        let isWide = model.layout.denseCount * scalar > Self.wideParameterBytes
        mayHalve =
            backend == .kernels && !isWide && batch >= Self.halvedRows && model.embedding.isEmpty
        switch backend {
        case .kernels:
            largestTile = isWide ? 512 : 64
            tileShare = workers
            let rows = isWide ? max(fitting, largestTile * workers) : fitting
            chunkRows = min(batch, max(Self.alignment, rows / Self.alignment * Self.alignment))
        case .openBLAS:
            // It may round a product otherwise when it is cut otherwise: four tiles, for any number of workers.
            largestTile = isWide ? 512 : 256
            tileShare = 4
            chunkRows = min(batch, 4 * largestTile)
        }
    }

    /// Rows of a block in a batch of `rows`: small batches are cut finer, so that workers can share them.
    package func blockRows(batch rows: Int) -> Int { min(64, max(16, (rows / 4 + 7) / 8 * 8)) }

    /// Rows of a tile in a batch of `rows`, a multiple of the block's.
    package func tileRows(batch rows: Int) -> Int {
        let block = blockRows(batch: rows)
        let share = (min(rows, chunkRows) + tileShare - 1) / tileShare
        return max(block, min(largestTile, (share + block - 1) / block * block) / block * block)
    }

    /// Whether a step on `rows` takes the gradients of two halves of its rows apart: below this many rows the sum of
    /// the two costs more than it saves.
    package func isHalved(batch rows: Int) -> Bool { mayHalve && rows >= Self.halvedRows }
    private static let halvedRows = 128

    /// The most blocks a batch of up to `batch` rows is cut into.
    package func blockLimit(batch: Int) -> Int { batch / 16 + 1 }
}
