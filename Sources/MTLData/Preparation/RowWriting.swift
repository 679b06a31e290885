internal import MTLEngine
internal import Synchronization

/// Encodes the rows of sources, several blocks at a time, into the caches of their parts, in the order of the source.
struct RowWriting {
    private let preprocessor: Preprocessor
    private let files: PreparedFiles
    private let fingerprint: String
    private let badRows: BadRows
    private(set) var rows: [Part: Int] = [:]
    /// Per part the blocks of each source, where several are joined.
    private(set) var blocks: [Part: [Int]] = [:]

    init(_ preprocessor: Preprocessor, files: PreparedFiles, fingerprint: String, badRows: BadRows) {
        self.preprocessor = preprocessor
        self.files = files
        self.fingerprint = fingerprint
        self.badRows = badRows
    }

    /// - Parameter splitter: nil puts all rows into the one part there is.
    mutating func write(
        _ source: any RowSource, parts: [Part], splitter: Splitter?, sampler: Sampler?,
        _ bad: inout BadRowCount
    ) throws(InputError) {
        try write(opened: source, parts: parts, splitter: splitter, sampler: sampler, &bad)
    }

    private mutating func write(
        opened source: some RowSource, parts: [Part], splitter: Splitter?, sampler: Sampler?,
        _ bad: inout BadRowCount
    ) throws(InputError) {
        let preprocessor = self.preprocessor
        let plans = try ColumnPlans(preprocessor.schema, of: source, withLabels: true)
        var layout = CacheLayout(preprocessor, fingerprint: fingerprint)
        if plans.count > 1 {
            layout.labelSources = plans.labelSources
            layout.sourceBlocks = [Int](repeating: 0, count: plans.count)
        }
        let writers = OrderedWriters(parts, files: files, layout: layout)
        let refuses = badRows == .refuse
        let report = try source.read { (block, _) throws(InputError) in
            let plan = plans[block]
            var parsed = ParsedBlock(block, plan, classes: preprocessor.classes)
            if refuses, let error = parsed.errors.first { throw error }
            var encoded: [EncodedRows] = []
            let partOf = splitter.map { splitter in parsed.rows.map { splitter.part(parsed, $0) } }
            for part in parts {
                let rows = Self.rows(of: part, &parsed, plan, partOf, sampler, preprocessor)
                encoded.append(preprocessor.encode(parsed, plan, rows: rows, isTraining: part == .training))
            }
            try writers.add(block.index, encoded, of: block.source, errors: parsed.errors)
        }
        for (part, written) in try writers.finish() {
            rows[part, default: 0] += written.rowCount
            blocks[part] = written.layout.sourceBlocks
        }
        let found = writers.errorCount + report.badRows
        try badRows.check(
            found, of: report.rows + report.badRows,
            first: (report.examples.first ?? writers.errors.first)?.description, at: source.path)
        bad.count += found
        let examples = (report.examples + writers.errors).map(\.description)
        bad.examples += examples.prefix(max(0, OrderedWriters.exampleLimit - bad.examples.count))
    }
}

extension RowWriting {
    /// The rows of a block that are written into a part.
    ///
    /// - Parameter partOf: the part of each row; nil where all are in one.
    static func rows(
        of part: Part, _ parsed: inout ParsedBlock, _ plan: ColumnPlan, _ partOf: [Part]?,
        _ sampler: Sampler?,
        _ preprocessor: Preprocessor
    ) -> [Int] {
        let rows =
            partOf.map { partOf in zip(parsed.rows, partOf).filter { $0.1 == part }.map(\.0) } ?? parsed.rows
        guard part == .training, let sampler else { return rows }
        return sampler.sample(&parsed, plan, preprocessor, rows: rows)
    }
}

/// Caches that take encoded blocks in any order and write them in theirs.
private final class OrderedWriters: @unchecked Sendable {
    static let exampleLimit = 20

    private let parts: [Part]
    private let files: PreparedFiles
    private let layout: CacheLayout
    private let lock = Mutex<Void>(())
    // All below under the lock, until the workers are done.
    private var writers: [CacheWriter?]
    private var waiting: [Int: (rows: [EncodedRows], source: Int, errors: [InputError])] = [:]
    private var next = 0
    private(set) var errors: [InputError] = []
    private(set) var errorCount = 0

    init(_ parts: [Part], files: PreparedFiles, layout: CacheLayout) {
        self.parts = parts
        self.files = files
        self.layout = layout
        writers = [CacheWriter?](repeating: nil, count: parts.count)
    }

    func add(
        _ index: Int, _ rows: [EncodedRows], of source: Int, errors: [InputError]
    ) throws(InputError) {
        try lock.withLock { (_) throws(InputError) in
            waiting[index] = (rows, source, errors)
            while let ready = waiting.removeValue(forKey: next) {
                next += 1
                errorCount += ready.errors.count
                self.errors += ready.errors.prefix(max(0, Self.exampleLimit - self.errors.count))
                for (place, rows) in ready.rows.enumerated() where rows.count > 0 {
                    let writer = try self.writer(place)
                    try writer.append(rows, of: ready.source)
                }
            }
        }
    }

    private func writer(_ place: Int) throws(InputError) -> CacheWriter {
        if let writer = writers[place] { return writer }
        let writer = try CacheWriter(files.path(parts[place]), layout)
        writers[place] = writer
        return writer
    }

    /// Brings the files under their names.
    func finish() throws(InputError) -> [(Part, CacheWriter)] {
        var written: [(Part, CacheWriter)] = []
        for (part, writer) in zip(parts, writers) {
            guard let writer else { continue }
            try writer.finish()
            written.append((part, writer))
        }
        return written
    }
}
