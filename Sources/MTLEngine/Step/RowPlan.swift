/// A tile of rows: neighbours in the step's order of rows, all of one scenario.
package struct RowTile: BitwiseCopyable {
    package let first: Int
    package let count: Int
    package let scenario: Int
    /// The chunk it lies in, and its first row there.
    package let chunk: Int
    package let origin: Int
    package let shard: Int
    /// Whether it is the first of its shard, and the first of its scenario there.
    package let isFirst: Bool
    package let isFirstOfScenario: Bool
    /// The first of its blocks, which losses and labels are summed over.
    package let block: Int
    package var worker: Int32
}

/// How a batch is cut.
///
/// - A *chunk* of rows is what lies between two meetings of the workers, where they turn from rows to parameters.
/// - A *shard* of a chunk has gradients of its own for parameters whose gradient each tile takes.
/// - A *tile* is what a worker takes through the nodes and back while it is in its cache.
/// - A *block* of a tile is what a partial loss is summed over.
///
/// Blocks and shards depend on the batch and the model alone, so that no sum depends on the number of workers.
package struct RowPlan: Sendable {
    /// Whether weights' gradients of dense nodes are taken over a chunk's rows, piece by piece, instead of tile by tile.
    package let defersWeights: Bool
    /// Whether a chunk's tiles share one workspace; else every worker has one for its tile.
    package let keepsChunk: Bool
    /// Rows of the largest chunk.
    package let chunkRows: Int
    /// Rows that a workspace holds.
    package var capacity: Int { keepsChunk ? chunkRows : tileLimit }
    package let scenarios: Int

    private let workers: Int
    /// Whether workers share units instead of rows: then all rows are one tile.
    private let isSliced: Bool
    /// Whether every sum over rows is over a chunk: then tiles may be as many as workers ask for.
    private let isEven: Bool
    private let tileLimit: Int
    private let tileShare: Int

    /// Bytes of activations and gradients that a chunk of a small model may fill: about a core's share of the
    /// second-level cache, since the parameters' gradients read them right after the rows' pass has written them.
    private static let chunkBytes = 1 << 20
    /// The same of a tile whose weights' gradients are taken at once.
    private static let tileBytes = 3 << 18
    /// Above this many bytes a matrix does not stay in the second-level cache beside the rows: a tile then has to be high
    /// enough to pay for streaming it.
    private static let wideMatrixBytes = 1 << 17
    /// Above this many bytes of parameters, gradients of several shards are dearer than activations read again.
    private static let manyParameterBytes = 1 << 18
    /// The kernels pass partial sums through memory every so many rows: chunks that end there change no bit.
    private static let alignment = 256
    /// From this many rows on, a small model's gradients are less to hand over than its activations.
    private static let shardedRows = 256

    /// What of a model decides.
    package struct Traits {
        /// Elements of the workspace per row.
        package var elementsPerRow: Int
        /// Those of them that projected tables leave alone.
        package var idleElementsPerRow = 0
        package var parameterBytes: Int
        /// Bytes of the largest weight matrix of a dense node's block.
        package var matrixBytes: Int
        package var scalarBytes: Int
        /// Whether dense nodes alone have parameters, and nothing else sums over rows.
        package var isDense: Bool
        /// Whether all rows of a batch meet on their way.
        package var isStaged: Bool
        /// Whether tables are projected.
        package var hasProjection: Bool
        /// Whether members of a packed ensemble take the place of each other in a tile's workspace.
        package var isEnsemble = false
        /// The groups of rows that stay together.
        package var scenarios: Int
        /// Whether the first layers are shared out by units; see `SlicePlan`.
        package var isSliced = false
    }

    package init(_ traits: Traits, batch: Int, backend: MatrixBackend, workers: Int) {
        self.workers = workers
        scenarios = traits.scenarios
        let isWide = traits.matrixBytes > Self.wideMatrixBytes
        isEven = traits.isDense
        isSliced = traits.isSliced
        guard !isSliced else {
            (defersWeights, keepsChunk) = (false, false)
            (chunkRows, tileLimit, tileShare) = (batch, batch, 1)
            return
        }
        defersWeights =
            traits.hasProjection
            || traits.isDense && !traits.isEnsemble
                && (backend == .openBLAS || isWide || traits.parameterBytes > Self.manyParameterBytes
                    || batch < Self.shardedRows)
        keepsChunk = defersWeights || traits.isStaged
        let bytesPerRow = (traits.elementsPerRow - traits.idleElementsPerRow) * traits.scalarBytes
        guard defersWeights, !traits.isStaged, traits.isDense else {
            chunkRows = batch
            tileLimit = max(64, min(128, Self.tileBytes / bytesPerRow / 8 * 8))
            tileShare = Self.shards(rows: batch)
            return
        }
        switch backend {
        case .kernels:
            tileLimit = isWide ? 512 : 64
            tileShare = workers
            let fitting = Self.chunkBytes / bytesPerRow
            let rows = isWide ? max(fitting, tileLimit * workers) : fitting
            chunkRows = min(batch, max(Self.alignment, rows / Self.alignment * Self.alignment))
        case .openBLAS:
            // It may round a product otherwise when it is cut otherwise: four tiles, for any number of workers.
            tileLimit = isWide ? 512 : 256
            tileShare = 4
            chunkRows = min(batch, 4 * tileLimit)
        }
    }

    /// Shards of a chunk of some rows.
    package static func shards(rows: Int) -> Int { rows < 16 ? 1 : rows < 64 ? 2 : 4 }

    /// Shards of a batch: as many gradient vectors there are.
    package func shards(batch rows: Int) -> Int {
        isSliced || isEven && defersWeights ? 1 : Self.shards(rows: rows)
    }

    /// Rows of a block, where tiles do not depend on the batch alone.
    private func blockRows(_ rows: Int) -> Int { min(64, max(16, (rows / 4 + 7) / 8 * 8)) }

    /// The rows of a block in a batch of `rows`.
    package func blockRows(batch rows: Int) -> Int { isEven && defersWeights ? blockRows(rows) : tileLimit }

    /// The most rows of a tile in a batch of `rows`.
    private func tileRows(batch rows: Int) -> Int {
        guard !isSliced else { return rows }
        guard isEven && defersWeights else {
            let shard = (rows + Self.shards(rows: rows) - 1) / Self.shards(rows: rows)
            let tiles = (shard + tileLimit - 1) / tileLimit
            return min(tileLimit, ((shard + tiles - 1) / tiles + 7) / 8 * 8)
        }
        let block = blockRows(rows)
        let share = (min(rows, chunkRows) + tileShare - 1) / tileShare
        return max(block, min(tileLimit, (share + block - 1) / block * block) / block * block)
    }

    /// The most chunks, tiles and blocks that a batch of up to `batch` rows is cut into.
    package func chunkCount(batch: Int) -> Int { (batch + chunkRows - 1) / chunkRows }
    package func tileCount(batch: Int) -> Int { batch / 8 + scenarios + chunkCount(batch: batch) + 4 }

    /// Cuts groups of neighbouring rows (one per scenario, or one) into tiles.
    ///
    /// - Parameters:
    ///   - chunkStarts: takes per chunk its first tile, and the number of tiles behind.
    ///   - shardIsUsed: takes per shard whether it has rows.
    ///   - presence: takes per shard and scenario whether it has rows.
    /// - Returns: the number of blocks.
    package func cut(
        rows: Int, groups: UnsafePointer<Int>, groupCount: Int, into tiles: UnsafeMutablePointer<RowTile>,
        chunkStarts: UnsafeMutablePointer<Int>, shardIsUsed: UnsafeMutablePointer<Bool>,
        presence: UnsafeMutablePointer<Bool>, scenarios: Int
    ) -> Int {
        let shards = shards(batch: rows)
        let (tileRows, blockRows) = (tileRows(batch: rows), blockRows(batch: rows))
        let isEven = isEven && defersWeights
        shardIsUsed.update(repeating: false, count: shards)
        presence.update(repeating: false, count: shards * scenarios)
        var (count, block, start, chunk) = (0, 0, 0, -1)
        for group in 0..<groupCount where groups[group] > 0 {
            let groupEnd = start + groups[group]
            while start < groupEnd {
                if start >= (chunk + 1) * chunkRows {
                    chunk += 1
                    chunkStarts[chunk] = count
                }
                let chunkStart = chunk * chunkRows
                let end = min(groupEnd, chunkStart + chunkRows)
                let chunkLength = min(chunkRows, rows - chunkStart)
                let parts = (end - start + tileRows - 1) / tileRows
                let height =
                    isEven ? tileRows : min(tileRows, ((end - start + parts - 1) / parts + 7) / 8 * 8)
                while start < end {
                    let size = min(height, end - start)
                    let shard = min(shards - 1, (start - chunkStart + size / 2) * shards / chunkLength)
                    let cell = shard * scenarios + group
                    tiles[count] = RowTile(
                        first: start, count: size, scenario: group, chunk: chunk, origin: start - chunkStart,
                        shard: shard, isFirst: !shardIsUsed[shard], isFirstOfScenario: !presence[cell],
                        block: block, worker: Int32(shard * workers / shards))
                    shardIsUsed[shard] = true
                    presence[cell] = true
                    block += (size + blockRows - 1) / blockRows
                    count += 1
                    start += size
                }
            }
        }
        chunkStarts[chunk + 1] = count
        if isEven {
            for chunk in 0...max(chunk, 0) {
                let (first, end) = (chunkStarts[chunk], chunkStarts[chunk + 1])
                for index in first..<end {
                    tiles[index].worker = Int32((index - first) * workers / (end - first))
                }
            }
        }
        return block
    }
}

/// The order of a batch's rows by scenario: a counting sort that keeps the batch's order within each.
package struct RowOrder {
    /// Per place its row in the batch, and its row in the dataset.
    package let positions: UnsafeMutablePointer<Int32>
    package let sources: UnsafeMutablePointer<Int32>
    /// Rows per scenario.
    package let counts: UnsafeMutablePointer<Int>
    package let next: UnsafeMutablePointer<Int>
    package let scenarios: Int

    package func sort<Scalar>(_ batch: BatchView<Scalar>, rows: Range<Int>) {
        guard let scenario = batch.scenarios else { return }
        counts.update(repeating: 0, count: scenarios)
        for row in rows { counts[Int(scenario[batch.sourceRow(row)])] += 1 }
        var start = 0
        for index in 0..<scenarios {
            next[index] = start
            start += counts[index]
        }
        for row in rows {
            let source = batch.sourceRow(row)
            let place = next[Int(scenario[source])]
            next[Int(scenario[source])] = place + 1
            positions[place] = Int32(row)
            sources[place] = Int32(source)
        }
    }
}
