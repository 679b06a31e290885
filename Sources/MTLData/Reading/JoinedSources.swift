package import MTLEngine
internal import Synchronization

/// The rows of several sources, one source after the other; their columns may differ, since a block knows its source.
///
/// Records and blocks are counted through, so that what is drawn for a row is drawn for no row of another source.
package final class JoinedSources: RowSource {
    /// The sources, in their order.
    let sources: [any RowSource]
    /// Per source the labels that its rows have; cells of others are not read.
    let labels: [Set<String>]

    /// What messages call all of them.
    package let path: String
    /// Those of the first source.
    package var columns: [String] { sources[0].columns }
    /// Workers that call at the same time.
    package let threads: Int
    /// How the cells of the rows are read.
    package var format: TableFormat { sources[0].format }
    /// What was found out about the texts.
    package var notes: [String] { sources.flatMap(\.notes) }

    /// Joins sources, of which there is at least one.
    init(_ sources: [(source: any RowSource, labels: Set<String>)]) {
        precondition(!sources.isEmpty, "no source")
        self.sources = sources.map(\.source)
        labels = sources.map(\.labels)
        path = sources.map(\.source.path).joined(separator: ", ")
        threads = sources.map(\.source.threads).max() ?? 1
    }

    /// Calls `consume` for every block of every source.
    ///
    /// - Throws: the first error in the order of the sources.
    @discardableResult
    package func read(
        _ consume: (RowBlock, _ worker: Int) throws(InputError) -> Void
    ) throws(InputError) -> ReadingReport {
        var whole = ReadingReport()
        var (blocks, records) = (0, 0)
        for (number, source) in sources.enumerated() {
            let (firstBlock, firstRecord) = (blocks, records)
            let ends = Mutex((block: blocks, record: records))
            let report = try source.read { (block, worker) throws(InputError) in
                block.source = number
                block.index += firstBlock
                block.firstRecord += firstRecord
                // The source puts its errors in order by its own count of blocks.
                defer { block.index -= firstBlock }
                let last = block.rowCount > 0 ? block.record(block.rowCount - 1) : block.firstRecord
                ends.withLock { $0 = (max($0.block, block.index + 1), max($0.record, last + 1)) }
                try consume(block, worker)
            }
            (blocks, records) = ends.withLock { $0 }
            whole.add(report)
        }
        return whole
    }

    /// The first block of the first source, to look at.
    ///
    /// - Throws: what `read` throws of it.
    package func first() throws(InputError) -> RowBlock { try sources[0].first() }
}
