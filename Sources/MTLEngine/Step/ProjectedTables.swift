/// Which embedded features a step takes through the first layers table by table instead of row by row.
///
/// For a feature of one id a row, x W = … + g e[id] W_f, with a gate g or without (then it is 1): where its table is small, the
/// products P_f = E_f W_f of all its rows are taken once a step, and a row of the batch adds up its g P_f[id]. Backward
/// likewise: dP_f[id] sums g dz over the rows, then dW_f = E_fᵀ dP_f and dE_f = dP_f W_fᵀ, and dg = ⟨P_f[id], dz⟩. With V rows in
/// the table, a batch of B rows costs additions instead of products of its B rows and products of V rows; the sums are the
/// same but for the order of their terms. A layer over means of fields, as gates are made of, is the same with E's row means.
///
/// A table is projected where every reader of its columns is a dense node (a trunk, experts, gates) that can do so, a gate or a
/// mean: then no tile needs the vectors themselves; see `FieldColumns`.
package struct ProjectedTables: Sendable {
    package struct Table: Sendable {
        let table: Int
        /// Its readers among `fields`.
        let fields: Range<Int>
    }

    package struct Field: Sendable {
        /// Among the embedded features.
        let field: Int
        let tableRows: Int
        /// The first of its rows among those of all fields.
        let start: Int
    }

    /// A field that a node reads.
    struct Read: Sendable {
        /// Among `fields`.
        let field: Int
        /// Its columns of a dense node's input, which are the weights' rows.
        let columns: Range<Int>
        let gate: FieldColumns.Gate?
        let isMean: Bool
    }

    /// A dense node over projected columns.
    struct Layer: Sendable {
        let node: DenseNode
        /// In the order of the fields.
        let reads: [Read]
        /// The columns of its input that are left to a product, and those of them that have a gradient.
        let runs: [Range<Int>]
        let gradientRuns: [Range<Int>]
    }

    package let tables: [Table]
    package let fields: [Field]
    /// Per embedded feature and per table whether it is projected.
    package let isFieldProjected: [Bool]
    package let isTableProjected: [Bool]
    /// The dense nodes over projected columns, by their places among the plan's nodes.
    let layers: [Int: Layer]
    /// Per storage and column whether it belongs to a projected field: no tile looks it up, copies it, gates it or takes its mean.
    let isColumnProjected: [[Bool]]
    /// Rows of all fields.
    package let rows: Int
    /// Elements of a row's workspace, values and gradients, that no tile touches.
    package let idleElements: Int

    /// What all products of a step may take: they are read at random.
    private static let productBytes = 1 << 19

    /// nil where there is nothing to project.
    package init?(_ plan: ModelPlan, batch: Int, backend: MatrixBackend, scalarBytes: Int) {
        let embedding = plan.embedding
        // Members multiply each vector by factors of their own.
        guard backend == .kernels, !embedding.isEmpty, plan.members == nil else { return nil }
        let found = FieldColumns(plan)
        var widths = [Int](repeating: 0, count: embedding.fields.count)
        for layer in found.layers.values {
            for read in layer.reads { widths[read.field] += layer.node.layer.width }
        }
        var left = Self.productBytes / scalarBytes
        var chosen: [Int] = []
        for table in embedding.tables.indices.sorted(by: {
            (embedding.tables[$0].rows, $0) < (embedding.tables[$1].rows, $1)
        }) {
            let readers = embedding.readers[table]
            let rows = embedding.tables[table].rows
            let size = readers.reduce(0) { $0 + rows * widths[$1] }
            // A table as long as the batch saves nothing.
            guard 2 * rows <= batch, size <= left,
                readers.allSatisfy({ !found.isHeld[$0] && widths[$0] > 0 })
            else { continue }
            left -= size
            chosen.append(table)
        }
        guard !chosen.isEmpty else { return nil }
        var tables: [Table] = []
        var fields: [Field] = []
        var start = 0
        var places = [Int?](repeating: nil, count: embedding.fields.count)
        for table in chosen.sorted() {
            let first = fields.count
            for reader in embedding.readers[table] {
                let rows = embedding.tables[table].rows
                places[reader] = fields.count
                fields.append(Field(field: reader, tableRows: rows, start: start))
                start += rows
            }
            tables.append(Table(table: table, fields: first..<fields.count))
        }
        func projected(_ reads: [FieldColumns.Read]) -> [Read] {
            reads.compactMap { read in
                places[read.field].map {
                    Read(field: $0, columns: read.columns, gate: read.gate, isMean: read.isMean)
                }
            }.sorted { $0.field < $1.field }
        }
        let isColumnProjected = plan.widths.enumerated().map { storage, width in
            (0..<width).map { column in found.field(storage, column).map { places[$0] != nil } ?? false }
        }
        layers = found.layers.compactMapValues { node, reads in
            let reads = projected(reads)
            guard !reads.isEmpty else { return nil }
            let x = node.x
            let runs = Program.runs(x.range.map { !isColumnProjected[x.storage][$0] })
            let gradientRuns = Program.runs(
                x.range.map { !isColumnProjected[x.storage][$0] && !found.isNumber(x.storage, $0) })
            return Layer(node: node, reads: reads, runs: runs, gradientRuns: gradientRuns)
        }
        self.isColumnProjected = isColumnProjected
        self.tables = tables
        self.fields = fields
        isFieldProjected = places.map { $0 != nil }
        isTableProjected = embedding.tables.indices.map { chosen.contains($0) }
        rows = start
        idleElements = 2 * isColumnProjected.reduce(0) { $0 + $1.count { $0 } }
    }

    /// The rows of a dense node's weights whose gradient the projection leaves.
    func weightRows(of ordinal: Int) -> [Range<Int>] { layers[ordinal]?.reads.map(\.columns) ?? [] }
}
