internal import MTLEngine

/// All that a proposal is made of, from one reading of a source.
struct TableLook {
    /// A row as the sample keeps it: hashes of its cells, 0 where missing, and numbers, NaN where there is none.
    struct SampledRow {
        let record: Int
        let hashes: [UInt64]
        let numbers: [Double]
    }

    static let sampleRows = 20_000

    let rows: Int
    let columns: [ColumnFacts]
    let sample: [SampledRow]

    /// What one worker sees.
    private final class Counts: @unchecked Sendable {
        var columns: [ColumnCounter]
        var sample: HashSample<SampledRow>

        init(columns: Int, _ limits: ColumnCounter.Limits) {
            self.columns = [ColumnCounter](repeating: ColumnCounter(limits), count: columns)
            sample = HashSample(limit: max(1000, min(TableLook.sampleRows, 4_000_000 / max(1, columns))))
        }

        /// - Returns: the block's numbers, which are added up in the order of the blocks.
        func add(_ block: RowBlock) -> [NumberStatistics] {
            var statistics = [NumberStatistics](
                repeating: NumberStatistics(keepsSample: false), count: columns.count)
            for column in columns.indices {
                var numbers: [Double] = []
                for row in 0..<block.rowCount {
                    guard let cell = block.value(row, column) else {
                        columns[column].addMissing()
                        continue
                    }
                    let number = columns[column].add(cell, block.readings[column])
                    if !number.isNaN { numbers.append(number) }
                }
                statistics[column].add(numbers, records: [Int](repeating: 0, count: numbers.count))
            }
            for row in 0..<block.rowCount {
                sample.add(record: block.record(row)) { Self.sampled(block, row) }
            }
            return statistics
        }

        private static func sampled(_ block: RowBlock, _ row: Int) -> SampledRow {
            var hashes: [UInt64] = []
            var numbers: [Double] = []
            for column in block.columns.indices {
                let cell = block.value(row, column)
                hashes.append(cell.map { ByteMap.hash($0) } ?? 0)
                if let cell, case .number(let value) = block.readings[column].number(cell) {
                    numbers.append(value)
                } else {
                    numbers.append(.nan)
                }
            }
            return SampledRow(record: block.record(row), hashes: hashes, numbers: numbers)
        }
    }

    init(_ source: some RowSource, _ limits: ColumnCounter.Limits) throws(InputError) {
        let names = source.columns
        let workers = (0..<source.threads).map { _ in Counts(columns: names.count, limits) }
        let blocks = Collected<(index: Int, statistics: [NumberStatistics], rows: Int)>()
        try source.read { (block, worker) throws(InputError) in
            blocks.add((block.index, workers[worker].add(block), block.rowCount))
        }
        let ordered = blocks.values.sorted { $0.index < $1.index }
        rows = ordered.reduce(0) { $0 + $1.rows }
        guard rows > 0 else {
            throw InputError(.empty, at: source.path, found: "no row", expected: "at least one")
        }
        for other in workers.dropFirst() {
            for column in names.indices { workers[0].columns[column].merge(other.columns[column]) }
            workers[0].sample.merge(other.sample)
        }
        sample = workers[0].sample.elements()
        var facts: [ColumnFacts] = []
        for column in names.indices {
            var statistics = NumberStatistics(keepsSample: false)
            for block in ordered { statistics.merge(block.statistics[column]) }
            facts.append(
                workers[0].columns[column].facts(name: names[column], rows: rows, statistics: statistics))
        }
        columns = facts
    }
}
