/// A tile of rows: neighbours in the step's order of rows, all of one scenario.
package struct GraphRowTile: BitwiseCopyable {
    package let first: Int
    package let count: Int
    package let scenario: Int
    package let shard: Int
    /// Whether it is the first of its shard, and the first of its scenario there.
    package let isFirst: Bool
    package let isFirstOfScenario: Bool
}

/// How a batch is cut: into shards of tiles, by its size and the model alone, so that no sum depends on the workers.
package struct GraphRowPlan: Sendable {
    /// The most rows of a tile.
    package let tileLimit: Int
    package let scenarios: Int

    /// Bytes of activations and gradients of a tile: about what a core's second-level cache holds from pass to pass.
    /// Below 64 rows a weight matrix's gradient costs more to stream than its product saves.
    private static let tileBytes = 3 << 18

    package init(elementsPerRow: Int, scalarBytes: Int, scenarios: Int) {
        let fitting = Self.tileBytes / (elementsPerRow * scalarBytes)
        tileLimit = max(64, min(128, fitting / 8 * 8))
        self.scenarios = scenarios
    }

    /// Shards of a batch: each has a gradient vector of its own.
    package static func shards(rows: Int) -> Int { rows <= 32 ? 1 : rows <= 1024 ? 2 : 4 }

    /// The most rows of a tile in a batch of `rows`: shards are cut into tiles of about equal height.
    package func tileRows(rows: Int) -> Int {
        let shard = (rows + Self.shards(rows: rows) - 1) / Self.shards(rows: rows)
        let tiles = (shard + tileLimit - 1) / tileLimit
        return min(tileLimit, ((shard + tiles - 1) / tiles + 7) / 8 * 8)
    }

    /// The most tiles that a batch of up to `batch` rows is cut into.
    package func tileCount(batch: Int) -> Int { batch / 16 + scenarios + 4 }

    /// Cuts groups of neighbouring rows (one per scenario, or one) into tiles.
    ///
    /// - Returns: the number of tiles.
    package func cut(
        rows: Int, tileRows: Int, groups: UnsafePointer<Int>, groupCount: Int,
        into tiles: UnsafeMutablePointer<GraphRowTile>
    ) -> Int {
        let shards = Self.shards(rows: rows)
        var (count, start) = (0, 0)
        for group in 0..<groupCount where groups[group] > 0 {
            let parts = (groups[group] + tileRows - 1) / tileRows
            let height = min(tileRows, ((groups[group] + parts - 1) / parts + 7) / 8 * 8)
            let end = start + groups[group]
            while start < end {
                let size = min(height, end - start)
                let shard = min(shards - 1, (start + size / 2) * shards / rows)
                let isFirst = count == 0 || tiles[count - 1].shard != shard
                tiles[count] = GraphRowTile(
                    first: start, count: size, scenario: group, shard: shard, isFirst: isFirst,
                    isFirstOfScenario: isFirst || tiles[count - 1].scenario != group)
                count += 1
                start += size
            }
        }
        return count
    }
}

/// The order of a batch's rows by scenario: a counting sort that keeps the batch's order within each.
package struct GraphRowOrder {
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
