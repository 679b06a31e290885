import MTLData
import MTLEngine
import Synchronization

/// A table in memory.
func table(_ text: String, threads: Int = 1, blockBytes: Int = 1 << 20) throws -> TableReader {
    try TableReader(
        bytes: Array(text.utf8), path: "table.csv",
        options: ReadingOptions(threads: threads, blockBytes: blockBytes))
}

/// A header, and lines that a closure makes.
func text(_ header: String, rows: Int, _ line: (Int) -> String) -> String {
    header + "\n" + (0..<rows).map { line($0) + "\n" }.joined()
}

/// The labels that sampling leaves per row of a table, NaN where one is missing, and no row where none is.
func sampled(
    _ source: TableReader, _ schema: Schema, _ sampling: Sampling, parents: [String: String] = [:]
) throws -> [Int: [Double]] {
    let preprocessor = try Preprocessor(fitting: source, schema: schema)
    let sampler = try Sampler(sampling, preprocessor, parents: parents)
    let plan = try ColumnPlan(schema, of: source, withLabels: true)
    let found = Mutex<[Int: [Double]]>([:])
    try source.read { (block, _) throws(InputError) in
        var parsed = ParsedBlock(block, plan, classes: preprocessor.classes)
        let kept = sampler.sample(&parsed, plan, preprocessor, rows: parsed.rows)
        found.withLock { found in
            for row in kept { found[block.record(row)] = parsed.labels.map { $0[row] } }
        }
    }
    return found.withLock { $0 }
}

/// Whether so many are a share of all, within four standard deviations.
func isShare(_ found: Int, of all: Int, _ share: Double) -> Bool {
    abs(Double(found) - share * Double(all)) <= 4 * (Double(all) * share * (1 - share)).squareRoot()
}

/// What a preprocessor makes of a table, by name and in the order of its rows.
struct Encoded: Equatable {
    var dense: [String: [Float]] = [:]
    var ids: [String: [Int32]] = [:]
    var bags: [String: [[Int32]]] = [:]
    var bagWeights: [String: [[Float]]] = [:]
    var labels: [String: [Float]] = [:]
    var weights: [Float] = []
    var scenarios: [Int32] = []

    /// NaN is not itself; bits are.
    static func == (left: Self, right: Self) -> Bool {
        func bits(_ values: [String: [Float]]) -> [String: [UInt32]] {
            values.mapValues { $0.map(\.bitPattern) }
        }
        return bits(left.dense) == bits(right.dense) && left.ids == right.ids && left.bags == right.bags
            && left.bagWeights == right.bagWeights && bits(left.labels) == bits(right.labels)
            && left.weights == right.weights && left.scenarios == right.scenarios
    }
}

extension Preprocessor {
    func encoded(
        _ source: TableReader, isTraining: Bool = false, withLabels: Bool = true
    ) throws -> Encoded {
        let plan = try ColumnPlan(schema, of: source, withLabels: withLabels)
        let blocks = Mutex<[Int: EncodedRows]>([:])
        try source.read { (block, _) throws(InputError) in
            let parsed = ParsedBlock(block, plan, classes: classes)
            if let error = parsed.errors.first { throw error }
            let rows = encode(parsed, plan, rows: parsed.rows, isTraining: isTraining)
            blocks.withLock { $0[block.index] = rows }
        }
        var encoded = Encoded()
        for (_, rows) in blocks.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            append(rows, to: &encoded, withLabels: withLabels)
        }
        return encoded
    }

    private func append(_ rows: EncodedRows, to encoded: inout Encoded, withLabels: Bool) {
        func column<Element>(_ values: [Element], _ index: Int, of count: Int) -> [Element] {
            (0..<rows.count).map { values[$0 * count + index] }
        }
        for (index, name) in denseNames.enumerated() {
            encoded.dense[name, default: []] += column(rows.dense, index, of: denseNames.count)
        }
        let singles = embedded.filter { $0.pooling == .single }
        for (index, feature) in singles.enumerated() {
            encoded.ids[feature.name, default: []] += column(rows.ids, index, of: singles.count)
        }
        for (feature, bag) in zip(embedded.filter { $0.pooling != .single }, rows.bags) {
            for row in 0..<rows.count {
                let range = Int(bag.offsets[row])..<Int(bag.offsets[row + 1])
                encoded.bags[feature.name, default: []].append(Array(bag.ids[range]))
                if !bag.weights.isEmpty {
                    encoded.bagWeights[feature.name, default: []].append(Array(bag.weights[range]))
                }
            }
        }
        for (index, label) in schema.labels.enumerated() where withLabels {
            encoded.labels[label.name, default: []] += column(rows.labels, index, of: schema.labels.count)
        }
        encoded.weights += rows.weights
        encoded.scenarios += rows.scenarios
    }
}

/// Per row its part.
func parts(
    _ splitter: Splitter, _ source: TableReader, _ schema: Schema
) throws -> [Part] {
    let plan = try ColumnPlan(schema, of: source, withLabels: true)
    let blocks = Mutex<[Int: [Part]]>([:])
    try source.read { (block, _) throws(InputError) in
        let parsed = ParsedBlock(
            block, plan, classes: [Vocabulary?](repeating: nil, count: schema.labels.count))
        let parts = parsed.rows.map { splitter.part(parsed, $0) }
        blocks.withLock { $0[block.index] = parts }
    }
    return blocks.withLock { $0 }.sorted { $0.key < $1.key }.flatMap(\.value)
}
