/// Which embedded features a step takes through the first layer table by table instead of row by row.
///
/// For a feature of one id a row, x W = … + e[id] W_f: where its table is small, the products P_f = E_f W_f of all its rows are
/// taken once a step, and a row of the batch adds up its P_f[id]. Backward likewise: dP_f[id] sums dz over the rows, then
/// dW_f = E_fᵀ dP_f and dE_f = dP_f W_fᵀ. With V rows in the table, a batch of B rows costs additions instead of products of
/// its B rows and products of V rows; the sums are the same but for the order of their terms.
package struct FoldPlan: Sendable {
    package struct Table: Sendable {
        let table: Int
        /// Its readers among `fields`.
        let fields: Range<Int>
    }

    package struct Field: Sendable {
        /// Among the embedded features.
        let field: Int
        /// Rows of the first layer's weights.
        let weights: Range<Int>
        let tableRows: Int
        /// The first of its rows in the matrix of all products.
        let start: Int
    }

    package let tables: [Table]
    package let fields: [Field]
    /// The columns of the first layer's input that are left to a product.
    package let runs: [Range<Int>]
    /// Per embedded feature and per table whether it is folded.
    package let isFolded: [Bool]
    package let isTableFolded: [Bool]
    /// Rows of all products.
    package let productRows: Int

    /// What all products of a step may take: they are read at random.
    private static let productBytes = 1 << 19

    /// nil where there is nothing to fold.
    package init?(_ model: SharedBottom, batch: Int, backend: MatrixBackend, scalarBytes: Int) {
        let embedding = model.embedding
        guard !model.trunk.isEmpty, backend == .kernels, let layer = model.layers.first else { return nil }
        var left = Self.productBytes / (layer.outputs * scalarBytes)
        var chosen: [Int] = []
        for table in embedding.tables.indices.sorted(by: {
            (embedding.tables[$0].rows, $0) < (embedding.tables[$1].rows, $1)
        }) {
            let readers = embedding.readers[table]
            let rows = embedding.tables[table].rows
            // A table as long as the batch saves nothing.
            guard 2 * rows <= batch, rows * readers.count <= left,
                readers.allSatisfy({ embedding.fields[$0].pooling == .single })
            else { continue }
            left -= rows * readers.count
            chosen.append(table)
        }
        guard !chosen.isEmpty else { return nil }
        var tables: [Table] = []
        var fields: [Field] = []
        var start = 0
        var isFolded = [Bool](repeating: false, count: embedding.fields.count)
        for table in chosen.sorted() {
            let first = fields.count
            for reader in embedding.readers[table] {
                let column = model.inputs + embedding.fields[reader].column
                let rows = embedding.tables[table].rows
                fields.append(
                    Field(
                        field: reader, weights: column..<column + embedding.tables[table].width,
                        tableRows: rows,
                        start: start))
                start += rows
                isFolded[reader] = true
            }
            tables.append(Table(table: table, fields: first..<fields.count))
        }
        var runs: [Range<Int>] = []
        var begin = 0
        for field in embedding.fields.indices where isFolded[field] {
            let column = model.inputs + embedding.fields[field].column
            if column > begin { runs.append(begin..<column) }
            begin = column + embedding.fields[field].width
        }
        if begin < model.inputWidth { runs.append(begin..<model.inputWidth) }
        self.tables = tables
        self.fields = fields
        self.runs = runs
        self.isFolded = isFolded
        isTableFolded = embedding.tables.indices.map { chosen.contains($0) }
        productRows = start
    }

    /// The pieces of the first layer's weights, cut where folded rows begin and end.
    func cut(_ piece: ParameterPiece) -> [ParameterPiece] {
        let folded = fields.map(\.weights).sorted { $0.lowerBound < $1.lowerBound }
        var pieces: [ParameterPiece] = []
        func add(_ range: Range<Int>, isFolded: Bool) {
            let rows = range.clamped(to: piece.rows)
            guard !rows.isEmpty else { return }
            if isFolded, let last = pieces.last, last.isFolded {
                pieces[pieces.count - 1] = ParameterPiece(
                    layer: piece.layer, blocks: piece.blocks, rows: last.rows.lowerBound..<rows.upperBound,
                    isFolded: true)
            } else {
                pieces.append(
                    ParameterPiece(layer: piece.layer, blocks: piece.blocks, rows: rows, isFolded: isFolded))
            }
        }
        var begin = piece.rows.lowerBound
        for range in folded {
            if range.lowerBound > begin { add(begin..<range.lowerBound, isFolded: false) }
            add(range, isFolded: true)
            begin = range.upperBound
        }
        if begin < piece.rows.upperBound { add(begin..<piece.rows.upperBound, isFolded: false) }
        return pieces
    }
}
