import MTLData
import MTLEngine
import Synchronization

/// The rows of a source in order, each as its cells.
func rows(_ source: any RowSource) throws -> [[String]] {
    let blocks = Mutex<[(Int, [[String]])]>([])
    try source.read { block, _ in
        let rows = (0..<block.rowCount).map { row in block.columns.indices.map { block.string(row, $0) } }
        blocks.withLock { $0.append((block.index, rows)) }
    }
    return blocks.withLock { $0.sorted { $0.0 < $1.0 }.flatMap(\.1) }
}

/// A text as a source.
func table(_ text: String, options: ReadingOptions = ReadingOptions()) throws -> TableReader {
    try TableReader(bytes: Array(text.utf8), path: "rows.csv", options: options)
}
